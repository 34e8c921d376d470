# Makes a table of what ptxas reports about each kernel (-Xptxas=-v, names already readable).
/Compiling entry function/ { target = $NF; gsub(/'/, "", target) }
/Function properties for/ { name = $0; sub(/.*Function properties for /, "", name); entry = target != "" }
/bytes stack frame/ { stack = $1; spilled = $5 + $9 }
/Used [0-9]+ registers/ {
  if (!entry) next
  for (i = 1; i < NF; ++i) if ($i == "Used") registers = $(i + 1)
  shared = match($0, /[0-9]+ bytes smem/) ? substr($0, RSTART, RLENGTH) + 0 : 0
  sub(/^void /, "", name)
  gsub(/mixmas::|\(anonymous namespace\)::/, "", name)
  gsub(/\([A-Za-z_:]+\)/, "", name) # the types of template arguments
  sub(/\(.*/, "", name)
  printf "%-6s %4d registers %6d bytes shared %5d bytes stack %5d bytes spilled  %s\n", target, registers, shared, stack, spilled, name | "sort -k12 -k1"
  kernels++
  if (spilled > 0) bad++
  target = ""
}
END {
  close("sort -k12 -k1")
  printf "%d kernels, %d with spills; shared is what they declare: launches add up to 160 KiB of dynamic memory\n", kernels, bad
  if (kernels == 0 || bad > 0) exit 1
}
