#!/bin/sh
# Run the suite in the running API container; the last line is JSON with counts and coverage. Arguments go to pytest.
set -eu
cd "$(dirname "$0")/.."
exec docker compose -f docker-compose.staging.yml exec -T \
    ${BASE_URL:+-e "BASE_URL=$BASE_URL"} ${CA_FILE:+-e "CA_FILE=$CA_FILE"} \
    api python -m tests.run_suite "$@"
