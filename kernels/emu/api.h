// api.h: the CUDA runtime API, with NVIDIA's types and prototypes and the emulator's definitions.
//
// Work that is queued on a stream is done as late as CUDA allows: when something waits for it. So a missing wait
// always shows as missing data. Kernels, copies and everything else run one at a time in the whole process.
//
// MIXMAS_EMULATOR_DEVICES: how many GPUs there are (1). MIXMAS_EMULATOR_MEMORY: bytes of memory that each has (16 GiB).
// MIXMAS_EMULATOR_DRIVER: the version of CUDA that the driver is for (that of the headers; 12040 is 12.4).
// MIXMAS_EMULATOR_SHARED: bytes of shared memory that a block of the first may have (163 KiB, which is also the most).
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "block.h"

namespace emulator {

using Work = std::function<void()>;
using Clock = std::chrono::steady_clock;

// Recording is one use of an event.
struct Recording {
  bool done = false;
  Clock::time_point when{};
  CUstream_st *stream = nullptr;
};

}  // namespace emulator

struct CUgraph_st {
  std::vector<emulator::Work> nodes;
  bool invalid = false;  // a call was made that must not be made during a capture
};

struct CUgraphExec_st {
  std::shared_ptr<const std::vector<emulator::Work>> nodes;
};

struct CUstream_st {
  bool blocking = true;             // with the legacy default stream
  std::deque<emulator::Work> work;  // that has not been done
  CUgraph_st *capture = nullptr;    // what is called goes there instead
  bool origin = false;              // the capture began on this stream
};

struct CUevent_st {
  bool timing = true;
  std::shared_ptr<emulator::Recording> recording;
  CUgraph_st *capture = nullptr;  // it was recorded there
};

namespace emulator {

// Empty copies and fills may have null pointers, which memcpy and memset do not allow.
inline void copy(void *to, const void *from, size_t size) {
  if (size) memcpy(to, from, size);
}
inline void fill(void *p, int value, size_t size) {
  if (size) memset(p, value, size);
}

struct Runtime {
  std::mutex lock;  // held by every function of the API
  CUstream_st legacy;
  std::map<CUstream_st *, bool> streams;  // all but the legacy one
  std::unordered_map<void *, size_t> device_memory, pinned_memory;
  size_t used = 0;
  std::unordered_map<const void *, size_t> shared_limits;  // of kernels that asked for more
};

// The runtime outlives everything: other threads may still call it when the process ends.
inline Runtime &runtime() {
  static Runtime *instance = new Runtime;
  return *instance;
}

using Guard = std::lock_guard<std::mutex>;

// Per thread of the operating system, as in CUDA.
inline thread_local cudaError_t last_error = cudaSuccess;
inline thread_local int device = 0;
inline thread_local CUstream_st *capturing = nullptr;  // the stream on which this thread began a capture

inline cudaError_t result(cudaError_t e) {
  if (e != cudaSuccess) last_error = e;
  return e;
}

inline size_t setting(const char *name, size_t otherwise) {
  const char *text = getenv(name);
  return text && *text ? strtoull(text, nullptr, 10) : otherwise;
}
inline int device_count() { return int(setting("MIXMAS_EMULATOR_DEVICES", 1)); }
inline int driver_version() { return int(setting("MIXMAS_EMULATOR_DRIVER", CUDART_VERSION)); }
inline size_t memory_size() { return setting("MIXMAS_EMULATOR_MEMORY", size_t(16) << 30); }
inline size_t most_shared(int ordinal) {
  return ordinal == 0 ? std::min(setting("MIXMAS_EMULATOR_SHARED", MAX_SHARED), MAX_SHARED) : MAX_SHARED;
}

// ---- streams ----

constexpr size_t LONGEST_QUEUE = 64;

inline CUstream_st *stream_of(cudaStream_t stream) {
  bool legacy = !stream || stream == cudaStreamLegacy || stream == cudaStreamPerThread;
  return legacy ? &runtime().legacy : stream;
}

inline bool known(CUstream_st *stream) { return stream == &runtime().legacy || runtime().streams.count(stream); }

inline void do_oldest(CUstream_st *stream) {
  Work work = std::move(stream->work.front());
  stream->work.pop_front();
  work();
}

inline void drain(CUstream_st *stream) {
  while (!stream->work.empty()) do_oldest(stream);
}

inline void drain_all() {
  drain(&runtime().legacy);
  for (auto &entry : runtime().streams) drain(entry.first);
}

// drain_blocking does the work that the legacy stream waits for. It fails if a blocking stream is being captured.
inline cudaError_t drain_blocking() {
  for (auto &entry : runtime().streams) {
    if (!entry.first->blocking) continue;
    if (entry.first->capture) {
      entry.first->capture->invalid = true;
      return cudaErrorStreamCaptureImplicit;
    }
    drain(entry.first);
  }
  return cudaSuccess;
}

// enqueue queues work on a stream, or adds it to the graph that captures the stream.
inline cudaError_t enqueue(cudaStream_t handle, Work work) {
  CUstream_st *stream = stream_of(handle);
  if (!known(stream)) return cudaErrorInvalidResourceHandle;
  if (stream->capture) {
    if (stream->capture->invalid) return cudaErrorStreamCaptureInvalidated;
    stream->capture->nodes.push_back(std::move(work));
    return cudaSuccess;
  }
  if (stream == &runtime().legacy) {
    if (cudaError_t e = drain_blocking()) return e;
  } else if (stream->blocking) {
    drain(&runtime().legacy);
  }
  stream->work.push_back(std::move(work));
  while (stream->work.size() > LONGEST_QUEUE) do_oldest(stream);
  return cudaSuccess;
}

// unsafe is called by functions that a capturing thread must not call, since they would wait for the device.
inline cudaError_t unsafe() {
  if (!capturing) return cudaSuccess;
  capturing->capture->invalid = true;
  return cudaErrorStreamCaptureUnsupported;
}

inline cudaError_t wait_for(const std::shared_ptr<Recording> &recording) {
  while (recording && !recording->done) {
    if (!known(recording->stream) || recording->stream->work.empty()) return cudaErrorUnknown;
    do_oldest(recording->stream);
  }
  return cudaSuccess;
}

// ---- memory ----

// allocate returns memory that is full of NaN and not rounded up, so that AddressSanitizer sees every overrun.
inline void *allocate(size_t size) {
  void *p = nullptr;
  if (posix_memalign(&p, 256, size ? size : 1) != 0) return nullptr;
  memset(p, 0xff, size);
  return p;
}

inline bool pinned(const void *p) {
  for (auto &entry : runtime().pinned_memory)
    if (p >= entry.first && p < static_cast<char *>(entry.first) + entry.second) return true;
  return false;
}

inline bool on_device(const void *p) {
  for (auto &entry : runtime().device_memory)
    if (p >= entry.first && p < static_cast<char *>(entry.first) + entry.second) return true;
  return false;
}

// ---- launches ----

template <class... Parameters>
struct Call {
  void (*kernel)(Parameters...);
  std::tuple<Parameters...> arguments;

  static void run(const void *self) {
    const Call *call = static_cast<const Call *>(self);
    std::apply(call->kernel, call->arguments);
  }
};

template <class... Parameters>
cudaError_t launch(Call<Parameters...> call, dim3 grid, dim3 block, size_t shared, cudaStream_t stream) {
  Guard guard(runtime().lock);
  if (device_count() == 0) return result(cudaErrorNoDevice);
  const void *kernel = reinterpret_cast<const void *>(call.kernel);
  auto limit = runtime().shared_limits.find(kernel);
  size_t most = limit == runtime().shared_limits.end() ? 48 << 10 : limit->second;
  size_t threads = size_t(block.x) * block.y * block.z;
  bool possible = threads > 0 && threads <= MAX_THREADS && block.z <= 64 && grid.x > 0 && grid.x <= 0x7fffffff &&
                  grid.y > 0 && grid.y <= 65535 && grid.z > 0 && grid.z <= 65535;
  if (!possible) return result(cudaErrorInvalidConfiguration);
  if (shared > most) return result(cudaErrorInvalidValue);
  return result(enqueue(stream, [=] {
    run_grid({grid, block, shared, kernel, Call<Parameters...>::run, &call});
  }));
}

}  // namespace emulator

// ---- the API ----

#define EMULATOR_API extern "C" inline

// errors

EMULATOR_API const char *cudaGetErrorName(cudaError_t e) {
  switch (e) {
#define EMULATOR_NAME(name) \
  case name:                \
    return #name;
    EMULATOR_NAME(cudaSuccess)
    EMULATOR_NAME(cudaErrorInvalidValue)
    EMULATOR_NAME(cudaErrorMemoryAllocation)
    EMULATOR_NAME(cudaErrorInvalidConfiguration)
    EMULATOR_NAME(cudaErrorInvalidDevice)
    EMULATOR_NAME(cudaErrorNoDevice)
    EMULATOR_NAME(cudaErrorNotReady)
    EMULATOR_NAME(cudaErrorInvalidResourceHandle)
    EMULATOR_NAME(cudaErrorStreamCaptureUnsupported)
    EMULATOR_NAME(cudaErrorStreamCaptureInvalidated)
    EMULATOR_NAME(cudaErrorStreamCaptureUnmatched)
    EMULATOR_NAME(cudaErrorStreamCaptureImplicit)
    EMULATOR_NAME(cudaErrorStreamCaptureWrongThread)
    EMULATOR_NAME(cudaErrorIllegalState)
    EMULATOR_NAME(cudaErrorCapturedEvent)
#undef EMULATOR_NAME
    default:
      return "cudaErrorUnknown";
  }
}

EMULATOR_API const char *cudaGetErrorString(cudaError_t e) {
  switch (e) {
    case cudaSuccess:
      return "no error";
    case cudaErrorInvalidValue:
      return "invalid argument";
    case cudaErrorMemoryAllocation:
      return "out of memory";
    case cudaErrorInvalidConfiguration:
      return "invalid configuration argument";
    case cudaErrorInvalidDevice:
      return "invalid device ordinal";
    case cudaErrorNoDevice:
      return "no CUDA-capable device is detected";
    case cudaErrorNotReady:
      return "device not ready";
    case cudaErrorInvalidResourceHandle:
      return "invalid resource handle";
    case cudaErrorStreamCaptureUnsupported:
      return "operation not permitted when stream is capturing";
    case cudaErrorStreamCaptureInvalidated:
      return "operation failed due to a previous error during capture";
    case cudaErrorStreamCaptureImplicit:
      return "operation would make the legacy stream depend on a capturing blocking stream";
    default:
      return cudaGetErrorName(e);
  }
}

EMULATOR_API cudaError_t cudaPeekAtLastError() { return emulator::last_error; }
EMULATOR_API cudaError_t cudaGetLastError() {
  cudaError_t e = emulator::last_error;
  emulator::last_error = cudaSuccess;
  return e;
}

// devices

EMULATOR_API cudaError_t cudaRuntimeGetVersion(int *version) { return *version = CUDART_VERSION, cudaSuccess; }
EMULATOR_API cudaError_t cudaDriverGetVersion(int *version) {
  *version = emulator::device_count() ? emulator::driver_version() : 0;
  return cudaSuccess;
}

EMULATOR_API cudaError_t cudaGetDeviceCount(int *count) {
  *count = emulator::device_count();
  if (emulator::driver_version() / 1000 < CUDART_VERSION / 1000) return emulator::result(cudaErrorInsufficientDriver);
  return emulator::result(*count ? cudaSuccess : cudaErrorNoDevice);
}

EMULATOR_API cudaError_t cudaSetDevice(int ordinal) {
  int count = emulator::device_count();
  if (count == 0) return emulator::result(cudaErrorNoDevice);
  if (ordinal < 0 || ordinal >= count) return emulator::result(cudaErrorInvalidDevice);
  emulator::device = ordinal;
  return cudaSuccess;
}

EMULATOR_API cudaError_t cudaGetDevice(int *ordinal) { return *ordinal = emulator::device, cudaSuccess; }

EMULATOR_API cudaError_t cudaGetDeviceProperties(cudaDeviceProp *properties, int ordinal) {
  if (ordinal < 0 || ordinal >= emulator::device_count()) return emulator::result(cudaErrorInvalidDevice);
  *properties = cudaDeviceProp{};
  strcpy(properties->name, "CUDA emulator");
  properties->major = 8;
  properties->minor = 0;
  properties->multiProcessorCount = 108;
  properties->totalGlobalMem = emulator::memory_size();
  properties->sharedMemPerBlock = 48 << 10;
  properties->sharedMemPerBlockOptin = emulator::most_shared(ordinal);
  properties->sharedMemPerMultiprocessor = 164 << 10;
  properties->regsPerBlock = properties->regsPerMultiprocessor = 65536;
  properties->warpSize = emulator::WARP;
  properties->maxThreadsPerBlock = emulator::MAX_THREADS;
  properties->maxThreadsPerMultiProcessor = 2048;
  properties->l2CacheSize = 40 << 20;
  properties->memoryBusWidth = 5120;
  return cudaSuccess;
}

EMULATOR_API cudaError_t cudaDeviceGetAttribute(int *value, cudaDeviceAttr attribute, int ordinal) {
  cudaDeviceProp properties;
  if (cudaError_t e = cudaGetDeviceProperties(&properties, ordinal)) return e;
  switch (attribute) {
    case cudaDevAttrComputeCapabilityMajor:
      return *value = properties.major, cudaSuccess;
    case cudaDevAttrComputeCapabilityMinor:
      return *value = properties.minor, cudaSuccess;
    case cudaDevAttrMultiProcessorCount:
      return *value = properties.multiProcessorCount, cudaSuccess;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      return *value = int(properties.sharedMemPerBlockOptin), cudaSuccess;
    case cudaDevAttrMaxThreadsPerBlock:
      return *value = properties.maxThreadsPerBlock, cudaSuccess;
    default:
      return emulator::result(cudaErrorInvalidValue);
  }
}

EMULATOR_API cudaError_t cudaFuncSetAttribute(const void *kernel, cudaFuncAttribute attribute, int value) {
  emulator::Guard guard(emulator::runtime().lock);
  if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaSuccess;
  if (value < 0 || size_t(value) > emulator::most_shared(emulator::device)) return emulator::result(cudaErrorInvalidValue);
  emulator::runtime().shared_limits[kernel] = value;
  return cudaSuccess;
}

// NVIDIA's header has this for nvcc only.
template <class... Parameters>
cudaError_t cudaFuncSetAttribute(void (*kernel)(Parameters...), cudaFuncAttribute attribute, int value) {
  return cudaFuncSetAttribute(reinterpret_cast<const void *>(kernel), attribute, value);
}

EMULATOR_API cudaError_t cudaDeviceSynchronize() {
  emulator::Guard guard(emulator::runtime().lock);
  if (cudaError_t e = emulator::unsafe()) return emulator::result(e);
  emulator::drain_all();
  return cudaSuccess;
}

// memory

EMULATOR_API cudaError_t cudaMalloc(void **p, size_t size) {
  emulator::Runtime &runtime = emulator::runtime();
  emulator::Guard guard(runtime.lock);
  *p = nullptr;
  if (emulator::device_count() == 0) return emulator::result(cudaErrorNoDevice);
  if (cudaError_t e = emulator::unsafe()) return emulator::result(e);
  if (size == 0) return cudaSuccess;
  if (size > emulator::memory_size() || runtime.used > emulator::memory_size() - size) {
    return emulator::result(cudaErrorMemoryAllocation);
  }
  *p = emulator::allocate(size);
  if (!*p) return emulator::result(cudaErrorMemoryAllocation);
  runtime.device_memory[*p] = size;
  runtime.used += size;
  return cudaSuccess;
}

EMULATOR_API cudaError_t cudaFree(void *p) {
  emulator::Runtime &runtime = emulator::runtime();
  emulator::Guard guard(runtime.lock);
  if (!p) return cudaSuccess;
  if (cudaError_t e = emulator::unsafe()) return emulator::result(e);
  auto entry = runtime.device_memory.find(p);
  if (entry == runtime.device_memory.end()) return emulator::result(cudaErrorInvalidValue);
  emulator::drain_all();
  runtime.used -= entry->second;
  runtime.device_memory.erase(entry);
  free(p);
  return cudaSuccess;
}

EMULATOR_API cudaError_t cudaHostAlloc(void **p, size_t size, unsigned) {
  emulator::Runtime &runtime = emulator::runtime();
  emulator::Guard guard(runtime.lock);
  *p = nullptr;
  if (emulator::device_count() == 0) return emulator::result(cudaErrorNoDevice);
  if (cudaError_t e = emulator::unsafe()) return emulator::result(e);
  *p = emulator::allocate(size);
  if (!*p) return emulator::result(cudaErrorMemoryAllocation);
  runtime.pinned_memory[*p] = size;
  return cudaSuccess;
}
EMULATOR_API cudaError_t cudaMallocHost(void **p, size_t size) { return cudaHostAlloc(p, size, 0); }

EMULATOR_API cudaError_t cudaFreeHost(void *p) {
  emulator::Runtime &runtime = emulator::runtime();
  emulator::Guard guard(runtime.lock);
  if (!p) return cudaSuccess;
  if (cudaError_t e = emulator::unsafe()) return emulator::result(e);
  if (!runtime.pinned_memory.count(p)) return emulator::result(cudaErrorInvalidValue);
  emulator::drain_all();
  runtime.pinned_memory.erase(p);
  free(p);
  return cudaSuccess;
}

EMULATOR_API cudaError_t cudaMemGetInfo(size_t *available, size_t *total) {
  emulator::Guard guard(emulator::runtime().lock);
  *total = emulator::memory_size();
  size_t used = emulator::runtime().used;
  *available = used < *total ? *total - used : 0;
  return cudaSuccess;
}

EMULATOR_API cudaError_t cudaMemcpy(void *to, const void *from, size_t size, cudaMemcpyKind) {
  emulator::Guard guard(emulator::runtime().lock);
  if (cudaError_t e = emulator::unsafe()) return emulator::result(e);
  if (cudaError_t e = emulator::drain_blocking()) return emulator::result(e);
  emulator::drain(&emulator::runtime().legacy);
  emulator::copy(to, from, size);
  return cudaSuccess;
}

EMULATOR_API cudaError_t cudaMemset(void *p, int value, size_t size) {
  emulator::Guard guard(emulator::runtime().lock);
  if (cudaError_t e = emulator::unsafe()) return emulator::result(e);
  if (cudaError_t e = emulator::drain_blocking()) return emulator::result(e);
  emulator::drain(&emulator::runtime().legacy);
  emulator::fill(p, value, size);
  return cudaSuccess;
}

EMULATOR_API cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t size, cudaMemcpyKind kind, cudaStream_t handle) {
  emulator::Guard guard(emulator::runtime().lock);
  CUstream_st *stream = emulator::stream_of(handle);
  if (!emulator::known(stream)) return emulator::result(cudaErrorInvalidResourceHandle);
  if (kind == cudaMemcpyHostToDevice && !stream->capture && !emulator::pinned(from)) {
    // CUDA copies data from ordinary memory before it returns.
    const char *bytes = static_cast<const char *>(from);
    auto staged = std::make_shared<std::vector<char>>(bytes, bytes + size);
    return emulator::result(emulator::enqueue(handle, [=] { emulator::copy(to, staged->data(), size); }));
  }
  cudaError_t e = emulator::enqueue(handle, [=] { emulator::copy(to, from, size); });
  bool waits = kind == cudaMemcpyDeviceToHost && !stream->capture && !emulator::pinned(to);
  if (e == cudaSuccess && waits) emulator::drain(stream);  // as CUDA does for ordinary memory
  return emulator::result(e);
}

EMULATOR_API cudaError_t cudaMemsetAsync(void *p, int value, size_t size, cudaStream_t stream) {
  emulator::Guard guard(emulator::runtime().lock);
  return emulator::result(emulator::enqueue(stream, [=] { emulator::fill(p, value, size); }));
}

// streams

EMULATOR_API cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags) {
  emulator::Guard guard(emulator::runtime().lock);
  if (emulator::device_count() == 0) return emulator::result(cudaErrorNoDevice);
  *stream = new CUstream_st;
  (*stream)->blocking = !(flags & cudaStreamNonBlocking);
  emulator::runtime().streams[*stream] = true;
  return cudaSuccess;
}
EMULATOR_API cudaError_t cudaStreamCreate(cudaStream_t *stream) {
  return cudaStreamCreateWithFlags(stream, cudaStreamDefault);
}

EMULATOR_API cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  emulator::Guard guard(emulator::runtime().lock);
  if (!emulator::runtime().streams.count(stream)) return emulator::result(cudaErrorInvalidResourceHandle);
  emulator::drain(stream);
  if (emulator::capturing == stream) {
    delete stream->capture;
    emulator::capturing = nullptr;
  }
  emulator::runtime().streams.erase(stream);
  delete stream;
  return cudaSuccess;
}

EMULATOR_API cudaError_t cudaStreamSynchronize(cudaStream_t handle) {
  emulator::Guard guard(emulator::runtime().lock);
  CUstream_st *stream = emulator::stream_of(handle);
  if (!emulator::known(stream)) return emulator::result(cudaErrorInvalidResourceHandle);
  if (stream->capture) {
    stream->capture->invalid = true;
    return emulator::result(cudaErrorStreamCaptureUnsupported);
  }
  emulator::drain(stream);
  return cudaSuccess;
}

EMULATOR_API cudaError_t cudaStreamQuery(cudaStream_t handle) {
  emulator::Guard guard(emulator::runtime().lock);
  CUstream_st *stream = emulator::stream_of(handle);
  if (!emulator::known(stream)) return emulator::result(cudaErrorInvalidResourceHandle);
  if (stream->work.empty()) return cudaSuccess;
  emulator::do_oldest(stream);  // a caller that polls gets there in the end
  return cudaErrorNotReady;
}

EMULATOR_API cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void *data) {
  emulator::Guard guard(emulator::runtime().lock);
  return emulator::result(emulator::enqueue(stream, [=] { function(data); }));
}

// events

EMULATOR_API cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned flags) {
  if (emulator::device_count() == 0) return emulator::result(cudaErrorNoDevice);
  *event = new CUevent_st;
  (*event)->timing = !(flags & cudaEventDisableTiming);
  return cudaSuccess;
}
EMULATOR_API cudaError_t cudaEventCreate(cudaEvent_t *event) { return cudaEventCreateWithFlags(event, 0); }

EMULATOR_API cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}

EMULATOR_API cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t handle) {
  emulator::Guard guard(emulator::runtime().lock);
  CUstream_st *stream = emulator::stream_of(handle);
  if (!emulator::known(stream)) return emulator::result(cudaErrorInvalidResourceHandle);
  event->capture = stream->capture;
  if (stream->capture) return cudaSuccess;
  auto recording = std::make_shared<emulator::Recording>();
  recording->stream = stream;
  event->recording = recording;
  return emulator::result(emulator::enqueue(handle, [recording] {
    recording->when = emulator::Clock::now();
    recording->done = true;
  }));
}

EMULATOR_API cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  emulator::Guard guard(emulator::runtime().lock);
  if (event->capture) return emulator::result(cudaErrorCapturedEvent);
  return emulator::result(emulator::wait_for(event->recording));
}

EMULATOR_API cudaError_t cudaEventQuery(cudaEvent_t event) {
  emulator::Guard guard(emulator::runtime().lock);
  if (event->capture) return emulator::result(cudaErrorCapturedEvent);
  if (!event->recording || event->recording->done) return cudaSuccess;
  emulator::do_oldest(event->recording->stream);  // a caller that polls gets there in the end
  return cudaErrorNotReady;
}

EMULATOR_API cudaError_t cudaEventElapsedTime(float *milliseconds, cudaEvent_t from, cudaEvent_t to) {
  emulator::Guard guard(emulator::runtime().lock);
  if (!from->timing || !to->timing || !from->recording || !to->recording) {
    return emulator::result(cudaErrorInvalidResourceHandle);
  }
  if (!from->recording->done || !to->recording->done) return emulator::result(cudaErrorNotReady);
  *milliseconds = std::chrono::duration<float, std::milli>(to->recording->when - from->recording->when).count();
  return cudaSuccess;
}

EMULATOR_API cudaError_t cudaStreamWaitEvent(cudaStream_t handle, cudaEvent_t event, unsigned) {
  emulator::Guard guard(emulator::runtime().lock);
  CUstream_st *stream = emulator::stream_of(handle);
  if (!emulator::known(stream)) return emulator::result(cudaErrorInvalidResourceHandle);
  if (event->capture) {  // the stream joins the capture, which runs in the order of the calls
    if (stream->capture && stream->capture != event->capture) return emulator::result(cudaErrorInvalidValue);
    stream->capture = event->capture;
    return cudaSuccess;
  }
  auto recording = event->recording;
  if (!recording || recording->done) return cudaSuccess;
  return emulator::result(emulator::enqueue(handle, [recording] { emulator::wait_for(recording); }));
}

// graphs

EMULATOR_API cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  emulator::Guard guard(emulator::runtime().lock);
  if (!emulator::runtime().streams.count(stream)) return emulator::result(cudaErrorStreamCaptureUnsupported);
  if (stream->capture || emulator::capturing) return emulator::result(cudaErrorIllegalState);
  if (mode != cudaStreamCaptureModeThreadLocal) {
    emulator::die("capture must be thread-local, or it would disturb other sessions");
  }
  stream->capture = new CUgraph_st;
  stream->origin = true;
  emulator::capturing = stream;
  return cudaSuccess;
}

EMULATOR_API cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph) {
  emulator::Guard guard(emulator::runtime().lock);
  *graph = nullptr;
  if (!emulator::runtime().streams.count(stream) || !stream->capture) return emulator::result(cudaErrorIllegalState);
  if (!stream->origin) return emulator::result(cudaErrorStreamCaptureUnmatched);
  if (emulator::capturing != stream) return emulator::result(cudaErrorStreamCaptureWrongThread);
  CUgraph_st *captured = stream->capture;
  for (auto &entry : emulator::runtime().streams)
    if (entry.first->capture == captured) entry.first->capture = nullptr;
  stream->origin = false;
  emulator::capturing = nullptr;
  if (captured->invalid) {
    delete captured;
    return emulator::result(cudaErrorStreamCaptureInvalidated);
  }
  *graph = captured;
  return cudaSuccess;
}

EMULATOR_API cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus *status) {
  emulator::Guard guard(emulator::runtime().lock);
  CUgraph_st *capture = emulator::stream_of(stream)->capture;
  *status = !capture          ? cudaStreamCaptureStatusNone
            : capture->invalid ? cudaStreamCaptureStatusInvalidated
                               : cudaStreamCaptureStatusActive;
  return cudaSuccess;
}

EMULATOR_API cudaError_t cudaGraphInstantiate(cudaGraphExec_t *program, cudaGraph_t graph, unsigned long long) {
  *program = new CUgraphExec_st{std::make_shared<const std::vector<emulator::Work>>(graph->nodes)};
  return cudaSuccess;
}

EMULATOR_API cudaError_t cudaGraphUpload(cudaGraphExec_t, cudaStream_t) { return cudaSuccess; }

EMULATOR_API cudaError_t cudaGraphLaunch(cudaGraphExec_t program, cudaStream_t stream) {
  emulator::Guard guard(emulator::runtime().lock);
  auto nodes = program->nodes;
  return emulator::result(emulator::enqueue(stream, [nodes] {
    for (const emulator::Work &node : *nodes) node();
  }));
}

// The number of nodes; the nodes themselves have no handles.
EMULATOR_API cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t *nodes, size_t *count) {
  if (nodes) return emulator::result(cudaErrorInvalidValue);
  *count = graph->nodes.size();
  return cudaSuccess;
}

EMULATOR_API cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}

EMULATOR_API cudaError_t cudaGraphExecDestroy(cudaGraphExec_t program) {
  delete program;
  return cudaSuccess;
}

// ranges of the profiler

EMULATOR_API cudaError_t cudaProfilerStart() { return cudaSuccess; }
EMULATOR_API cudaError_t cudaProfilerStop() { return cudaSuccess; }

#undef EMULATOR_API
