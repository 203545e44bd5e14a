#!/usr/bin/env bash
# Prepare the sample target in a folder and open the plan on it; without a terminal, run the plan to its end.
set -euo pipefail
cd "$(dirname "$0")/.."

target=$1
plan=plans/phase1_security_hardening.yaml
runbook=.venv/bin/runbook

if [ -t 0 ] && [ -t 1 ]; then
    exec "$runbook" demo "$target"
fi

"$runbook" demo "$target" --no-open
# Outside the session's folder: what is sealed there is opened by nobody who has that folder alone.
key=$("$runbook" recipient)
echo "Secrets for the operator alone are sealed to $key; the private key is ${key%.pub}" >&2
code=0
"$runbook" run "$plan" --target "$target" --yes --seal-to "$key" || code=$?
"$runbook" report --target "$target"
said=$("$runbook" export --target "$target" 2>&1) || code=1
printf '%s\n' "$said"
"$runbook" verify "$(sed -n 's|^Written: \(.*\)/signal\.json$|\1|p' <<<"$said")" || code=1
exit "$code"
