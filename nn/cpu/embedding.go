package cpu

import (
	"mixmas/nn/cpu/simd"
	"mixmas/nn/device"
)

// embedding runs [device.Embedding]. Its units are rows of y.
type embedding struct {
	ids, table, y     []float32
	width, vocabulary int
	compute           part
}

var _ = register(bindEmbedding)

func bindEmbedding(b *binder, o *device.Embedding) instruction {
	e := &embedding{ids: b.memory(o.IDs, o.Rows), table: b.memory(o.Table, o.Vocabulary*o.Width), y: b.memory(o.Y, o.Rows*o.Width),
		width: o.Width, vocabulary: o.Vocabulary}
	e.compute = e.part
	return e
}

func (e *embedding) run(t *turn) error {
	t.split(len(e.ids), grain(e.width), e.compute)
	return nil
}

func (e *embedding) part(_ *worker, from, to int) {
	for row, id := range e.ids[from:to] {
		y := e.y[(from+row)*e.width:][:e.width]
		if token := device.Token(float64(id), e.vocabulary); token == device.Padding {
			clear(y)
		} else {
			copy(y, e.table[token*e.width:])
		}
	}
}

// embeddingGrad runs [device.EmbeddingGrad]. The rows of dy are sorted by token, by counting, so that each row of the table is
// added up by one worker, in the order of the rows: neither the vocabulary nor the batch is searched.
type embeddingGrad struct {
	set                   *simd.Set
	ids, dy, dtable, plus []float32
	width, vocabulary     int
	// order lists the rows of dy by token, those of one token in ascending order. ends is the end of each token's rows in it.
	order, ends []int32
	start, sum  part
}

var _ = register(bindEmbeddingGrad)

func bindEmbeddingGrad(b *binder, o *device.EmbeddingGrad) instruction {
	n := o.Vocabulary * o.Width
	g := &embeddingGrad{set: b.set, ids: b.memory(o.IDs, o.Rows), dy: b.memory(o.DY, o.Rows*o.Width), dtable: b.memory(o.DTable, n),
		plus: b.memory(o.Plus, n), width: o.Width, vocabulary: o.Vocabulary,
		order: make([]int32, o.Rows), ends: make([]int32, o.Vocabulary)}
	g.start, g.sum = g.startPart, g.sumPart
	return g
}

func (g *embeddingGrad) run(t *turn) error {
	g.sort()
	if !same(g.plus, g.dtable) {
		t.split(g.vocabulary, grain(g.width), g.start)
	}
	t.split(len(g.order), grain(g.width), g.sum)
	return nil
}

func (g *embeddingGrad) token(row int32) int { return device.Token(float64(g.ids[row]), g.vocabulary) }

func (g *embeddingGrad) sort() {
	clear(g.ends)
	for row := range g.order {
		g.ends[g.token(int32(row))]++
	}
	end := int32(0)
	for token, count := range g.ends {
		g.ends[token] = end // where they begin, until they are listed
		end += count
	}
	for row := range g.order {
		token := g.token(int32(row))
		g.order[g.ends[token]] = int32(row)
		g.ends[token]++
	}
}

// startPart writes what the sums of some tokens are added to.
func (g *embeddingGrad) startPart(_ *worker, from, to int) {
	dtable := g.dtable[from*g.width : to*g.width]
	if g.plus == nil {
		clear(dtable)
	} else {
		copy(dtable, g.plus[from*g.width:])
	}
}

// sumPart adds up the rows of the tokens whose first row is among the listed ones from ≤ i < to.
func (g *embeddingGrad) sumPart(w *worker, from, to int) {
	from = max(from, int(g.ends[device.Padding]))
	if from > 0 && from < len(g.order) {
		if token := g.token(g.order[from]); token == g.token(g.order[from-1]) {
			from = int(g.ends[token])
		}
	}
	for from < to {
		token := g.token(g.order[from])
		end := int(g.ends[token])
		g.add(w, token, g.order[from:end])
		from = end
	}
}

// add adds rows of dy to a row of dtable. Rounding errors of long sums stay small: some rows are added up, and then their sums.
func (g *embeddingGrad) add(w *worker, token int, rows []int32) {
	const some = 64
	for len(rows) > 0 {
		list := rows[:min(some, len(rows))]
		rows = rows[len(list):]
		eachBlock(0, g.width, func(i, j int) {
			sum := g.dy[int(list[0])*g.width:][i:j]
			for _, row := range list[1:] {
				g.set.Add(w.blocks[0][:j-i], sum, g.dy[int(row)*g.width:][i:j])
				sum = w.blocks[0][:j-i]
			}
			dtable := g.dtable[token*g.width:][i:j]
			g.set.Add(dtable, dtable, sum)
		})
	}
}
