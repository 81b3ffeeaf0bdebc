#!/bin/sh
# Cargo starts it in place of rustc for packages of the workspace. Where rustc links a test binary, the crate `test` is
# ours, which passes everything on to libtest; what does not compile so is compiled as it always was.
controls=${0%/*}/libpassmuster_controls.rlib
harness='' links='' taken=''
for word; do
    case $word in
        --test) harness=yes ;;
        --emit=*link*) links=yes ;;
        test=*) taken=yes ;;
    esac
done
[ "$harness$links$taken" = yesyes ] || exec "$@"
said=$(mktemp) || exec "$@"
if "$@" --extern "test=$controls" 2>"$said"; then
    cat "$said" >&2
    rm -f "$said"
    exit 0
fi
rm -f "$said"
exec "$@"
