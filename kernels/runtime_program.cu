// runtime_program.cu: programs: captured once, replayed many times (mixmas.h).
//
// A program is one CUDA graph, captured from the session's stream:
//
//   gather the rows of all inputs -> operation 0 -> operation 1 -> ... -> append the kept value to the log
//
// Values that change between runs are in the program's step block in device memory: the mixmas_step, and for each
// input the table and the rows that it is gathered from. A run copies the block to the device from the next of a ring
// of pinned blocks and launches the graph. Both only queue, so that the host can run ahead of the GPU by as many runs
// as the ring has blocks.
#include <cstdlib>
#include <cstring>

#include "integers.cuh"
#include "limits.h"
#include "runtime.h"

#if defined(MIXMAS_NVTX)
#include <nvtx3/nvToolsExt.h>
#endif

namespace mixmas {
namespace {

// Gathered is one input in the step block. The row indices follow the inputs.
struct Gathered {
  float *target;
  const float *table;  // NULL: the input stays as it is
  int64_t n, width;
  int64_t first_row;  // where its row indices begin
};

// The step block: a mixmas_step, then a Gathered for each input, then the row indices of all inputs.
struct StepBlock {
  static size_t inputs_at() { return size_t(round_up(sizeof(mixmas_step), 16)); }
  static size_t rows_at(int32_t inputs) { return inputs_at() + inputs * sizeof(Gathered); }
  static size_t bytes(int32_t inputs, int64_t rows) {
    return size_t(round_up(int64_t(rows_at(inputs) + rows * sizeof(int32_t)), 64));
  }
};

constexpr int RING = 8;           // runs that the host may be ahead by
constexpr int GATHER_THREADS = 256;
constexpr int GATHER_ELEMENTS = 4;     // elements per thread

}  // namespace
}  // namespace mixmas

struct mixmas_program {
  mixmas_session *session;
  mixmas_program *next;
  mixmas_operation *operations;
  int32_t n;
  float *workspace;
  const float *kept;
  mixmas_input *inputs;
  int32_t n_inputs;

  unsigned char *block;        // the step block, on the device
  unsigned char *ring;         // RING pinned ones
  size_t block_bytes;
  int64_t capacity;            // row indices that the block has room for: 0 until a run gathers
  cudaEvent_t copied[mixmas::RING];  // the copy of this one has ended
  int ring_next;

  cudaGraphExec_t graph;  // NULL if it must be captured before it can run
  cudaEvent_t *marks;     // n + 1 events, if a trace has measured
};

namespace mixmas {
namespace {

// gather copies rows of tables to the inputs: blockIdx.y is the input, a thread copies GATHER_ELEMENTS elements of it.
__global__ void __launch_bounds__(GATHER_THREADS) gather(const Gathered *inputs, const int32_t *rows) {
  const Gathered input = inputs[blockIdx.y];
  if (!input.table) return;
  const int64_t at = (int64_t(blockIdx.x) * GATHER_THREADS + threadIdx.x) * GATHER_ELEMENTS;
  if (at >= input.n) return;
  int64_t row, column;
  if (input.n <= INT32_MAX) {  // the short division is several times faster
    row = uint32_t(at) / uint32_t(input.width);
    column = uint32_t(at) % uint32_t(input.width);
  } else {
    row = at / input.width;
    column = at % input.width;
  }
  rows += input.first_row;
  const uintptr_t addresses = reinterpret_cast<uintptr_t>(input.table) | reinterpret_cast<uintptr_t>(input.target);
  if (input.width % GATHER_ELEMENTS == 0 && addresses % sizeof(float4) == 0) {
    const float *source = input.table + rows[row] * input.width + column;
    *reinterpret_cast<float4 *>(input.target + at) = *reinterpret_cast<const float4 *>(source);
    return;
  }
  for (int i = 0; i < GATHER_ELEMENTS && at + i < input.n; ++i) {
    input.target[at + i] = input.table[rows[row] * input.width + column];
    if (++column == input.width) {
      column = 0;
      ++row;
    }
  }
}

// append adds the kept value to the log.
__global__ void append(float *log, int64_t *count, const float *kept) {
  if (*count < MIXMAS_LOG) log[(*count)++] = *kept;
}

// dispatch calls f with the operation's descriptor, of any kind.
template <class Result, class F>
Result dispatch(const mixmas_operation &o, Result unknown, F f) {
  switch (o.kind) {
#define MIXMAS_CASE(KIND, name, WORKSPACE) \
  case MIXMAS_OP_##KIND: return f(o.of.name);
    MIXMAS_OPERATIONS(MIXMAS_CASE)
#undef MIXMAS_CASE
  }
  return unknown;
}

// Range names the work in its scope for NVIDIA's profilers, if the library was built for them.
struct Range {
#if defined(MIXMAS_NVTX)
  explicit Range(const char *name) { nvtxRangePushA(name); }
  ~Range() { nvtxRangePop(); }
#else
  explicit Range(const char *) {}
#endif
};

// queue_gather queues the kernel that gathers the inputs.
cudaError_t queue_gather(const mixmas_program *p) {
  if (p->capacity == 0) return cudaSuccess;
  int64_t largest = 1;
  for (int32_t i = 0; i < p->n_inputs; ++i)
    if (p->inputs[i].n > largest) largest = p->inputs[i].n;
  constexpr int64_t each_block = int64_t(GATHER_THREADS) * GATHER_ELEMENTS;
  const Range range("gather");
  return launch(gather, dim3(unsigned(ceil_div(largest, each_block)), unsigned(p->n_inputs)),
                dim3(GATHER_THREADS), 0, p->session->stream,
                reinterpret_cast<const Gathered *>(p->block + StepBlock::inputs_at()),
                reinterpret_cast<const int32_t *>(p->block + StepBlock::rows_at(p->n_inputs)));
}

// queue_operation queues one operation.
cudaError_t queue_operation(const mixmas_program *p, int32_t i) {
  const Context context = {p->session->stream, p->session->numerics, reinterpret_cast<const mixmas_step *>(p->block),
                           p->workspace};
  const Range range(p->operations[i].name);
  return dispatch(p->operations[i], cudaErrorInvalidValue, [&](const auto &o) { return run(context, o); });
}

cudaError_t queue_append(const mixmas_program *p) {
  if (!p->kept) return cudaSuccess;
  const mixmas_session *s = p->session;
  return launch(append, dim3(1), dim3(1), 0, s->stream, s->log, s->log_count, p->kept);
}

// operation_ok is like ok, with the operation's name in the message.
bool operation_ok(cudaError_t e, const mixmas_program *p, int32_t i, mixmas_message *message) {
  return ok(e, message, "operation %d (%s)", p->operations[i].source, p->operations[i].name);
}

// capture makes the graph. Only this thread's calls are captured: other sessions may allocate and launch meanwhile.
mixmas_status capture(mixmas_program *p, mixmas_message *message) {
  cudaError_t e = cudaStreamBeginCapture(p->session->stream, cudaStreamCaptureModeThreadLocal);
  if (!ok(e, message, "begin the capture")) return status(e);
  bool good = ok(e = queue_gather(p), message, "gather the inputs");
  bool refused = false;
  for (int32_t i = 0; i < p->n && good; ++i) {
    good = operation_ok(e = queue_operation(p, i), p, i, message);
    refused = e == cudaErrorInvalidValue || e == cudaErrorInvalidConfiguration;
  }
  if (good) good = ok(e = queue_append(p), message, "append to the log");
  cudaGraph_t graph = nullptr;
  const cudaError_t ended = cudaStreamEndCapture(p->session->stream, &graph);
  if (good) good = ok(e = ended, message, "end the capture of %d operations", p->n);
  if (good) good = ok(e = cudaGraphInstantiate(&p->graph, graph, 0), message, "instantiate the graph of %d operations", p->n);
  if (!good) p->graph = nullptr;
  if (graph) cudaGraphDestroy(graph);
  cudaGetLastError();
  return refused ? MIXMAS_REFUSED : status(e);
}

// forget destroys the graph. The caller has waited for the stream.
void forget(mixmas_program *p) {
  if (p->graph) cudaGraphExecDestroy(p->graph);
  p->graph = nullptr;
}

// resize gives the program a step block and a ring of pinned ones, with room for the given number of row indices.
cudaError_t resize(mixmas_program *p, int64_t rows) {
  const size_t bytes = StepBlock::bytes(p->n_inputs, rows);
  void *block = nullptr, *ring = nullptr;
  cudaError_t e = allocate(&block, bytes);
  if (e == cudaSuccess) e = cudaMallocHost(&ring, RING * bytes);
  if (e == cudaSuccess) e = cudaStreamSynchronize(p->session->stream);
  if (e != cudaSuccess) {
    if (block) cudaFree(block);
    if (ring) cudaFreeHost(ring);
    return e;
  }
  forget(p);  // it holds the old block's address, and may not gather yet
  if (p->block) cudaFree(p->block);
  if (p->ring) cudaFreeHost(p->ring);
  p->block = static_cast<unsigned char *>(block);
  p->ring = static_cast<unsigned char *>(ring);
  p->block_bytes = bytes;
  p->capacity = rows;
  return cudaSuccess;
}

// Run holds the values that change between runs.
struct Run {
  const mixmas_step *step;
  const mixmas_gather *gathers;
  int32_t n_gathers;
  const int32_t *rows;
  int64_t n_rows;
};

// send queues the copy of a run's step block to the device.
cudaError_t send(mixmas_program *p, const Run &run) {
  const int slot = p->ring_next;
  cudaError_t e = cudaEventSynchronize(p->copied[slot]);
  if (e != cudaSuccess) return e;
  unsigned char *block = p->ring + slot * p->block_bytes;
  memcpy(block, run.step, sizeof *run.step);
  auto *inputs = reinterpret_cast<Gathered *>(block + StepBlock::inputs_at());
  for (int32_t i = 0; i < p->n_inputs; ++i) inputs[i] = {p->inputs[i].target, nullptr, p->inputs[i].n, 1, 0};
  for (int32_t i = 0; i < run.n_gathers; ++i) {
    const mixmas_gather &gather = run.gathers[i];
    inputs[gather.input].table = gather.table;
    inputs[gather.input].width = gather.width;
    inputs[gather.input].first_row = gather.first;
  }
  if (run.n_rows) memcpy(block + StepBlock::rows_at(p->n_inputs), run.rows, run.n_rows * sizeof(int32_t));
  e = cudaMemcpyAsync(p->block, block, p->block_bytes, cudaMemcpyHostToDevice, p->session->stream);
  if (e == cudaSuccess) e = cudaEventRecord(p->copied[slot], p->session->stream);
  p->ring_next = (slot + 1) % RING;
  return e;
}

// log_room reports whether the log has room for the value that a run appends.
bool log_room(const mixmas_program *p, mixmas_message *message) {
  if (!p->kept || p->session->logged < MIXMAS_LOG) return true;
  say(message, "the log of %d values is full: read it first", MIXMAS_LOG);
  return false;
}

// prepare is the common beginning of run and trace: it queues everything that the operations need.
mixmas_status prepare(mixmas_program *p, const Run &run, mixmas_message *message) {
  cudaError_t e = use(p->session);
  if (!ok(e, message, "use GPU %d", p->session->device)) return status(e);
  if (!log_room(p, message)) return MIXMAS_FAILED;
  if (run.n_rows > p->capacity) {
    e = resize(p, run.n_rows);
    if (!ok(e, message, "allocate %lld row indices", static_cast<long long>(run.n_rows))) return status(e);
  }
  e = send(p, run);
  ok(e, message, "send the step");
  return status(e);
}

void drop_marks(mixmas_program *p) {
  for (int32_t i = 0; p->marks && i <= p->n; ++i)
    if (p->marks[i]) cudaEventDestroy(p->marks[i]);
  free(p->marks);
  p->marks = nullptr;
}

// make_marks makes the events that a measuring trace records, once.
mixmas_status make_marks(mixmas_program *p, mixmas_message *message) {
  if (p->marks) return MIXMAS_OK;
  p->marks = static_cast<cudaEvent_t *>(calloc(p->n + 1, sizeof(cudaEvent_t)));
  if (!p->marks) return host_full(message);
  cudaError_t e = use(p->session);
  for (int32_t i = 0; i <= p->n && e == cudaSuccess; ++i) e = cudaEventCreate(&p->marks[i]);
  if (!ok(e, message, "create %d events", p->n + 1)) drop_marks(p);
  return status(e);
}

// replace sets what a program is loaded with. It takes ownership of the operations.
void replace(mixmas_program *p, mixmas_operation *operations, int32_t n, float *workspace, const mixmas_input *inputs,
             const float *kept) {
  drop_marks(p);
  free(p->operations);
  p->operations = operations;
  p->n = n;
  p->workspace = workspace;
  p->kept = kept;
  if (p->n_inputs) memcpy(p->inputs, inputs, p->n_inputs * sizeof *inputs);
}

// make allocates a program without operations, or returns null if the host is out of memory.
mixmas_program *make(mixmas_session *s, int32_t n_inputs) {
  auto *p = static_cast<mixmas_program *>(calloc(1, sizeof(mixmas_program)));
  auto *inputs = static_cast<mixmas_input *>(calloc(n_inputs + 1, sizeof(mixmas_input)));
  if (!p || !inputs) {
    free(p);
    free(inputs);
    return nullptr;
  }
  p->session = s;
  p->inputs = inputs;
  p->n_inputs = n_inputs;
  p->next = s->programs;
  s->programs = p;
  return p;
}

}  // namespace
}  // namespace mixmas

using mixmas::host_full;
using mixmas::ok;
using mixmas::say;
using mixmas::status;
using mixmas::use;

extern "C" {

mixmas_limits mixmas_kernel_limits(mixmas_numerics numerics) {
  return {mixmas::CHANNEL_MLP_WIDTH, mixmas::TOKEN_MLP_HIDDEN, mixmas::ATTENTION_HEAD,
          numerics == MIXMAS_FP32 ? INT64_MAX : mixmas::RECOMPUTE_ABOVE};
}

int64_t mixmas_program_workspace(const mixmas_operation *operations, int32_t n, mixmas_numerics numerics) {
  int64_t most = 0;
  for (int32_t i = 0; i < n; ++i) {
    const int64_t size = mixmas::dispatch(operations[i], int64_t(0),
                                          [&](const auto &o) { return mixmas::workspace_size(o, numerics); });
    if (size > most) most = size;
  }
  return most;
}

mixmas_status mixmas_program_load(mixmas_session *s, const mixmas_operation *operations, int32_t n, float *workspace,
                                  const mixmas_input *inputs, int32_t n_inputs, const float *kept, mixmas_program **program,
                                  mixmas_message *message) {
  mixmas_program *p = *program;
  if (p && p->n_inputs != n_inputs) {
    say(message, "loaded again with %d inputs: it had %d", n_inputs, p->n_inputs);
    return MIXMAS_FAILED;
  }
  auto *copy = static_cast<mixmas_operation *>(calloc(n + 1, sizeof(mixmas_operation)));
  if (!copy) return host_full(message);
  if (n) memcpy(copy, operations, n * sizeof(mixmas_operation));
  cudaError_t e = use(s);
  if (e == cudaSuccess && p) e = cudaStreamSynchronize(s->stream);
  if (!ok(e, message, "wait for earlier runs")) {
    free(copy);
    return status(e);
  }
  const bool again = p;
  if (!again && !(p = mixmas::make(s, n_inputs))) {
    free(copy);
    return host_full(message);
  }
  mixmas::replace(p, copy, n, workspace, inputs, kept);
  mixmas::forget(p);
  for (int i = 0; i < mixmas::RING && !again && e == cudaSuccess; ++i)
    e = cudaEventCreateWithFlags(&p->copied[i], cudaEventDisableTiming);
  if (e == cudaSuccess && !again) e = mixmas::resize(p, 0);
  mixmas_status result = status(e);
  if (ok(e, message, "allocate the step block")) result = mixmas::capture(p, message);
  if (result != MIXMAS_OK && !again) {
    mixmas_program_unload(p);
    return result;
  }
  *program = p;
  return result;
}

void mixmas_program_unload(mixmas_program *p) {
  if (!p) return;
  mixmas_session *s = p->session;
  use(s);
  cudaStreamSynchronize(s->stream);
  mixmas::forget(p);
  for (mixmas_program **at = &s->programs; *at; at = &(*at)->next) {
    if (*at != p) continue;
    *at = p->next;
    break;
  }
  for (cudaEvent_t event : p->copied)
    if (event) cudaEventDestroy(event);
  mixmas::drop_marks(p);
  if (p->block) cudaFree(p->block);
  if (p->ring) cudaFreeHost(p->ring);
  free(p->inputs);
  free(p->operations);
  free(p);
  cudaGetLastError();
}

mixmas_status mixmas_program_run(mixmas_program *p, const mixmas_step *step, const mixmas_gather *gathers,
                                 int32_t n_gathers, const int32_t *rows, int64_t n_rows, mixmas_message *message) {
  mixmas_status result = mixmas::prepare(p, {step, gathers, n_gathers, rows, n_rows}, message);
  if (result == MIXMAS_OK && !p->graph) result = mixmas::capture(p, message);
  if (result != MIXMAS_OK) return result;
  const cudaError_t e = cudaGraphLaunch(p->graph, p->session->stream);
  if (!ok(e, message, "launch the graph")) return status(e);
  if (p->kept) ++p->session->logged;
  return MIXMAS_OK;
}

mixmas_status mixmas_program_trace(mixmas_program *p, const mixmas_step *step, const mixmas_gather *gathers,
                                   int32_t n_gathers, const int32_t *rows, int64_t n_rows, float *milliseconds,
                                   const mixmas_poison *poison, int32_t n_poison, mixmas_message *message) {
  mixmas_status result = milliseconds ? mixmas::make_marks(p, message) : MIXMAS_OK;
  if (result == MIXMAS_OK) result = mixmas::prepare(p, {step, gathers, n_gathers, rows, n_rows}, message);
  if (result != MIXMAS_OK) return result;
  const cudaStream_t stream = p->session->stream;
  const auto mark = [&](int32_t i) { return milliseconds ? cudaEventRecord(p->marks[i], stream) : cudaSuccess; };
  // Bytes of 0xff make a NaN.
  const auto fill = [&](int32_t before) {
    cudaError_t e = cudaSuccess;
    for (; n_poison > 0 && poison->before <= before && e == cudaSuccess; ++poison, --n_poison)
      e = cudaMemsetAsync(poison->from, 0xff, size_t(poison->n) * sizeof(float), stream);
    return e;
  };
  cudaError_t e = mixmas::queue_gather(p);
  if (!ok(e, message, "gather the inputs")) return status(e);
  for (int32_t i = 0; i < p->n; ++i) {
    e = fill(i);
    if (e == cudaSuccess) e = mark(i);
    if (e == cudaSuccess) e = mixmas::queue_operation(p, i);
    if (!mixmas::operation_ok(e, p, i, message)) return status(e);
  }
  e = mark(p->n);
  if (e == cudaSuccess) e = mixmas::queue_append(p);
  if (e == cudaSuccess) e = fill(p->n);
  if (e == cudaSuccess) e = cudaStreamSynchronize(stream);
  for (int32_t i = 0; i < p->n && milliseconds && e == cudaSuccess; ++i) {
    float elapsed = 0;
    e = cudaEventElapsedTime(&elapsed, p->marks[i], p->marks[i + 1]);
    milliseconds[i] += elapsed;
  }
  if (!ok(e, message, "run the operations one by one")) return status(e);
  if (p->kept) ++p->session->logged;
  return MIXMAS_OK;
}

}  // extern "C"
