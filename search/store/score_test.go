package store

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"go.etcd.io/bbolt"
)

// withoutChecksum makes a record what older versions wrote.
func withoutChecksum(record []byte) []byte {
	i := bytes.LastIndex(record, []byte(recordEnd))
	return append(bytes.Clone(record[:i]), '}')
}

func record(t testing.TB, sc Score) []byte {
	t.Helper()
	r, err := encode(sc)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The form of records is part of the format: this one was written by the first version that had checksums, and without
// the last field by those before.
func TestRecordsOfOtherVersions(t *testing.T) {
	const written = `{"key":"015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862","name":"fusion/mean","specification":{"a":1},` +
		`"status":"finished","metrics":{"accuracy":0.17},"curve":[{"train_loss":2.5,"learning_rate":0.001,"seconds":0.25}],` +
		`"parameters":3,"flops":4,"seconds":1.5,"numerics":"cpu/portable","finished":"2026-02-03T04:05:06Z"` +
		`,"checksum":"@"}`
	key := "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"
	older := withoutChecksum([]byte(written))
	sum := string(digest(older))
	newer := strings.Replace(written, "@", sum, 1)
	sc, err := decode(key, older)
	if err != nil || sc.Metrics["accuracy"] != 0.17 {
		t.Fatalf("without a checksum: %+v, %v", sc, err)
	}
	if again, err := decode(key, []byte(newer)); err != nil || !reflect.DeepEqual(again, sc) {
		t.Errorf("with a checksum: %+v, %v", again, err)
	}
	if got := record(t, sc); string(got) != newer {
		t.Errorf("writes\n%s, want\n%s", got, newer)
	}
	// A field of a later version is under the checksum like the others.
	later := strings.Replace(string(older), `"parameters"`, `"later":[1],"parameters"`, 1)
	later = later[:len(later)-1] + recordEnd + string(digest([]byte(later))) + `"}`
	if again, err := decode(key, []byte(later)); err != nil || !reflect.DeepEqual(again, sc) {
		t.Errorf("with a field of a later version: %+v, %v", again, err)
	}
}

// What encode would refuse, decode refuses too: in records with a checksum any change, in older ones what cannot be.
func TestDecodeRefuses(t *testing.T) {
	sc, weights, outputs := trial(1)
	sc.Weights, sc.Outputs = digest(weights), digest(outputs)
	signed := record(t, sc)
	other, _, _ := trial(2)
	for _, c := range []struct{ old, new, says string }{
		{`"accuracy":0.25`, `"accuracy":1e300`, "metric accuracy is 1e+300"},
		{`"loss":3.14`, `"loss":-3.14`, "metric loss is -3.14"},
		{`"finished","metrics"`, `"fInished","metrics"`, `status "fInished"`},
		{`"seconds":12.5`, `"seconds":1e300`, "a time of 1e+300 seconds is impossible"},
		{`"seconds":0.25`, `"seconds":-0.25`, "epoch 1 of the curve"},
		{`"train_loss":2.3`, `"train_loss":1e999`, "1e999"},
		{`"parameters":29355`, `"parameters":-29355`, "-29355 parameters"},
		{`"trial":1`, `"trial":2`, "key is not the SHA-256"},
		{sc.Key, other.Key, "holds the score with key"},
		{string(sc.Weights), "../../x", "is not a SHA-256 in hex"},
		{`"name":"encoder/image/1"`, `"name":""`, "has no name"},
		{`{"key"`, `{"checksum":"","key"`, "checksum"},
		{`}`, ``, "unexpected end"},
	} {
		damaged := bytes.Replace(signed, []byte(c.old), []byte(c.new), 1)
		if c.old == "}" {
			damaged = signed[:len(signed)-1]
		}
		if bytes.Equal(damaged, signed) {
			t.Fatalf("the record has no %s", c.old)
		}
		if _, err := decode(sc.Key, damaged); err == nil {
			t.Errorf("%s: taken", c.new)
		}
		if unsigned := withoutChecksum(damaged); c.old != "}" {
			if _, err := decode(sc.Key, unsigned); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s without a checksum: got %v, want %q", c.new, err, c.says)
			}
		}
	}
	edited := bytes.Replace(signed, []byte(`"accuracy":0.25`), []byte(`"accuracy":0.99`), 1)
	if _, err := decode(sc.Key, edited); err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("an edited accuracy: %v", err)
	}
	for i := range signed {
		for bit := range 8 {
			damaged := bytes.Clone(signed)
			damaged[i] ^= 1 << bit
			if got, err := decode(sc.Key, damaged); err == nil && !reflect.DeepEqual(got, sc) {
				t.Errorf("byte %d, bit %d: got %+v", i, bit, got)
			}
		}
	}
}

// FuzzRecord: what decode accepts, encode would write.
func FuzzRecord(f *testing.F) {
	sc, _, _ := trial(1)
	f.Add(sc.Key, record(f, sc))
	f.Add(sc.Key, withoutChecksum(record(f, sc)))
	failed := failedTrial(2)
	f.Add(failed.Key, withoutChecksum(record(f, failed)))
	partial, files := partialTrial(3, 2)
	partial.Checkpoint, partial.EpochOutputs = digest(files.Checkpoint), map[int]Digest{1: digest(files.Outputs), 2: digest(files.Outputs)}
	f.Add(partial.Key, record(f, partial))
	f.Fuzz(func(t *testing.T, key string, record []byte) { checkRecord(t, key, record) })
}

// checkRecord decodes a record, and what it holds must survive being written and read.
func checkRecord(t *testing.T, key string, record []byte) {
	sc, err := decode(key, record)
	if err != nil {
		return
	}
	again, err := encode(sc)
	if err != nil {
		return // the specification is not canonical, which its key does not tell
	}
	got, err := decode(key, again)
	if err != nil {
		t.Fatalf("%s\nwas written as\n%s\nwhich is refused: %v", record, again, err)
	}
	if third, err := encode(got); err != nil || !bytes.Equal(third, again) {
		t.Errorf("%s\nthen\n%s, %v", again, third, err)
	}
}

// setRecord puts bytes under a key, whatever they are.
func setRecord(t testing.TB, s *Store, key string, record []byte) {
	t.Helper()
	if err := s.update(t.Context(), func(scores *bbolt.Bucket) error { return scores.Put([]byte(key), record) }, nil); err != nil {
		t.Fatal(err)
	}
}

// A damaged record costs its own score and no other, and can be removed.
func TestDamagedRecordAmongOthers(t *testing.T) {
	s := temporaryStore(t)
	var scores []Score
	for i := range 4 {
		scores = append(scores, put(t, s, i))
	}
	for _, sc := range scores[:2] {
		setRecord(t, s, sc.Key, bytes.Replace(record(t, sc), []byte(`"accuracy":0.`), []byte(`"accuracy":0.9`), 1))
	}
	list, err := s.List(t.Context())
	if len(list) != 2 || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("listed %d scores, %v; want 2 and a line for each of the others", len(list), err)
	}
	for i, sc := range scores {
		got, err := s.Get(t.Context(), sc.Key)
		if i >= 2 {
			if err != nil || !reflect.DeepEqual(got, sc) {
				t.Errorf("trial %d: %+v, %v", i, got, err)
			}
			continue
		}
		wantError(t, err, ErrDamaged, `record `+sc.Key+`: its checksum does not match its content; "mixmas scores rm" removes it`)
		_, err = putTrial(s, i)
		wantError(t, err, ErrDamaged, sc.Key)
		found, err := s.Find(t.Context(), sc.Key[:9])
		wantError(t, err, ErrDamaged, sc.Key)
		if found.Key != sc.Key {
			t.Errorf("found %q, want the key", found.Key)
		}
	}
	if err := s.Export(t.Context(), &bytes.Buffer{}); err == nil {
		t.Error("a damaged record was left out of an export without an error")
	}
	if _, _, err := s.Prune(t.Context(), func(Score) bool { return true }); err == nil {
		t.Error("pruned what a damaged record may name")
	}
	for i := range 2 {
		if err := s.Remove(t.Context(), scores[i].Key); err != nil {
			t.Fatal(err)
		}
		put(t, s, i)
	}
	whole(t, s, "")
	if _, err := s.List(t.Context()); err != nil {
		t.Error(err)
	}
}
