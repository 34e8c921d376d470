package device

// Buffer is the number of a buffer of a program, from 1. Zero means no buffer.
type Buffer int

// Space is the kind of memory that holds a buffer.
type Space int

// The spaces.
const (
	// Arena buffers share memory according to their lifetimes. The programs of a session share the arena.
	Arena Space = iota
	// State buffers persist between runs.
	State
	// Constant buffers are never written; their contents come with the program.
	Constant
)

// BufferInfo describes one buffer of a program.
type BufferInfo struct {
	// Name is for people: the value's place in the model.
	Name  string
	Space Space
	// Offset and Size count float32 elements within the space. Arena offsets are multiples of [Alignment].
	Offset, Size int
	// First and Last are the indices of the first and the last operation during which the buffer holds a value.
	// Inputs begin at -1, outputs end at len(Program.Operations).
	First, Last int
	// Readers is the number of operations that read what another operation wrote to the buffer.
	Readers int
	// Data are the contents of a constant.
	Data []float32
}

// MaxElements bounds the elements of one buffer, and those of all parameters of a model together: 256 GiB as float32. Sums
// and products of checked sizes then stay far below the largest integer.
const MaxElements = 1 << 36

// Elements returns the number of elements of a tensor of the given shape. ok is false if a size is negative or the product
// exceeds [MaxElements].
func Elements(shape ...int) (n int, ok bool) {
	n = 1
	for _, size := range shape {
		if size < 0 || size > MaxElements || size > 0 && n > MaxElements/size {
			return 0, false
		}
		n *= size
	}
	return n, true
}

// Alignment of arena buffers, in float32 elements: one cache line.
const Alignment = 16

// Program is a list of operations over buffers, which a device runs.
type Program struct {
	// Name is for people and tables: "train/64", "evaluate/256".
	Name       string
	Operations []Operation
	// Buffers[b-1] describes buffer b.
	Buffers []BufferInfo
	// ArenaSize and StateSize are the spaces' sizes in float32 elements.
	ArenaSize, StateSize int
	// Kept is an output of one element that a [Queue] appends to its log after each run; 0 means none.
	Kept Buffer
	// Activations is the sum of the sizes of all arena buffers, to compare with ArenaSize.
	Activations int
}

// Info describes buffer b.
func (p *Program) Info(b Buffer) BufferInfo { return p.Buffers[b-1] }

// Cost adds up the cost of all operations.
func (p *Program) Cost() Cost {
	var sum Cost
	for _, op := range p.Operations {
		c := op.Cost()
		sum.FLOPs += c.FLOPs
		sum.Bytes += c.Bytes
	}
	return sum
}

// Cost is the least work of an operation: floating-point operations and bytes moved to and from memory.
type Cost struct{ FLOPs, Bytes int64 }

// Operation is one of the structs of this package.
type Operation interface {
	// Name returns the operation's name in tables and errors.
	Name() string
	// Buffers appends the buffers that the operation reads and writes, without those that are absent.
	Buffers(reads, writes []Buffer) (r, w []Buffer)
	// Cost returns the least work of the operation.
	Cost() Cost
	// Sizes returns the sizes and variants of the operation for tables: operations with the same name and the same sizes
	// take about the same time.
	Sizes() string
	// Check states the requirements on sizes and buffers to c, and which buffers may be written over others that are read.
	Check(c *Checker)
}

func present(list []Buffer, buffers ...Buffer) []Buffer {
	for _, b := range buffers {
		if b != 0 {
			list = append(list, b)
		}
	}
	return list
}

// traffic returns the cost of a number of floating-point operations and of elements that are read or written once.
func traffic(flops int, elements ...int) Cost {
	c := Cost{FLOPs: int64(flops)}
	for _, n := range elements {
		c.Bytes += 4 * int64(n)
	}
	return c
}
