#!/bin/sh
# replace-run.sh PAGE [NAME]: replaces the run in a page, or what has another name, between two comments, by standard input.
set -eu
name=${2:-run}
{
  sed "/^<!-- $name -->\$/q" "$1"
  cat
  sed -n "/^<!-- end of the $name -->\$/,\$p" "$1"
} >"$1.new"
mv "$1.new" "$1"
