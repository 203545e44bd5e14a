#!/usr/bin/env bash
# Run groups of tests one after the other, all of them even if one fails, and print the time each took.
#
#   scripts/test-groups.sh unit kill real
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

declare -A selected=(
    [unit]="not real and not kill and not slow"
    [kill]="kill and not slow"
    [real]="real and not kill and not slow"
    [slow]="slow"
)

failed=0
lines=()
for group in "$@"; do
    [ -n "${selected[$group]:-}" ] || { printf "tests: no group '%s'; there are: %s\n" "$group" "${!selected[*]}" >&2; exit 2; }
    start=$SECONDS
    .venv/bin/python -m pytest -m "${selected[$group]}" --durations=5
    code=$?
    case $code in
        0) result=passed ;;
        5) result="FAILED: no test was selected" ;;
        *) result="FAILED: pytest ended with $code" ;;
    esac
    [ "$code" -eq 0 ] || failed=1
    lines+=("$(printf '%-6s %5d s  %s' "$group" $((SECONDS - start)) "$result")")
done

printf '\n%s\n' "${lines[@]}"
exit "$failed"
