// Command gen writes the AVX2 and AVX-512 kernels of nn/cpu/simd: avx2_amd64.s and the Go declarations avx2_stubs_amd64.go. Run it
// with "go generate" in nn/cpu/simd. It is a module of its own so that the program does not depend on the assembler.
package main

import (
	"flag"
	"log"
	"os"
	"path/filepath"

	"github.com/mmcloughlin/avo/buildtags"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
)

func main() {
	folder := flag.String("folder", "../simd", "where to write")
	flag.Parse()
	files, err := generate()
	if err != nil {
		log.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(*folder, name), text, 0o644); err != nil {
			log.Fatal(err)
		}
	}
}

// generate returns the generated files by name.
func generate() (map[string][]byte, error) {
	g := newGenerator()
	g.Constraints(buildtags.And(buildtags.Term("amd64"), buildtags.Not("purego")))
	g.products()
	g.wideProducts()
	g.dots()
	g.packing()
	g.transposes()
	g.elementwise()
	g.gelus()
	g.reductions()
	g.columns()
	g.batchNorm()
	g.depthwise()
	g.layerNorms()
	g.softmax()
	g.masked()
	g.adam()
	g.dropout()
	file, err := g.Result()
	if err != nil {
		return nil, err
	}
	if err := pass.Compile.Execute(file); err != nil {
		return nil, err
	}
	config := printer.Config{Name: "mixmas/nn/cpu/gen", Pkg: "simd"}
	assembly, err := printer.NewGoAsm(config).Print(file)
	if err != nil {
		return nil, err
	}
	stubs, err := printer.NewStubs(config).Print(file)
	if err != nil {
		return nil, err
	}
	return map[string][]byte{"avx2_amd64.s": assembly, "avx2_stubs_amd64.go": stubs}, nil
}
