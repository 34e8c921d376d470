#!/bin/sh
# lines.sh [BEFORE [AFTER]]: lines of code per top-level folder at two commits, with and without tests: Go, and C with C++ and
# CUDA. Generated assembly, data and pages do not count. Tests are _test.go files, packages that are there for tests (devicetest
# and the like), kernels/test and the emulator.
set -eu
before=${1:-HEAD~1} after=${2:-HEAD}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for commit in "$before" "$after"; do
  n=$((${n:-0} + 1))
  mkdir "$folder/$n"
  git archive "$commit" | tar -x -C "$folder/$n"
  (cd "$folder/$n" && find . -type f \( -name '*.go' -o -name '*.c' -o -name '*.h' -o -name '*.cpp' -o -name '*.cu' -o -name '*.cuh' \) \
    ! -path '*/testdata/*' -exec awk -v n="$n" 'FNR == 1 { file = substr(FILENAME, 3) } { lines[file]++ }
      END { for (f in lines) print n, f, lines[f] }' {} +)
done | awk -v before="$(git rev-parse --short "$before")" -v after="$(git rev-parse --short "$after")" '
  { top = $2; if (!sub("/.*", "", top)) top = "."
    test = $2 ~ /_test\.go$/ || $2 ~ /[a-z]+test\// || $2 ~ /^kernels\/(test|emu)\//
    kind = top " " ($2 ~ /\.go$/ ? "Go" : "C")
    for (k = 1; k <= 2; k++) { key = k == 1 ? kind : "total " substr(kind, length(top) + 2)
      seen[key]; sum[key, $1, test] += $3 } }
  END {
    printf "| folder | lines | tests %s | tests %s | without tests %s | without tests %s | difference |\n|---|---|---:|---:|---:|---:|---:|\n", before, after, before, after
    fflush()
    sort = "sort"
    for (key in seen) { split(key, part, " ")
      printf "| %s | %s | %d | %d | %d | %d | %+d |\n", part[1], part[2], sum[key, 1, 1], sum[key, 2, 1], sum[key, 1, 0], sum[key, 2, 0],
        sum[key, 2, 0] - sum[key, 1, 0] | sort }
  }'
