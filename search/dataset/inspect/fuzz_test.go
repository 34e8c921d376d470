package inspect

import (
	"bytes"
	"context"
	"io"
	"testing"

	"mixmas/search/config"
	"mixmas/search/dataset/files"
	_ "mixmas/search/dataset/formats"
	"mixmas/search/dataset/tabular"
)

// FuzzTable proposes a configuration for any table, which must be valid.
func FuzzTable(f *testing.F) {
	for _, text := range []string{
		"a,y\n1,u\n2,v\n3,u\n4,v\n", "a,a,,y\n1,x|y,2024-01-01,u\n2,y,2024-01-02,v\n3,x,,u\n4,y,,v\n", "p.png,y\nq.png,1\nr.png,0\nq.png,1\ns.png,0\n",
		"all,\"#1\",\"a: b\",y\nsome words here,[1 2],yes,u\nother words there,[3 4],no,v\nx y z,[5 6],no,u\na b c,[7 8],yes,v\n", "\"\x1b\",y\n1,2\n3,4\n1,2\n3,4\n",
	} {
		f.Add(text, "y", "", "a", "category")
		f.Add(text, "#-1", "|", "#1", "text")
	}
	f.Fuzz(func(t *testing.T, text, label, separator, column, kind string) {
		ctx := context.Background()
		table, err := tabular.Open(ctx, "t.csv", func(context.Context) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader([]byte(text))), nil
		}, tabular.Options{})
		if err != nil {
			return
		}
		root := files.New("testdata", files.Options{}) // which does not exist
		defer root.Close()
		r := Request{Labels: []string{label}, Separator: separator, Kinds: map[string]string{column: kind}}
		if column == "" {
			r.Kinds = nil
		}
		p, err := propose(ctx, root, &source{table: table, path: "t.csv"}, "t.csv", r)
		if err != nil {
			return
		}
		if err := p.Table(io.Discard); err != nil {
			t.Fatal(err)
		}
		yaml, err := p.YAML("")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := config.Parse("plan.yaml", []byte(yaml)); err != nil {
			t.Fatalf("%v\n%s", err, yaml)
		}
	})
}
