#!/usr/bin/env bash
# Provide the image debian:bookworm-slim, from a container registry or, where none is reached, from Debian's packages.
set -euo pipefail

tag=debian:bookworm-slim
suite=bookworm
pull_seconds=60
max_age_days=14
cache_dir=${XDG_CACHE_HOME:-$HOME/.cache}/runbook-app
tarball=$cache_dir/$suite-$(dpkg --print-architecture 2>/dev/null || uname -m).tar
host_bundle=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}

say() { printf 'base image: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
as_root() { if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi; }
# A temporary folder of this machine, as $TMPDIR may name one, is not there in the new root.
in_root() { as_root chroot "$root" env -u TMPDIR DEBIAN_FRONTEND=noninteractive LC_ALL=C "$@"; }

require_debootstrap() {
    command -v debootstrap >/dev/null || [ -x /usr/sbin/debootstrap ] && return
    command -v apt-get >/dev/null ||
        die "can neither pull $tag nor install debootstrap here; load the image by hand ('docker load') and repeat"
    say "installing debootstrap"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends debootstrap >/dev/null
}

# The package mirror that this host uses for a suite; empty where it is no Debian of that suite.
host_mirror() {
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' "Codename: $1" 2>/dev/null |
        head -n 1 | sed 's:/*$::'
}

# An image by debootstrap knows no security suite.
write_sources() {
    local main security
    main=$(awk '$1 == "deb" { print $2; exit }' "$root/etc/apt/sources.list" | sed 's:/*$::')
    security=$(host_mirror "$suite-security")
    printf 'deb %s %s main\n' "$main" "$suite" "$main" "$suite-updates" "${security:-$main-security}" "$suite-security" |
        as_root tee "$root/etc/apt/sources.list" >/dev/null
}

# What the official image has too: no packages kept after an installation, no services started by one.
write_image_settings() {
    as_root tee "$root/etc/apt/apt.conf.d/docker-clean" >/dev/null <<'CONF'
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; };
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Acquire::Languages "none";
CONF
    printf 'path-exclude /usr/share/%s/*\n' doc man info locale |
        as_root tee "$root/etc/dpkg/dpkg.cfg.d/docker" >/dev/null
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$root/usr/sbin/policy-rc.d" >/dev/null
    as_root chmod 0755 "$root/usr/sbin/policy-rc.d"
}

# Certificates that only this host trusts (a TLS-inspecting proxy's) go where update-ca-certificates keeps them.
trust_host_certificates() {
    [ -r "$host_bundle" ] || return 0
    local extra
    extra=$(mktemp -d)
    awk -v out="$extra" '
        /-----BEGIN CERTIFICATE-----/ { body = "" ; inside = 1 }
        inside { body = body $0 "\n" }
        /-----END CERTIFICATE-----/ {
            inside = 0
            if (NR == FNR) known[body] = 1
            else if (!(body in known)) printf "%s", body > (out "/host-" ++n ".crt")
        }' "$root/etc/ssl/certs/ca-certificates.crt" "$host_bundle"
    as_root cp -r "$extra/." "$root/usr/local/share/ca-certificates/"
    as_root chmod -R u=rwX,go=rX "$root/usr/local/share/ca-certificates"
    rm -r "$extra"
    in_root update-ca-certificates >>"$log" 2>&1
}

build_root() {
    local mirror
    mirror=$(host_mirror "$suite")
    as_root env -u TMPDIR debootstrap --variant=minbase --include=ca-certificates "$suite" "$root" ${mirror:+"$mirror"} >"$log" ||
        { tail -n 15 "$log" >&2; die "debootstrap failed; its last lines are above"; }
    write_sources
    write_image_settings
    as_root cp -L /etc/resolv.conf "$root/etc/resolv.conf"
    { in_root apt-get update -qq && in_root apt-get upgrade -y -qq; } >>"$log" 2>&1 ||
        { tail -n 15 "$log" >&2; die "the upgrade from $suite-security failed; its last lines are above"; }
    trust_host_certificates
    in_root apt-get clean
    as_root bash -c 'cd "$1" && rm -rf var/lib/apt/lists/* var/log/*.log var/log/apt/* etc/resolv.conf etc/hostname \
        usr/share/doc/* usr/share/man/* usr/share/info/* usr/share/locale/*' _ "$root"
}

make_tarball() {
    require_debootstrap
    work=$(mktemp -d)
    root=$work/root
    log=$work/log
    trap 'as_root rm -rf --one-file-system "$work"' EXIT
    say "building $tag with debootstrap (about a minute)"
    build_root
    mkdir -p "$cache_dir"
    as_root tar -C "$root" --numeric-owner --exclude='./proc/*' --exclude='./sys/*' --exclude='./dev/*' -cf - . >"$tarball.part"
    mv "$tarball.part" "$tarball"
}

if docker image inspect "$tag" >/dev/null 2>&1; then
    say "$tag is here"
    exit 0
fi
if timeout "$pull_seconds" docker pull -q "$tag" >/dev/null 2>&1; then
    say "pulled $tag"
    exit 0
fi
say "no container registry reached"
[ -n "$(find "$tarball" -mtime "-$max_age_days" 2>/dev/null)" ] || make_tarball
docker import --change 'CMD ["bash"]' --message "debootstrap $suite" "$tarball" "$tag" >/dev/null
say "imported $tag from $tarball"
