#!/bin/sh
# Starts a program where /sandbox exists and belongs to a user, without touching the machine's root: in a mount namespace
# whose root is a tmpfs that shows all directories of the machine's.
#
#     unshare --mount with_stage.sh UID PROGRAM [ARGUMENT...]
set -e
uid=$1
shift
here=$PWD
root=/mnt
mount -t tmpfs -o mode=0755 tmpfs "$root"
for path in /*; do
    to=$root$path
    case $path in
        "$root" | /sandbox) continue ;;
    esac
    if [ -L "$path" ]; then
        cp -P "$path" "$to"
    elif [ -d "$path" ]; then
        mkdir "$to"
        mount --rbind "$path" "$to"
    fi
done
mkdir "$root/old" "$root/mnt"
install -d -m 0700 -o "$uid" "$root/sandbox"
cd "$root"
pivot_root . old
umount -l /old
rmdir /old
cd "$here"
exec "$@"
