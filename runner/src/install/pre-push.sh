#!/bin/sh
# Written by `passmuster install git`; `passmuster uninstall git` removes it.
# What fails, needs a review or cannot be verified is not pushed; `git push --no-verify` is the way around it.
while read -r local_ref local_oid remote_ref remote_oid; do
  case $local_oid in *[!0]*) ;; *) continue ;; esac # a deletion
  # What the remote does not have yet: since the remote's default branch, else since what is replaced there.
  since=$(git rev-parse --verify --quiet "refs/remotes/$1/HEAD^{commit}") ||
    since=$(git rev-parse --verify --quiet "$remote_oid^{commit}") || since=
  base=$([ -z "$since" ] || git merge-base "$since" "$local_oid")
  [ "$base" = "$(git rev-parse "$local_oid^{commit}")" ] && continue # nothing new
  passmuster verify --head "$local_oid" ${base:+--base "$base"} >&2 || {
    echo "passmuster: $local_ref is not pushed to $remote_ref" >&2
    exit 1
  }
done
