// Command mixmas searches for the best MLP-based architecture for a multimodal data set.
package main

import "mixmas/cmd"

func main() { cmd.Main() }
