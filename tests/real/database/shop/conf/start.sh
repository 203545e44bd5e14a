#!/bin/bash
# Make a cluster on an empty volume, run the scripts beside it, then start the server on the mounted configuration.
set -euo pipefail
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    initdb --pgdata="$PGDATA" --username=keeper --encoding=UTF8 --locale=C.UTF-8 --auth-local=trust --auth-host=scram-sha-256
    echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
    pg_ctl --pgdata="$PGDATA" --wait --silent --options='-c listen_addresses= -c config_file=/etc/shop/postgresql.conf' start
    createdb --username=keeper shop
    for script in /docker-entrypoint-initdb.d/*.sql; do
        psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username=keeper --dbname=shop --file="$script"
    done
    pg_ctl --pgdata="$PGDATA" --wait --silent --mode=fast stop
fi
exec postgres -c config_file=/etc/shop/postgresql.conf "$@"
