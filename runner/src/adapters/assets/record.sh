#!/bin/sh
# Stands where cargo starts a test binary or rustdoc: keeps directory, environment and arguments, and runs nothing.
number=0
until mkdir "$PASSMUSTER_REPORT/$number" 2>/dev/null; do
    number=$((number + 1))
    [ "$number" -lt 10000 ] || exit 1
done
record="$PASSMUSTER_REPORT/$number"
cat "/proc/$$/environ" >"$record/env"
pwd -P >"$record/cwd"
printf '%s\0' "$0" "$@" >"$record/argv"
# Says which targets have a harness of their own. A package without one reads as all libtest.
cat "${CARGO_MANIFEST_DIR:-.}/Cargo.toml" >"$record/manifest" 2>/dev/null || :
