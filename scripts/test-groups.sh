#!/usr/bin/env bash
# Run groups of tests one after the other, all of them even if one fails, and print the time each took.
#
#   scripts/test-groups.sh check unit kill real
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

# Each of the many processes that tests start would compile the whole program otherwise.
unset PYTHONDONTWRITEBYTECODE

declare -A selected=(
    [unit]="not real and not kill and not slow"
    [kill]="kill and not slow"
    [real]="real and not kill and not slow"
    [slow]="slow"
)

# Tests of a real stack share what is dear to make, and leave it as they found it: they run one by one in a fixed order, so that a
# run can be repeated; the kill matrix has its own processes side by side. All others run side by side, in an order of chance; many
# wait, hence two more than there are processors.
# Most tests of a real stack wait for containers, so groups of them that share nothing run beside each other.
run_group() {
    local of=${selected[$1]:-}
    case $1 in
        check) make --no-print-directory --keep-going check ;;
        unit) run_tests "$of" -n "$(($(nproc) + 2))" --dist worksteal ;;
        kill) run_beside "$of and not real" -- "$of and real" ;;
        real)
            run_beside "$of" tests/real/adapters tests/real/faults \
                -- "$of" --ignore=tests/real/adapters --ignore=tests/real/faults
            ;;
        slow) run_beside "$of" tests/real/kill -- "$of" --ignore=tests/real/kill ;;
    esac
}

run_tests() {
    .venv/bin/python -m pytest -m "$1" --durations=20 "${@:2}"
}

# Two selections at once, parted by --; the first is printed after the second.
run_beside() {
    local log code beside first=()
    log=$(mktemp)
    while [ "$1" != -- ]; do
        first+=("$1")
        shift
    done
    shift
    run_tests "${first[@]}" -p no:randomly >"$log" 2>&1 &
    beside=$!
    run_tests "$@" -p no:randomly
    code=$?
    wait "$beside" || code=$?
    cat "$log"
    rm -f "$log"
    return "$code"
}

for group in "$@"; do
    [ "$group" = check ] || [ -n "${selected[$group]:-}" ] ||
        { printf "tests: no group '%s'; there are: check %s\n" "$group" "${!selected[*]}" >&2; exit 2; }
done

failed=0
lines=()
TEST_FAILURES=$(mktemp)
export TEST_FAILURES
trap 'rm -f "$TEST_FAILURES"' EXIT
for group in "$@"; do
    start=$SECONDS
    run_group "$group"
    code=$?
    case $group-$code in
        *-0) result=passed ;;
        check-*) result="FAILED" ;;
        *-5) result="FAILED: no test was selected" ;;
        *) result="FAILED: pytest ended with $code" ;;
    esac
    [ "$code" -eq 0 ] || failed=1
    lines+=("$(printf '%-6s %5d s  %s' "$group" $((SECONDS - start)) "$result")")
done

[ ! -s "$TEST_FAILURES" ] || printf '\nFailed:\n%s\n' "$(sort -u "$TEST_FAILURES")"
printf '\n%s\n' "${lines[@]}"
exit "$failed"
