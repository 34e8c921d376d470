#!/bin/sh
# stamp.sh ARCHIVE HEADER: writes the archive's hash to a header of the Go package that links it. Go's build cache does not
# notice that an archive has changed; it notices the header.
hash=$(cksum "$1" | tr ' ' -)
line="#define MIXMAS_KERNELS_STAMP \"${hash%-*}\""
[ "$(cat "$2" 2>/dev/null)" = "$line" ] || echo "$line" >"$2"
