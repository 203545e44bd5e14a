#!/usr/bin/env bash
# Provide the programs of Debian that tests run. Touches nothing where they are.
set -euo pipefail

say() { printf 'tools: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
as_root() { if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi; }

# tests/engine/test_write_before_effect.py, tests/cli/test_in_tmux.py, tests/cli/test_serve_browser.py
wanted=(strace tmux chromium)
missing=()
for tool in "${wanted[@]}"; do
    command -v "$tool" >/dev/null || missing+=("$tool")
done
[ "${#missing[@]}" -gt 0 ] || exit 0

command -v apt-get >/dev/null || die "install ${missing[*]} and repeat"
[ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null ||
    die "needs root or sudo to install ${missing[*]}; install them and repeat"
if [ -t 0 ] && [ -t 2 ]; then
    read -r -p "The tests need ${missing[*]}. Install with apt-get? [y/N] " reply
    case $reply in [yY]*) ;; *) die "not installed; install ${missing[*]} and repeat" ;; esac
fi
say "installing ${missing[*]}"
as_root apt-get update -qq
as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
