#!/usr/bin/env bash
# Make a Docker engine answer. Touches nothing where one already does.
#
#   scripts/engine.sh [start]   install and start an engine if none answers
#   scripts/engine.sh stop      stop the engine that `start` started here, and no other
set -euo pipefail

run_dir=/run/runbook-engine
pid_file=$run_dir/dockerd.pid
log_file=/var/log/runbook-engine.log
wait_seconds=60

say() { printf 'engine: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
as_root() { if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi; }
answers() { timeout 10 docker version --format '{{.Server.Version}}' 2>/dev/null; }
answers_root() { as_root timeout 10 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

# A process that has ended stays in /proc until its parent looks, without a command line.
runs() { [ -n "$(tr -d '\0' 2>/dev/null <"/proc/$1/cmdline")" ]; }

require_root() {
    [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null ||
        die "needs root or sudo to $1; run it as root, or start a Docker engine yourself and repeat"
}

install_engine() {
    command -v apt-get >/dev/null ||
        die "no Docker engine answers and this is no Debian; install one (docker.com/get-started) and repeat"
    if [ -t 0 ] && [ -t 2 ]; then
        local reply
        read -r -p "No Docker engine answers. Install docker.io and iptables with apt-get? [y/N] " reply
        case $reply in [yY]*) ;; *) die "not installed; start a Docker engine and repeat" ;; esac
    fi
    say "installing docker.io and iptables"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
        apt-get install -y -qq --no-install-recommends docker.io iptables >/dev/null
}

# A killed dockerd leaves its pid file; should that pid live on as another program, dockerd refuses to start.
drop_stale_pid_file() {
    local old
    old=$(cat /run/docker.pid 2>/dev/null) || return 0
    [ "$(cat "/proc/$old/comm" 2>/dev/null)" = dockerd ] || as_root rm -f /run/docker.pid
}

start_dockerd() {
    drop_stale_pid_file
    as_root mkdir -p "$run_dir"
    say "starting dockerd, log in $log_file"
    as_root bash -c '
        setsid dockerd --group "$1" >>"$2" 2>&1 </dev/null &
        echo $! >"$3"' _ "$(id -gn)" "$log_file" "$pid_file"
}

admit_user() {
    [ "$(id -u)" -ne 0 ] || return 0
    as_root usermod -aG docker "$(id -un)"
    as_root chgrp "$(id -gn)" /run/docker.sock 2>/dev/null || true
}

# True as well where an init system looks after dockerd.
dockerd_lives() {
    [ ! -f "$pid_file" ] || runs "$(cat "$pid_file")"
}

wait_for_engine() {
    local deadline=$((SECONDS + wait_seconds)) version
    while [ "$SECONDS" -lt "$deadline" ]; do
        if version=$(answers); then
            say "Docker $version answers"
            return 0
        fi
        dockerd_lives || break
        sleep 0.3
    done
    say "no answer"
    if [ -r "$log_file" ]; then
        say "last lines of $log_file:"
        grep -v 'level=info' "$log_file" | tail -n 15 >&2
    fi
    die "read the lines above (or 'journalctl -u docker'), put the cause right and repeat"
}

start() {
    local version
    if version=$(answers); then
        say "Docker $version answers"
        return 0
    fi
    [ -z "${DOCKER_HOST:-}" ] ||
        die "the engine at DOCKER_HOST=$DOCKER_HOST does not answer; start it, or unset DOCKER_HOST"
    require_root "install and start an engine"
    if command -v dockerd >/dev/null || [ -x /usr/sbin/dockerd ]; then
        ! answers_root ||
            die "an engine runs but does not admit $(id -un): 'sudo usermod -aG docker $(id -un)', log in again, repeat"
    else
        install_engine
    fi
    if [ -d /run/systemd/system ]; then
        as_root rm -f "$pid_file"
        as_root systemctl start docker
        admit_user
    else
        start_dockerd
    fi
    wait_for_engine
}

stop() {
    local pid
    pid=$(as_root cat "$pid_file" 2>/dev/null) || { say "started no engine here"; return 0; }
    if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ]; then
        as_root bash -c 'kill "$1"' _ "$pid"  # sudo finds no kill on a minimal system
        for _ in $(seq 100); do
            runs "$pid" || break
            sleep 0.3
        done
        ! runs "$pid" || die "dockerd (pid $pid) still runs after 30 s; see $log_file"
        say "stopped dockerd (pid $pid)"
    fi
    as_root rm -f "$pid_file"
}

case ${1:-start} in
    start) start ;;
    stop) stop ;;
    *) die "unknown command '$1'; use start or stop" ;;
esac
