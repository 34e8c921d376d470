#!/bin/sh
# caught.sh PLANTED NAME every|some MESSAGE: checks that the kernel with the planted bug NAME fails and says MESSAGE, in
# every order of threads or in some, and that it is right without the bug.
program=$1 name=$2 orders=$3 message=$4
caught=0
for order in ascending descending shuffled; do
  export MIXMAS_EMULATOR_ORDER=$order
  output=$("$program" "$name" right 2>&1) || { echo "fails without the bug in $order order:"; echo "$output"; exit 1; }
  output=$("$program" "$name" 2>&1)
  status=$?
  if [ $status -ne 0 ] && echo "$output" | grep -q -e "$message"; then
    caught=$((caught + 1))
  elif [ $status -ne 0 ] || [ "$orders" = every ]; then
    echo "not caught in $order order (status $status):"
    echo "$output"
    exit 1
  fi
done
[ $caught -gt 0 ] || { echo "not caught in any order"; exit 1; }
echo "caught in $caught of 3 orders"
