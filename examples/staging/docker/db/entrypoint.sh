#!/bin/bash
# Create a cluster on an empty volume, then become postgres. Arguments that start with a dash are given to postgres.
#
#   POSTGRES_USER      superuser the application signs in as (required on an empty volume)
#   POSTGRES_PASSWORD  its password, or the SCRAM verifier of one (required on an empty volume)
#   POSTGRES_PASSWORD_FILE  a file that holds it, in its place
#   POSTGRES_DB        its database; default: the user's name
#
# On an empty volume, and only there, /docker-entrypoint-initdb.d/*.sh and *.sql run in the order of their names.
set -euo pipefail

# Built under another name and renamed when complete: a first start that was interrupted begins anew.
unfinished=$PGDATA.unfinished

say() { printf 'entrypoint: %s\n' "$*" >&2; }

# Not exported: the server would keep it in its environment.
password=${POSTGRES_PASSWORD:-}

require_variables() {
    if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then password=$(<"$POSTGRES_PASSWORD_FILE"); fi
    [ -n "${POSTGRES_USER:-}" ] || { say "POSTGRES_USER is not set, and the volume is empty"; exit 1; }
    [ -n "$password" ] || { say "POSTGRES_PASSWORD is not set, and the volume is empty"; exit 1; }
}

create_cluster() {
    rm -rf "$unfinished"
    initdb --pgdata="$unfinished" --username=postgres --encoding=UTF8 --locale=C.UTF-8 \
        --data-checksums --auth-local=trust --auth-host=scram-sha-256
    printf '\n# The networks of this container.\nhost    all             all             all                     scram-sha-256\n' \
        >>"$unfinished/pg_hba.conf"
    sed -i "s/^#listen_addresses = .*/listen_addresses = '*'/" "$unfinished/postgresql.conf"
}

# Reached by its socket alone, so that nobody takes it for the finished server.
start_privately() {
    pg_ctl --pgdata="$unfinished" --wait --silent \
        --options="$(printf '%q ' "$@" -c listen_addresses=)" start
}

stop_privately() { pg_ctl --pgdata="$unfinished" --wait --silent --mode=fast stop; }

run_sql() { psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username=postgres "$@"; }

# The password reaches neither the list of processes (psql reads it from the environment) nor the server's log.
create_user_and_database() {
    POSTGRES_PASSWORD=$password run_sql --dbname=postgres --set=user="$POSTGRES_USER" --set=database="$POSTGRES_DB" <<'SQL'
SET log_statement = 'none';
\set password `printenv POSTGRES_PASSWORD`
SELECT :'user' <> 'postgres' AS another_user, :'database' <> 'postgres' AS another_database \gset
\if :another_user
CREATE ROLE :"user" SUPERUSER LOGIN PASSWORD :'password';
\else
ALTER ROLE :"user" PASSWORD :'password';
\endif
\if :another_database
CREATE DATABASE :"database" OWNER :"user";
\endif
SQL
}

run_init_scripts() {
    local script
    for script in /docker-entrypoint-initdb.d/*; do
        case $script in
            *.sh) say "running $script"; bash "$script" ;;
            *.sql) say "running $script"; run_sql --dbname="$POSTGRES_DB" --file="$script" ;;
        esac
    done
}

initialise() {
    require_variables
    export POSTGRES_DB=${POSTGRES_DB:-$POSTGRES_USER}
    # The first process of a container ignores signals that it has no handler for.
    trap 'stop_privately || true; exit 130' INT TERM
    create_cluster
    start_privately "$@"
    create_user_and_database
    run_init_scripts
    stop_privately
    trap - INT TERM
    mv "$unfinished" "$PGDATA"
    say "cluster created"
}

[[ ${1:-} != -* ]] || set -- postgres "$@"
if [ "${1:-}" = postgres ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
    initialise "${@:2}"
fi
exec "$@"
