// Command gen writes the kernels of nn/cpu/simd, an assembly file and a file of Go declarations for each instruction set:
// z_avx2_amd64.s and z_avx2_amd64.go, z_avx512_amd64.s and z_avx512_amd64.go. Run it with "go generate" in nn/cpu/simd. It
// is a separate module so that the program does not depend on the assembler.
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

// sets emit the functions of an instruction set.
var sets = map[string]func(*generator){
	"avx2": func(g *generator) {
		g.products()
		g.dots()
		g.packing()
		g.transposes()
		g.elementwise()
		g.gelus()
		g.logistics()
		g.gates()
		g.reductions()
		g.columns()
		g.batchNorm()
		g.depthwise()
		g.layerNorms()
		g.softmax()
		g.adam()
		g.dropout()
	},
	"avx512": (*generator).wideProducts,
}

// generate returns the generated files by name.
func generate() (map[string][]byte, error) {
	files := map[string][]byte{}
	for set, emit := range sets {
		g := newGenerator()
		g.Constraints(buildtags.And(buildtags.Term("amd64"), buildtags.Not("purego")))
		emit(g)
		file, err := g.Result()
		if err != nil {
			return nil, err
		}
		if err := pass.Compile.Execute(file); err != nil {
			return nil, err
		}
		config := printer.Config{Name: "mixmas/nn/cpu/gen", Pkg: "simd"}
		if files["z_"+set+"_amd64.s"], err = printer.NewGoAsm(config).Print(file); err != nil {
			return nil, err
		}
		if files["z_"+set+"_amd64.go"], err = printer.NewStubs(config).Print(file); err != nil {
			return nil, err
		}
	}
	return files, nil
}
