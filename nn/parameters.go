package nn

import (
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"math/rand/v2"
	"slices"

	"mixmas/nn/device"
	"mixmas/nn/dimensions"
)

// Parameter is a named tensor of a model that outlives its programs: a weight that the optimiser trains, or a buffer
// such as a running mean that operations update.
type Parameter struct {
	Name      string
	Shape     []int
	Trainable bool

	initialise Initialiser
	offset     int // in the trainable region or in the buffers' region of the state
}

// Size is the number of elements.
func (p *Parameter) Size() int { return size(p.Shape) }

// Parameters are all parameters of one model, in the order of their creation. A session's state holds them as
//
//	weights | gradients | first moments | second moments | buffers
//
// where the first four regions have the same layout.
type Parameters struct {
	list    []*Parameter
	byName  map[string]*Parameter
	trained int // elements of one trainable region, with padding
	buffers int // elements of the buffers' region, with padding
	err     error
}

// All lists the parameters in the order of their creation.
func (p *Parameters) All() []*Parameter { return p.list }

// Count returns the number of trainable elements, which is the number of parameters in papers.
func (p *Parameters) Count() int {
	n := 0
	for _, q := range p.list {
		if q.Trainable {
			n += q.Size()
		}
	}
	return n
}

// HasBuffers reports whether the model keeps running statistics.
func (p *Parameters) HasBuffers() bool { return p.buffers > 0 }

// StateSize returns the number of elements of a session's state.
func (p *Parameters) StateSize() int { return 4*p.trained + p.buffers }

// place returns the parameter's offset in the state; gradientPlace that of its gradient.
func (p *Parameters) place(q *Parameter) int {
	if q.Trainable {
		return q.offset
	}
	return 4*p.trained + q.offset
}

func (p *Parameters) gradientPlace(q *Parameter) int { return p.trained + q.offset }

// Initialise draws the initial values of all parameters. A parameter's values depend only on the seed and its name.
func (p *Parameters) Initialise(seed uint64) Weights {
	w := Weights{}
	for _, q := range p.list {
		h := fnv.New64a()
		h.Write([]byte(q.Name))
		data := make([]float32, q.Size())
		q.initialise(data, rand.New(rand.NewPCG(seed, h.Sum64())))
		w[q.Name] = Tensor{Shape: q.Shape, Data: data}
	}
	return w
}

// Fit returns an error unless shapes has exactly the model's parameters, each with its shape.
func (p *Parameters) Fit(shapes map[string][]int) error {
	for _, q := range p.list {
		shape, ok := shapes[q.Name]
		if !ok {
			return fmt.Errorf("%s is missing", q.Name)
		}
		if !slices.Equal(shape, q.Shape) {
			return fmt.Errorf("%s has shape %s, the model needs %s", q.Name, dimensions.Text(shape), dimensions.Text(q.Shape))
		}
	}
	if len(shapes) > len(p.list) {
		for _, name := range slices.Sorted(maps.Keys(shapes)) {
			if p.byName[name] == nil {
				return fmt.Errorf("the model has no %s", name)
			}
		}
	}
	return nil
}

// Err returns the first mistake made while creating parameters.
func (p *Parameters) Err() error { return p.err }

// Scope is a place in a model's hierarchy of names, where layers create their parameters.
type Scope struct {
	set    *Parameters
	prefix string
}

// NewScope makes the root of a new model.
func NewScope() *Scope { return &Scope{set: &Parameters{byName: map[string]*Parameter{}}} }

// Parameters returns all parameters of the model that the scope belongs to.
func (s *Scope) Parameters() *Parameters { return s.set }

// In returns the scope of a part: In("blocks", 0) is "blocks.0." below this scope.
func (s *Scope) In(names ...any) *Scope {
	prefix := s.prefix
	for _, name := range names {
		prefix += fmt.Sprint(name) + "."
	}
	return &Scope{set: s.set, prefix: prefix}
}

// Parameter creates a trainable parameter. A name that is already used, an empty shape, a model of more than
// [device.MaxElements] elements, and more than [MaxTensors] parameters are kept as the model's error. Parameters created
// after an error are not part of the model.
func (s *Scope) Parameter(name string, init Initialiser, shape ...int) *Parameter {
	return s.create(name, true, init, shape)
}

// Buffer creates a parameter that is not trained, filled with value.
func (s *Scope) Buffer(name string, value float32, shape ...int) *Parameter {
	return s.create(name, false, Constant(value), shape)
}

func (s *Scope) create(name string, trainable bool, init Initialiser, shape []int) *Parameter {
	p := &Parameter{Name: s.prefix + name, Shape: shape, Trainable: trainable, initialise: init}
	if s.set.err == nil {
		s.set.err = s.set.add(p)
	}
	return p
}

func (p *Parameters) add(q *Parameter) error {
	n, err := elements(q.Shape)
	if err != nil {
		return fmt.Errorf("parameter %s: %w", q.Name, err)
	}
	if p.byName[q.Name] != nil {
		return fmt.Errorf("parameter %s: the name is already used", q.Name)
	}
	if len(p.list) == MaxTensors {
		return fmt.Errorf("parameter %s: the model has more than %d tensors: use fewer blocks", q.Name, MaxTensors)
	}
	region := &p.buffers
	if q.Trainable {
		region = &p.trained
	}
	q.offset = *region
	*region += roundUp(n)
	if p.trained+p.buffers > device.MaxElements {
		return fmt.Errorf("parameter %s: with its shape %s the model has more than %d parameters", q.Name, dimensions.Text(q.Shape), device.MaxElements)
	}
	p.list = append(p.list, q)
	p.byName[q.Name] = q
	return nil
}

// MaxTensors bounds the number of parameters of a model, and of operations in its graph, since each needs memory before the
// device is asked for any. Published models have a few hundred.
const MaxTensors = 1 << 15

// Initialiser fills a new parameter.
type Initialiser func(data []float32, rng *rand.Rand)

// Uniform draws uniformly from ±bound.
func Uniform(bound float64) Initialiser {
	return func(data []float32, rng *rand.Rand) {
		for i := range data {
			data[i] = float32(bound * (2*rng.Float64() - 1))
		}
	}
}

// FanIn draws uniformly from ±1/√n, the usual initial range of a layer in which every output sums n inputs.
func FanIn(n int) Initialiser { return Uniform(1 / math.Sqrt(float64(n))) }

// Normal draws from N(0, deviation²).
func Normal(deviation float64) Initialiser {
	return func(data []float32, rng *rand.Rand) {
		for i := range data {
			data[i] = float32(deviation * rng.NormFloat64())
		}
	}
}

// TruncatedNormal draws from N(0, deviation²) and draws again if a value is beyond ±2.
func TruncatedNormal(deviation float64) Initialiser {
	return func(data []float32, rng *rand.Rand) {
		for i := range data {
			x := deviation * rng.NormFloat64()
			for math.Abs(x) > 2 {
				x = deviation * rng.NormFloat64()
			}
			data[i] = float32(x)
		}
	}
}

// Constant fills with one value.
func Constant(value float32) Initialiser {
	return func(data []float32, _ *rand.Rand) {
		for i := range data {
			data[i] = value
		}
	}
}

// Tensor is a host copy of a parameter.
type Tensor struct {
	Shape []int
	Data  []float32
}

// Weights are host copies of parameters by name.
type Weights map[string]Tensor

// Shapes returns the tensors' shapes by name.
func (w Weights) Shapes() map[string][]int {
	shapes := make(map[string][]int, len(w))
	for name, tensor := range w {
		shapes[name] = tensor.Shape
	}
	return shapes
}

// CheckFinite returns an error that names the first tensor, in the order of names, that holds an infinity or a NaN.
func (w Weights) CheckFinite() error {
	for _, name := range slices.Sorted(maps.Keys(w)) {
		for _, x := range w[name].Data {
			if x-x != 0 {
				return fmt.Errorf("tensor %s holds %v", name, x)
			}
		}
	}
	return nil
}

// elements returns the number of elements of a shape, at least one, or an error that says what is wrong with the shape.
func elements(shape []int) (int, error) {
	n, ok := device.Elements(shape...)
	switch {
	case ok && n > 0:
		return n, nil
	case slices.Min(shape) < 1:
		return 0, fmt.Errorf("shape %s has no elements", dimensions.Text(shape))
	}
	return 0, fmt.Errorf("shape %s has more than %d elements", dimensions.Text(shape), device.MaxElements)
}

// size returns the number of elements of a shape that was already checked.
func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

func roundUp(n int) int { return (n + device.Alignment - 1) / device.Alignment * device.Alignment }
