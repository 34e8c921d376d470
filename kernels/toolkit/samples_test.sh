#!/bin/sh
# samples_test.sh CMAKE: checks fetch_samples.cmake with a small repository in place of cuda-samples: it fetches the
# requested commit, not the newest one, and fails if there is no commit with that hash.
set -eu
cmake=$1
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=test GIT_AUTHOR_EMAIL=test@localhost \
  GIT_COMMITTER_NAME=test GIT_COMMITTER_EMAIL=test@localhost

git init --quiet "$work/samples"
mkdir "$work/samples/Common" "$work/samples/Samples"
echo pinned >"$work/samples/Common/helper_cuda.h"
echo much >"$work/samples/Samples/much.txt"
git -C "$work/samples" add .
git -C "$work/samples" commit --quiet -m one
commit=$(git -C "$work/samples" rev-parse HEAD)
echo newer >"$work/samples/Common/helper_cuda.h"
git -C "$work/samples" commit --quiet -a -m two

fetch() { "$cmake" -DSOURCE="file://$work/samples" -DCOMMIT="$1" -DTARGET="$work/target" -P "$here/fetch_samples.cmake"; }

fetch "$commit"
[ "$(cat "$work/target/Common/helper_cuda.h")" = pinned ] || { echo "another commit was fetched"; exit 1; }
[ ! -e "$work/target/Samples" ] || { echo "more than Common was checked out"; exit 1; }

wrong=$(echo "$commit" | tr 0-9a-f 1-9a-f0)
if message=$(fetch "$wrong" 2>&1); then
  echo "a commit that does not exist was fetched"
  exit 1
fi
echo "$message" | grep -q "$wrong" || { echo "the message does not name the commit: $message"; exit 1; }
if fetch master >/dev/null 2>&1 || fetch main >/dev/null 2>&1; then
  echo "a branch was taken for a commit"
  exit 1
fi
echo "fetched $commit, refused $wrong"
