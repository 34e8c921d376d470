#!/bin/sh
# replace-run.sh PAGE: puts its input in the place of the run in a page, between two comments.
set -eu
{
  sed '/^<!-- run -->$/q' "$1"
  cat
  sed -n '/^<!-- end of the run -->$/,$p' "$1"
} >"$1.new"
mv "$1.new" "$1"
