package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"mixmas/nn/device"
	"mixmas/nn/dimensions"
	"mixmas/search/dataset"
	"mixmas/search/model"
)

// Options of a server. Zero values mean the defaults.
type Options struct {
	Device device.Device // where the model is loaded
	// Window is how long rows that are ready wait for requests that have been received but whose rows are still being read. A request
	// that is alone never waits.
	Window time.Duration
	// Limits of a request: bytes of its body (16 MiB), rows (1,000, and at most a million probabilities in the answer), pixels of a
	// picture (20 million, which are also decoded at a time, or 4 million per core if that is more), and the time it may take (30 s).
	Bytes   int64
	Rows    int
	Pixels  int
	Timeout time.Duration
	// Requests is how many requests may run at once once their bodies have been read, 64; more are refused, and so are those whose
	// bodies would take more than 16 times Bytes together.
	Requests int
	Version  string // of the program, for the description of the interface
}

func (o Options) complete() Options {
	set(&o.Bytes, 16<<20)
	set(&o.Rows, 1000)
	set(&o.Pixels, 20_000_000)
	set(&o.Timeout, 30*time.Second)
	set(&o.Requests, 64)
	set(&o.Version, "development")
	return o
}

func set[T comparable](field *T, value T) {
	if zero := *new(T); *field == zero {
		*field = value
	}
}

// Server predicts with a model. It is an [http.Handler].
type Server struct {
	options   Options
	model     *model.Model
	reader    *model.Reader
	predictor *model.Predictor
	fields    fields
	inputs    []string // of the predictor
	together  int      // rows of a request that are read at a time
	batcher   *batcher
	decoders  int
	reading   *semaphore.Weighted // rows that are being decoded
	pixels    int                 // that are decoded at a time
	decoding  *semaphore.Weighted // pixels that are being decoded; acquired before rows
	slots     chan struct{}
	bodies    *semaphore.Weighted // bytes of bodies
	metrics   metrics
	stopping  atomic.Bool
	mux       *http.ServeMux
	openAPI   []byte
	page      page
}

// mostElements is how many numbers of a request's samples are in memory at a time, unless a single row has more.
const mostElements = 1 << 20

// mostProbabilities is how many numbers an answer may have: rows times classes.
const mostProbabilities = 1 << 20

// mostBodies is how many bodies of the largest size may be in memory.
const mostBodies = 16

// corePixels is how many pixels are decoded at a time for each core, if that is more than those of the largest picture.
const corePixels = 4_000_000

// New loads a model and returns a server that is ready. Close it in the end.
func New(m *model.Model, o Options) (*Server, error) {
	reader, err := m.NewReader()
	if err != nil {
		return nil, err
	}
	s := &Server{options: o.complete(), model: m, reader: reader, fields: reader.Fields(), mux: http.NewServeMux()}
	if len(s.fields) == 0 {
		return nil, errors.New("the model reads nothing that a request could have")
	}
	s.options.Rows = min(s.options.Rows, max(1, mostProbabilities/len(m.Classes)))
	size := 0
	for _, reads := range m.Modalities() {
		size += dimensions.Product(reads.Shape)
	}
	s.together = min(model.Batch, max(1, mostElements/size))
	if s.openAPI, err = s.describe(); err != nil {
		return nil, err
	}
	if s.page, err = s.newPage(); err != nil {
		return nil, err
	}
	if s.predictor, err = model.NewPredictor(s.options.Device, m); err != nil {
		return nil, err
	}
	for _, in := range s.predictor.Inputs() {
		s.inputs = append(s.inputs, in.Name)
	}
	s.decoders = runtime.GOMAXPROCS(0)
	s.reading = semaphore.NewWeighted(int64(s.decoders))
	s.pixels = max(s.options.Pixels, s.decoders*corePixels)
	s.decoding = semaphore.NewWeighted(int64(s.pixels))
	s.slots = make(chan struct{}, s.options.Requests)
	s.bodies = semaphore.NewWeighted(mostBodies * s.options.Bytes)
	s.batcher = newBatcher(s.predictor, s.options.Window, s.options.Requests, &s.metrics)
	s.routes()
	return s, nil
}

// Stop makes the server unready: a supervisor sends it no more requests. It still answers those that come.
func (s *Server) Stop() { s.stopping.Store(true) }

// Close stops the server and frees the device's memory. Requests that still run fail.
func (s *Server) Close() error {
	s.Stop()
	s.batcher.close()
	return s.predictor.Close()
}

func (s *Server) routes() {
	s.mux.HandleFunc("POST /predict", s.predict)
	s.mux.HandleFunc("GET /{$}", s.servePage)
	s.mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, _ *http.Request) { write(w, http.StatusOK, "application/json", s.openAPI) })
	s.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		write(w, http.StatusOK, "text/plain; charset=utf-8", []byte("ok\n"))
	})
	s.mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if s.stopping.Load() {
			write(w, http.StatusServiceUnavailable, "text/plain; charset=utf-8", []byte("stopping\n"))
			return
		}
		write(w, http.StatusOK, "text/plain; charset=utf-8", []byte("ready\n"))
	})
	s.mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		write(w, http.StatusOK, "text/plain; version=0.0.4; charset=utf-8", s.metrics.text(s))
	})
	for path, methods := range map[string]string{"/predict": "POST", "/{$}": "GET, HEAD", "/openapi.json": "GET, HEAD", "/healthz": "GET, HEAD", "/readyz": "GET, HEAD", "/metrics": "GET, HEAD"} {
		s.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Allow", methods)
			Refuse(w, r, http.StatusMethodNotAllowed, fmt.Sprintf("method %s: want %s", r.Method, methods))
		})
	}
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		Refuse(w, r, http.StatusNotFound, "there is no such page: want /predict, /openapi.json, /healthz, /readyz, /metrics or /")
	})
}

// Public are the paths that need no token: supervisors have none.
var Public = []string{"/healthz", "/readyz"}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// predict answers a request for predictions.
func (s *Server) predict(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	ctx, cancel := context.WithTimeout(r.Context(), s.options.Timeout)
	defer cancel()
	predictions, err := s.admitted(ctx, w, r)
	// Many clients read no answer before they have sent everything; others ask before.
	if err != nil && r.Header.Get("Expect") == "" {
		_, _ = io.CopyN(io.Discard, r.Body, s.options.Bytes)
	}
	if p := new(problem); errors.As(err, &p) && p.status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "1")
	}
	s.answer(w, began, predictions, err)
}

// admitted predicts the rows of a request, if there is room for it. A body that comes slowly takes the room of the bytes that have
// come: only requests whose bodies are here run. A panic, which would be a mistake of the program, is an error of this one request.
func (s *Server) admitted(ctx context.Context, w http.ResponseWriter, r *http.Request) (_ []model.Prediction, err error) {
	defer func() {
		if caught := recover(); caught != nil {
			err = fmt.Errorf("the program failed: %v", caught)
		}
	}()
	if len(s.slots) == cap(s.slots) {
		return nil, s.crowded()
	}
	arriving := &reserving{body: r.Body, room: s.bodies, step: min(bodyStep, s.options.Bytes)}
	defer arriving.release()
	body, err := s.read(w, r, arriving)
	if err != nil {
		return nil, err
	}
	select {
	case s.slots <- struct{}{}:
	default:
		return nil, s.crowded()
	}
	s.metrics.running.Add(1)
	defer func() {
		s.metrics.running.Add(-1)
		<-s.slots
	}()
	return s.predictions(ctx, body)
}

// crowded is the error of a request that may not run, because others do.
func (s *Server) crowded() error {
	return &problem{status: http.StatusTooManyRequests, text: fmt.Sprintf("%d requests are running, which is the limit: try again", s.options.Requests)}
}

// predictions predicts the rows of a body.
func (s *Server) predictions(ctx context.Context, body *body) (predictions []model.Prediction, err error) {
	rows, err := s.parse(ctx, body)
	if err != nil {
		return nil, err
	}
	s.metrics.rows.Add(int64(len(rows.values)))
	for from := 0; from < len(rows.values); {
		some, pixels := s.some(rows, from)
		logits, err := s.logits(ctx, some, pixels, rows.contents)
		if err != nil {
			return nil, moved(err, from)
		}
		classes := len(s.model.Classes)
		for i := range some {
			predictions = append(predictions, s.model.Prediction(from+i, logits[i*classes:][:classes]))
		}
		from += len(some)
	}
	return predictions, nil
}

// some returns the rows from one on that are read together, and how many pixels their pictures have: not more than may be decoded at a
// time, unless a single row has.
func (s *Server) some(r *rows, from int) (some []map[string]string, pixels int) {
	for i, row := range r.values[from:min(from+s.together, len(r.values))] {
		own := r.contents.pixels(row)
		if i > 0 && own > 0 && pixels+own > s.pixels {
			return r.values[from : from+i], pixels
		}
		pixels += own
	}
	return r.values[from:min(from+s.together, len(r.values))], pixels
}

// parse reads the rows of a body. As with pictures, few requests are decoded at a time, so that they take little memory.
func (s *Server) parse(ctx context.Context, b *body) (*rows, error) {
	if err := s.reading.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer s.reading.Release(1)
	if b.parts != nil {
		return s.parseForm(b.parts)
	}
	return s.parseJSON(b.text)
}

// moved is an error of some rows of a request as one of the request.
func moved(err error, from int) error {
	if wrong := new(dataset.ValueError); errors.As(err, &wrong) {
		return &dataset.ValueError{Row: from + wrong.Row, Field: wrong.Field, Err: wrong.Err}
	}
	if wrong := new(model.NotFiniteError); errors.As(err, &wrong) {
		return &dataset.ValueError{Row: from + wrong.Rows[0], Err: errors.New("the prediction is not finite: the row has values that are too large for the weights")}
	}
	return err
}

// logits predicts some rows, whose pictures have so many pixels.
func (s *Server) logits(ctx context.Context, values []map[string]string, pixels int, contents contents) ([]float32, error) {
	j := &job{ctx: ctx, logits: make([]float32, len(values)*len(s.model.Classes)), done: make(chan struct{})}
	data, err := s.samples(ctx, values, pixels, contents, j)
	if err != nil {
		return nil, err
	}
	err = s.batcher.wait(j)
	if ended := data.Close(); err == nil {
		err = ended
	}
	return j.logits, err
}

// samples makes samples of rows and hands them to the batcher.
func (s *Server) samples(ctx context.Context, values []map[string]string, pixels int, contents contents, j *job) (_ *dataset.Unlabelled, err error) {
	s.batcher.coming.Add(1)
	defer s.batcher.came()
	if large := int64(min(pixels, s.pixels)); large > 0 { // even nothing would wait for others
		if err := s.decoding.Acquire(ctx, large); err != nil {
			return nil, err
		}
		defer s.decoding.Release(large)
	}
	weight := int64(min(len(values), s.decoders)) // rows are decoded in parallel
	if err := s.reading.Acquire(ctx, weight); err != nil {
		return nil, err
	}
	defer s.reading.Release(weight)
	data, err := s.reader.Open(ctx, dataset.Input{Values: values, Contents: contents.read}, dataset.Environment{})
	if pixels >= corePixels { // before others decode: by itself, memory is only collected once the heap has doubled
		runtime.GC()
	}
	if err != nil {
		return nil, err
	}
	if j.samples, err = dataset.Select(data, dataset.Test, nil, s.inputs); err != nil {
		return nil, errors.Join(err, data.Close())
	}
	s.batcher.add(j)
	return data, nil
}
