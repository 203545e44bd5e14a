#!/bin/sh
# Bring the schema up to date, fill empty tables, then become the given command.
set -eu

alembic upgrade head
python -m src.db.seed
exec "$@"
