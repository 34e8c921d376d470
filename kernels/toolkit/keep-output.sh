#!/bin/sh
# keep-output.sh COMPILER ARGUMENT...: runs the compiler, and saves its messages in a file next to the object that it makes.
object=
previous=
for argument in "$@"; do
  [ "$previous" = -o ] && object=$argument
  previous=$argument
done
[ -n "$object" ] || exec "$@"
"$@" >"$object.log" 2>&1
status=$?
if [ $status -ne 0 ]; then
  cat "$object.log" >&2
else
  grep -i -e warning -e 'error' "$object.log" | grep -v '^ptxas info' >&2
fi
exit $status
