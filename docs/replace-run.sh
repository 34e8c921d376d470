#!/bin/sh
# replace-run.sh PAGE: replaces the run in a page, between two comments, by standard input.
set -eu
{
  sed '/^<!-- run -->$/q' "$1"
  cat
  sed -n '/^<!-- end of the run -->$/,$p' "$1"
} >"$1.new"
mv "$1.new" "$1"
