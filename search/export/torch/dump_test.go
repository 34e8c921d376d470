package torch_test

import ("testing"; "os"; "path/filepath")

func TestDump(t *testing.T) {
	for _, k := range kases() {
		m, file, err := k.build()
		if err != nil { t.Fatal(err) }
		dir := filepath.Join("/tmp/dump", k.name)
		os.MkdirAll(dir, 0o777)
		os.WriteFile(dir+"/model.py", []byte(export(t, m)), 0o666)
		os.WriteFile(dir+"/model.safetensors", file, 0o666)
	}
}
