#!/usr/bin/env bash
# beside.sh FIRST SECOND: runs the command SECOND, and meanwhile FIRST with what it leaves of the processor (the
# scheduler's idle class). Prints what FIRST said when both are over; fails where either failed.
set -uo pipefail
log=$(mktemp)
gives_way=(nice -n 19)
chrt -i 0 true 2> /dev/null && gives_way=(chrt -i 0)
set -m # FIRST and what it starts are a group of their own: it is ended with us
"${gives_way[@]}" bash -o pipefail -c "$1" > "$log" 2>&1 &
first=$!
set +m
trap 'kill -- "-$first" 2> /dev/null; rm -f "$log"' EXIT
trap 'exit 130' INT TERM
bash -o pipefail -c "$2"
second=$?
wait "$first"
result=$?
cat "$log"
exit $((result != 0 ? result : second))
