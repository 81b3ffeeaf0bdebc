#!/bin/sh
# Stands before a process of nextest's, which believes the exit status alone: code under test that ends the process with
# status 0 would pass. A binary that is built with controls says when its tests ended, and then what its controls did; any
# other harness (libtest, libtest-mimic) says `test result: ok` last. What ends well without that did not end its test.
report=$PASSMUSTER_REPORT
unset PASSMUSTER_REPORT
# Only the build was to see it.
[ -z "$report" ] || unset RUSTC_WORKSPACE_WRAPPER
case " $* " in
    *" --list "*)
        case "$report $* " in
            " "* | *" --ignored "*) ;;
            *) PASSMUSTER_REPORT=$report "${0%/*}/passmuster_runner.sh" "$@" ;;
        esac
        exec "$@" ;;
esac
log=$(mktemp) || exit 1
first='' second=''
if [ -n "$report" ] && read -r first && read -r second <&3; then
    # Binaries read the words from there, and remove it.
    asked="$report/controls-$first"
    echo "$first $second" >"$asked"
    export PASSMUSTER_CONTROLS="$asked"
fi </proc/sys/kernel/random/uuid 3</proc/sys/kernel/random/uuid
for word; do
    [ "$before" != --exact ] || test=$word
    before=$word
done
said() { printf '{ "type": "passmuster", "event": "%s", "word": "%s" }' "$1" "$2"; }
# What is said with the words is kept for the runner, all else is for nextest.
show() {
    if [ -n "$second" ]; then
        kept="$report/answer-$second"
        sed -e "/$(said began "$first")/d" \
            -e "/$(said ended "$second")/,/$(said answered "$second")/{w $kept" -e 'd}' "$log"
        printf '%s\t%s\t%s\t%s\n' "$first" "$second" "$NEXTEST_BINARY_ID" "$test" >>"$kept"
    else
        cat "$log"
    fi
    rm -f "$log"
}
trap 'show; exit 143' TERM
# Nextest reads both as one stream, in order.
"$@" >"$log" 2>&1
status=$?
has() { grep -qa "$1" "$log"; }
if [ "$status" -eq 0 ]; then
    if [ -n "$second" ] && has "$(said began "$first")"; then
        end=$(said ended "$second")
    else
        end='^test result: ok\. '
    fi
    if ! has "$end"; then
        echo "the process ended with status 0 before its test did, or its harness does not say \`test result: ok\`" >&2
        status=101
    fi
fi
show
exit "$status"
