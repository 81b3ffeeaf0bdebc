#!/usr/bin/env bash
# Verifies the commit of a workflow run. action.yml passes its inputs as PASSMUSTER_* variables; the rest is what
# GitHub tells every step.
#
# It ends with the program's own status, so only `pass` is green: a required check that is neutral or skipped counts
# as passed, and "could not be verified" must not.
set -euo pipefail

# Ends the step: nothing was verified.
refuse() {
  echo "::error title=passmuster::nothing was verified: $1"
  finish none "${2:-2}"
}

# Ends the step with a verdict and the status that goes with it.
finish() {
  printf 'verdict=%s\nstatus=%s\n' "$1" "$2" >> "$GITHUB_OUTPUT"
  exit "$2"
}

# The id of a commit, by whatever names it.
commit() {
  git rev-parse --verify --quiet --end-of-options "$1^{commit}"
}

# What the head is held against.
base() {
  if [[ -n ${PASSMUSTER_BASE:-} ]]; then
    since=$(commit "$PASSMUSTER_BASE") || refuse "the base is not in this clone; check out with fetch-depth: 0" >&3
    git merge-base "$since" "$head" || refuse "base and head have no commit in common" >&3
  elif [[ ${GITHUB_EVENT_NAME:-} == pull_request ]] && commit "$head^2" > /dev/null; then
    # GitHub merged the pull request into the base branch as it is now: the first parent.
    commit "$head^1"
  else
    refuse "the event ${GITHUB_EVENT_NAME:-(none)} names no base for this commit: check out the merge commit of a pull request with fetch-depth: 0, or give the input base" >&3
  fi
}

exec 3>&1
sarif=$(realpath --canonicalize-missing -- "${PASSMUSTER_SARIF:-passmuster.sarif}")
junit=$(realpath --canonicalize-missing -- "${PASSMUSTER_JUNIT:-passmuster.xml}")
summary=$(mktemp)
trap 'rm -f "$summary"' EXIT
name=${PASSMUSTER_PROGRAM:-passmuster}
program=$(type -P -- "$name") || refuse "there is no program ${name@Q}; a step before this one has to install it"
program=$(realpath -- "$program")
cd -- "${PASSMUSTER_DIRECTORY:-.}" || refuse "there is no directory ${PASSMUSTER_DIRECTORY@Q}"
head=$(commit "${PASSMUSTER_HEAD:-$GITHUB_SHA}") || refuse "the head is not in this clone; check out with fetch-depth: 0"
base=$(base) || exit

options=(--head "$head" --base "$base" --format github)
options+=(--output "sarif=$sarif" --output "junit=$junit" --output "markdown=$summary")
[[ -z ${PASSMUSTER_POLICY:-} ]] || options+=(--policy="$PASSMUSTER_POLICY")
status=0
"$program" verify "${options[@]}" || status=$?
cat -- "$summary" >> "$GITHUB_STEP_SUMMARY"
case $status in
  0) verdict=pass ;;
  1) verdict=fail ;;
  3) verdict=inconclusive ;;
  4) verdict=review ;;
  *) refuse "the program ended with status $status and says above why" "$status" ;;
esac
printf 'sarif=%s\njunit=%s\n' "$sarif" "$junit" >> "$GITHUB_OUTPUT"
finish "$verdict" "$status"
