// Command mymixmas is mixmas with additional parts.
package main

import (
	_ "example.com/mymixmas/parts"
	"mixmas/cmd"
)

func main() { cmd.Main() }
