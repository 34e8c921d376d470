#!/bin/sh
# forgotten.sh COMPILER INCLUDE: checks that an operation of the list in mixmas.h without a kernel, and without the size of the
# workspace that the list says it needs, is missed by the linker, and that one of which the list does not say so does not
# compile. INCLUDE is the folder of CUDA's headers.
set -eu
compiler=$1 include=$2
kernels=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# compile LINE compiles the runtime with one more line at the head of the list.
compile() {
  cp "$kernels"/*.h "$kernels"/*.cuh "$kernels/runtime_program.cu" "$work"
  sed "s/^#define MIXMAS_OPERATIONS(X).*/typedef struct { float *y; } mixmas_forgotten;\n&\n  $1 \\\\/" \
    "$kernels/mixmas.h" >"$work/mixmas.h"
  "$compiler" -std=c++17 -DMIXMAS_EMULATOR -I"$work" -I"$kernels/emu" -isystem "$include" -Wno-unknown-pragmas -xc++ \
    -c "$work/runtime_program.cu" -o "$work/runtime_program.o" 2>"$work/errors"
}

# missed NAME says whether the linker would miss a function of the operation.
missed() { nm -u -C "$work/runtime_program.o" | grep -q "mixmas::$1(.*mixmas_forgotten"; }

fail() {
  echo "$1"
  exit 1
}

compile 'X(FORGOTTEN, forgotten, SOME)' || fail "$(cat "$work/errors")"
missed run || fail "nobody misses the kernel of an operation that has none"
missed workspace_size || fail "nobody misses the size of the workspace of an operation that needs one"
compile 'X(FORGOTTEN, forgotten, NONE)' || fail "$(cat "$work/errors")"
! missed workspace_size || fail "the size of the workspace is missed of an operation that needs none"
! compile 'X(FORGOTTEN, forgotten)' || fail "an operation compiles of which nobody says whether it needs a workspace"
grep -q MIXMAS_KIND "$work/errors" || fail "$(cat "$work/errors")"
echo "what an operation lacks is missed"
