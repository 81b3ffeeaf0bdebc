#!/bin/sh
# Stands before a test process of nextest's, which believes the exit status alone: code under test that ends the process
# with status 0 would pass. A harness (libtest, libtest-mimic) says `test result: ok` last; what ends well without that
# word did not end its test.
case " $* " in *" --list "*) exec "$@" ;; esac
log=$(mktemp) || exit 1
trap 'cat "$log"; rm -f "$log"; exit 143' TERM
# Nextest reads both as one stream, in order.
"$@" >"$log" 2>&1
status=$?
cat "$log"
if [ "$status" -eq 0 ] && ! grep -q '^test result: ok\. ' "$log"; then
    echo "the process ended with status 0 before its test did, or its harness does not say \`test result: ok\`" >&2
    status=101
fi
rm -f "$log"
exit "$status"
