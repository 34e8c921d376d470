// Command mymixmas is mixmas with parts of one's own.
package main

import (
	_ "example.com/mymixmas/parts"
	"mixmas/cmd"
)

func main() { cmd.Main() }
