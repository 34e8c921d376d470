#!/bin/sh
# readme.sh PROGRAM PAGE: replaces the transcript of the first five minutes and the run in README.md by the program's output, on
# the data of docs/pets and on the built-in data.
set -eu
program=$(realpath "$1") page=$2 docs=$(realpath "$(dirname "$0")")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
go run -C "$docs" ./pets "$folder/pets"

# mixmas runs the program, in the cache of this script.
mixmas() { XDG_CACHE_HOME=$folder/cache "$program" "$@"; }

# shown shows a command, and runs it.
shown() {
  echo
  echo "\$ $*"
  "$@"
}

# search shows what run says on a terminal once it has ended: what it found in the data, and the tables.
search() {
  echo
  echo "\$ mixmas $*"
  mixmas "$@" --device cpu >"$folder/out" 2>"$folder/err"
  sed '/^about /q' "$folder/err"
  echo
  cat "$folder/out"
}

cd "$folder/pets"
{
  echo '```'
  echo '$ ls pets'
  ls
  echo
  echo '$ cd pets'
  echo '$ head -n 5 pets.csv'
  head -n 5 pets.csv
  search run pets.csv --label species
  shown mixmas predict --model mixmas-out/ensemble.safetensors new.csv --id file
  echo
  echo "$ mixmas predict --input file=pictures/323.png --input title='Luna squeaks'"
  mixmas predict --input file=pictures/323.png --input title='Luna squeaks'
  echo
  echo '$ mixmas init pets.csv --label species'
  mixmas init pets.csv --label species | sed -n '/^plan.yaml is written/,$p'
  shown cat plan.yaml
  echo
  echo '$ mixmas data info plan.yaml --html page.html | head -n 18'
  mixmas data info plan.yaml --html page.html | head -n 18
  echo '```'
} >"$folder/transcript"
cd - >/dev/null
"$docs/replace-run.sh" "$page" transcript <"$folder/transcript"

cd "$folder"
mixmas run --device cpu >out 2>/dev/null
cd - >/dev/null
{
  echo '```'
  cat "$folder/out"
  echo '```'
} | "$docs/replace-run.sh" "$page"
