// Command mixmas searches for the MLP-based architecture that suits a multimodal data set best.
package main

import "mixmas/cmd"

func main() { cmd.Main() }
