// emulator_test.cu: checks of the emulator itself, of what the programs with planted bugs (test/planted) do not show.
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "launch.cuh"

namespace {

int failures = 0;

void expect(bool right, const char *what, int line) {
  if (right) return;
  fprintf(stderr, "emulator_test.cu:%d: %s\n", line, what);
  ++failures;
}
#define EXPECT(condition) expect(condition, #condition, __LINE__)
#define EXPECT_OK(call) EXPECT((call) == cudaSuccess)

template <class T>
T *device_array(size_t n) {
  T *p = nullptr;
  EXPECT_OK(cudaMalloc(&p, n * sizeof(T)));
  return p;
}

template <class T>
std::vector<T> read(const T *p, size_t n) {
  std::vector<T> values(n);
  EXPECT_OK(cudaDeviceSynchronize());
  EXPECT_OK(cudaMemcpy(values.data(), p, n * sizeof(T), cudaMemcpyDeviceToHost));
  return values;
}

// Warp operations, also of a part of a warp, of two parts on their own, and of a last warp that is not whole.
__global__ void warp_operations(int *out) {
  int i = threadIdx.x, lane = i % 32;
  int *mine = out + i * 12;
  mine[0] = __shfl_xor_sync(~0u, i, 3);
  mine[1] = __shfl_down_sync(~0u, i, 5);
  mine[2] = __shfl_up_sync(~0u, i, 5);
  mine[3] = __shfl_sync(~0u, i, 7);
  mine[4] = __shfl_xor_sync(~0u, i, 5, 4);  // reaches a higher segment from some lanes
  mine[5] = __shfl_down_sync(~0u, i, 2, 8);
  mine[6] = __ballot_sync(~0u, lane % 3 == 0);
  mine[7] = __any_sync(~0u, i == 70) * 2 + __all_sync(~0u, i < 70);
  uint32_t half = lane < 16 ? 0xffffu : 0xffff0000u;
  for (int k = 0; k < (lane < 16 ? 2 : 3); ++k) mine[8] = __shfl_xor_sync(half, i + k, 1);
  mine[9] = 0;
  if (lane >= 4 && lane < 8) mine[9] = __shfl_sync(0xf0u, i, 6);
  mine[10] = __syncthreads_count(i % 2);
  mine[11] = __syncthreads_or(i == 3) * 2 + __syncthreads_and(i != 3);
}

void test_warp_operations() {
  const int n = 80;  // the last warp has 16 lanes
  int *out = device_array<int>(n * 12);
  EXPECT_OK(mixmas::launch(warp_operations, 1, n, 0, nullptr, out));
  std::vector<int> got = read(out, n * 12);
  for (int i = 0; i < n; ++i) {
    int lane = i % 32, base = i - lane, lanes = base == 64 ? 16 : 32;
    const int *mine = &got[i * 12];
    EXPECT(mine[0] == (i ^ 3));
    if (lanes == 32) EXPECT(mine[1] == (lane + 5 < 32 ? i + 5 : i));
    EXPECT(mine[2] == (lane >= 5 ? i - 5 : i));
    EXPECT(mine[3] == base + 7);
    EXPECT(mine[4] == ((lane ^ 5) < lane / 4 * 4 + 4 ? (i ^ 5) : i));
    EXPECT(mine[5] == (lane % 8 + 2 < 8 ? i + 2 : i));
    EXPECT(unsigned(mine[6]) == (lanes == 32 ? 0x49249249u : 0x9249u));
    EXPECT(mine[7] == (base == 64 ? 2 : 1));
    EXPECT(mine[8] == (i ^ 1) + (lane < 16 ? 1 : 2));
    EXPECT(mine[9] == (lane >= 4 && lane < 8 ? base + 6 : 0));
    EXPECT(mine[10] == n / 2);
    EXPECT(mine[11] == 2);
  }
  EXPECT_OK(cudaFree(out));
}

// Blocks and threads of three dimensions; every block has new shared memory.
__global__ void shapes(int *out, float *shared_values) {
  MIXMAS_DYNAMIC_SHARED(float, shared);
  int block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  int thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  out[block * 24 + thread] = block * 1000 + thread;
  if (thread == 23) {
    shared_values[block] = shared[0];
    shared[0] = 1;
  }
}

void test_shapes() {
  int *out = device_array<int>(24 * 24);
  float *values = device_array<float>(24);
  EXPECT_OK(mixmas::launch(shapes, dim3(4, 3, 2), dim3(2, 3, 4), 4, nullptr, out, values));
  std::vector<int> got = read(out, 24 * 24);
  for (int i = 0; i < 24 * 24; ++i) EXPECT(got[i] == i / 24 * 1000 + i % 24);
  for (float value : read(values, 24)) EXPECT(value != value);
  EXPECT_OK(cudaFree(out));
  EXPECT_OK(cudaFree(values));

  EXPECT(mixmas::launch(shapes, 0, 1, 0, nullptr, out, values) == cudaErrorInvalidConfiguration);
  EXPECT(mixmas::launch(shapes, dim3(1, 65536), 1, 0, nullptr, out, values) == cudaErrorInvalidConfiguration);
  EXPECT(mixmas::launch(shapes, 1, 1025, 0, nullptr, out, values) == cudaErrorInvalidConfiguration);
  EXPECT(mixmas::launch(shapes, 1, 1, 49153, 0, out, values) == cudaErrorInvalidValue);
  EXPECT(cudaGetLastError() == cudaErrorInvalidValue);
  EXPECT(cudaGetLastError() == cudaSuccess);
  EXPECT(cudaFuncSetAttribute(shapes, cudaFuncAttributeMaxDynamicSharedMemorySize, 1 << 20) == cudaErrorInvalidValue);
}

struct Term {
  float add;
  int n;
};

__global__ void add(float *x, Term term) {
  if (int(threadIdx.x) < term.n) x[threadIdx.x] += term.add;
}

cudaStream_t new_stream() {
  cudaStream_t stream = nullptr;
  EXPECT_OK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  return stream;
}

// What is captured does nothing before it is launched, keeps its arguments, and reads memory at every replay.
void test_graphs() {
  cudaStream_t stream = new_stream(), other = new_stream();
  float *x = device_array<float>(4), *pinned;
  EXPECT_OK(cudaMallocHost(&pinned, 4 * sizeof(float)));
  EXPECT_OK(cudaMemset(x, 0, 4 * sizeof(float)));

  cudaGraph_t graph;
  cudaGraphExec_t program;
  cudaEvent_t event;
  EXPECT_OK(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
  EXPECT_OK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  Term term{1, 4};
  EXPECT_OK(mixmas::launch(add, 1, 32, 0, stream, x, term));
  term.add = 100;
  EXPECT_OK(cudaEventRecord(event, stream));
  EXPECT_OK(cudaStreamWaitEvent(other, event, 0));
  EXPECT_OK(mixmas::launch(add, 1, 32, 0, other, x, Term{2, 2}));
  EXPECT_OK(cudaMemcpyAsync(pinned, x, 4 * sizeof(float), cudaMemcpyDeviceToHost, stream));
  EXPECT_OK(cudaStreamEndCapture(stream, &graph));
  size_t nodes = 0;
  EXPECT_OK(cudaGraphGetNodes(graph, nullptr, &nodes));
  EXPECT(nodes == 3);
  EXPECT_OK(cudaGraphInstantiate(&program, graph, 0));
  EXPECT_OK(cudaGraphDestroy(graph));
  for (float value : read(x, 4)) EXPECT(value == 0);

  for (int i = 0; i < 100; ++i) EXPECT_OK(cudaGraphLaunch(program, stream));
  EXPECT_OK(cudaGraphExecDestroy(program));  // while replays are queued
  EXPECT(pinned[3] != 100);
  EXPECT_OK(cudaStreamSynchronize(stream));
  EXPECT(pinned[1] == 300 && pinned[3] == 100);

  // A call that waits for the device spoils the capture, and only that of its own thread.
  EXPECT_OK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  std::thread([] {
    float *p = device_array<float>(1);
    EXPECT_OK(cudaFree(p));
  }).join();
  EXPECT_OK(mixmas::launch(add, 1, 32, 0, stream, x, term));
  float *p;
  EXPECT(cudaMalloc(&p, 4) == cudaErrorStreamCaptureUnsupported);
  EXPECT(mixmas::launch(add, 1, 32, 0, stream, x, term) == cudaErrorStreamCaptureInvalidated);
  EXPECT(cudaStreamEndCapture(stream, &graph) == cudaErrorStreamCaptureInvalidated);
  EXPECT(graph == nullptr);
  EXPECT(cudaStreamBeginCapture(nullptr, cudaStreamCaptureModeThreadLocal) == cudaErrorStreamCaptureUnsupported);
  cudaGetLastError();
  EXPECT_OK(cudaEventDestroy(event));
  EXPECT_OK(cudaStreamDestroy(stream));
  EXPECT_OK(cudaStreamDestroy(other));
  EXPECT_OK(cudaFreeHost(pinned));
  EXPECT_OK(cudaFree(x));
}

// Work is late, but what waits for it finds it done.
void test_streams() {
  cudaStream_t first = new_stream(), second = new_stream();
  float *x = device_array<float>(4), ordinary[4] = {5, 5, 5, 5}, *pinned;
  EXPECT_OK(cudaMallocHost(&pinned, sizeof ordinary));
  cudaEvent_t begin, end;
  EXPECT_OK(cudaEventCreate(&begin));
  EXPECT_OK(cudaEventCreate(&end));

  EXPECT_OK(cudaEventRecord(begin, first));
  EXPECT_OK(cudaMemcpyAsync(x, ordinary, sizeof ordinary, cudaMemcpyHostToDevice, first));
  ordinary[0] = 6;  // was taken
  EXPECT_OK(mixmas::launch(add, 1, 32, 0, first, x, Term{1, 4}));
  EXPECT_OK(cudaEventRecord(end, first));
  EXPECT_OK(cudaStreamWaitEvent(second, end, 0));
  EXPECT_OK(cudaMemcpyAsync(pinned, x, sizeof ordinary, cudaMemcpyDeviceToHost, second));
  float milliseconds = -1;
  EXPECT(cudaEventElapsedTime(&milliseconds, begin, end) == cudaErrorNotReady);
  EXPECT(cudaEventQuery(end) == cudaErrorNotReady);
  EXPECT_OK(cudaStreamSynchronize(second));
  EXPECT(pinned[0] == 6);
  EXPECT_OK(cudaEventSynchronize(end));
  EXPECT_OK(cudaEventElapsedTime(&milliseconds, begin, end));
  EXPECT(milliseconds >= 0);

  // A copy to ordinary memory has been done when the call returns.
  EXPECT_OK(mixmas::launch(add, 1, 32, 0, first, x, Term{1, 4}));
  EXPECT_OK(cudaMemcpyAsync(ordinary, x, sizeof ordinary, cudaMemcpyDeviceToHost, first));
  EXPECT(ordinary[3] == 7);
  while (cudaStreamQuery(first) == cudaErrorNotReady) continue;
  cudaGetLastError();

  EXPECT_OK(cudaEventDestroy(begin));
  EXPECT_OK(cudaEventDestroy(end));
  EXPECT_OK(cudaStreamDestroy(first));
  EXPECT_OK(cudaStreamDestroy(second));
  EXPECT(mixmas::launch(add, 1, 32, 0, first, x, Term{1, 4}) == cudaErrorInvalidResourceHandle);
  cudaGetLastError();
  EXPECT_OK(cudaFreeHost(pinned));
  EXPECT_OK(cudaFree(x));
}

void test_memory() {
  setenv("MIXMAS_EMULATOR_MEMORY", "1000", 1);
  size_t available, total;
  float *x, *y;
  EXPECT_OK(cudaMalloc(&x, 600));
  EXPECT(cudaMalloc(&y, 401) == cudaErrorMemoryAllocation && y == nullptr);
  EXPECT(cudaGetLastError() == cudaErrorMemoryAllocation);
  EXPECT_OK(cudaMemGetInfo(&available, &total));
  EXPECT(available == 400 && total == 1000);
  EXPECT_OK(cudaMalloc(&y, 400));
  EXPECT_OK(cudaFree(x));
  EXPECT(cudaFree(x) == cudaErrorInvalidValue);
  EXPECT_OK(cudaFree(y));
  cudaGetLastError();
  unsetenv("MIXMAS_EMULATOR_MEMORY");
}

void test_devices() {
  int count = -1;
  EXPECT(cudaGetDeviceCount(&count) == cudaSuccess && count == 1);
  EXPECT(cudaSetDevice(1) == cudaErrorInvalidDevice);
  setenv("MIXMAS_EMULATOR_DEVICES", "0", 1);
  EXPECT(cudaGetDeviceCount(&count) == cudaErrorNoDevice && count == 0);
  unsetenv("MIXMAS_EMULATOR_DEVICES");
  cudaGetLastError();
}

// Several threads of the operating system, each with a stream: kernels with barriers must not disturb each other.
__global__ void rotate(float *x, int times) {
  MIXMAS_DYNAMIC_SHARED(float, shared);
  int i = threadIdx.x, n = blockDim.x;
  for (int t = 0; t < times; ++t) {
    shared[i] = x[i];
    __syncthreads();
    x[i] = shared[(i + 1) % n];
    __syncthreads();
  }
}

void test_threads() {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      const int n = 33 + t;
      cudaStream_t stream = new_stream();
      float *x = device_array<float>(n);
      std::vector<float> values(n);
      for (int i = 0; i < n; ++i) values[i] = float(i);
      EXPECT_OK(cudaMemcpyAsync(x, values.data(), n * sizeof(float), cudaMemcpyHostToDevice, stream));
      for (int i = 0; i < 50; ++i) EXPECT_OK(mixmas::launch(rotate, 1, n, n * sizeof(float), stream, x, 3));
      EXPECT_OK(cudaStreamSynchronize(stream));
      values = read(x, n);
      for (int i = 0; i < n; ++i) EXPECT(values[i] == (i + 150) % n);
      EXPECT_OK(cudaFree(x));
      EXPECT_OK(cudaStreamDestroy(stream));
    });
  }
  for (std::thread &thread : threads) thread.join();
}

}  // namespace

int main() {
  test_warp_operations();
  test_shapes();
  test_graphs();
  test_streams();
  test_memory();
  test_devices();
  test_threads();
  printf("%d failures\n", failures);
  return failures != 0;
}
