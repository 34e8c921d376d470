// runtime_session.cu: devices, sessions and their memory, and the log of kept values (mixmas.h).
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "runtime.h"

namespace mixmas {

void say(mixmas_message *message, const char *format, ...) {
  if (!message) return;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message->text, sizeof message->text, format, arguments);
  va_end(arguments);
}

bool ok(cudaError_t error, mixmas_message *message, const char *format, ...) {
  if (error == cudaSuccess) return true;
  cudaGetLastError();  // an error that does not break the context would else be found by the next launch
  if (message) {
    char what[sizeof message->text / 2];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    say(message, "%s: %s (%s)", what, cudaGetErrorString(error), cudaGetErrorName(error));
  }
  return false;
}

mixmas_status status(cudaError_t error) {
  if (error == cudaSuccess) return MIXMAS_OK;
  return error == cudaErrorMemoryAllocation ? MIXMAS_OUT_OF_MEMORY : MIXMAS_FAILED;
}

mixmas_status host_full(mixmas_message *message) {
  say(message, "the host is out of memory");
  return MIXMAS_OUT_OF_MEMORY;
}

cudaError_t use(const mixmas_session *session) { return cudaSetDevice(session->device); }

cudaError_t allocate(void **memory, size_t n) { return cudaMalloc(memory, n ? n : 1); }

namespace {

constexpr int MIN_MAJOR = 8;  // tensor cores for tf32 and bf16, asynchronous copies

// Without this setting, which must come before the first call, kernels of several sessions wait for each other in 8
// hardware queues. Trials that share a GPU have one session each.
__attribute__((constructor)) void ask_for_queues() { setenv("CUDA_DEVICE_MAX_CONNECTIONS", "32", 0); }

// say_driver writes what is wrong with the driver: the runtime needs one of its own major version.
void say_driver(mixmas_message *message) {
  int runtime = 0, driver = 0;
  cudaRuntimeGetVersion(&runtime);
  cudaDriverGetVersion(&driver);
  cudaGetLastError();
  const int least = runtime >= 13000 ? 580 : 525;  // the first driver of CUDA 13, of CUDA 12
  if (driver == 0)
    say(message, "there is no NVIDIA driver: version %d or later is needed", least);
  else
    say(message, "the NVIDIA driver is too old: it is for CUDA %d.%d, and the kernels were built with CUDA %d.%d, which needs "
        "driver %d or later", driver / 1000, driver % 1000 / 10, runtime / 1000, runtime % 1000 / 10, least);
}

// elements allocates floats.
cudaError_t elements(float **memory, int64_t n) {
  return allocate(reinterpret_cast<void **>(memory), size_t(n) * sizeof(float));
}

// open creates the parts of a session.
cudaError_t open(mixmas_session *s, int64_t state) {
  cudaError_t e = use(s);
  if (e == cudaSuccess) e = cudaStreamCreateWithFlags(&s->stream, cudaStreamNonBlocking);
  if (e == cudaSuccess) e = elements(&s->state, state);
  if (e == cudaSuccess) e = elements(&s->log, MIXMAS_LOG);
  if (e == cudaSuccess) e = allocate(reinterpret_cast<void **>(&s->log_count), sizeof *s->log_count);
  mixmas_staging &staging = s->staging;
  for (int i = 0; i < staging.BUFFERS && e == cudaSuccess; ++i) {
    e = cudaMallocHost(reinterpret_cast<void **>(&staging.buffers[i]), staging.ELEMENTS * sizeof(float));
    if (e == cudaSuccess) e = cudaEventCreateWithFlags(&staging.copied[i], cudaEventDisableTiming);
  }
  if (e == cudaSuccess) e = cudaMemsetAsync(s->state, 0, size_t(state) * sizeof(float), s->stream);
  if (e == cudaSuccess) e = cudaMemsetAsync(s->log_count, 0, sizeof *s->log_count, s->stream);
  return e;
}

// copy_out copies n elements to the host. It alternates between two buffers, so that the next piece arrives while one
// is unpacked.
cudaError_t copy_out(mixmas_session *s, const float *device, float *host, int64_t n) {
  mixmas_staging &staging = s->staging;
  const auto piece = [&](int64_t from) { return n - from < staging.ELEMENTS ? n - from : staging.ELEMENTS; };
  int unpack = staging.next;
  cudaError_t e = cudaSuccess;
  for (int64_t queued = 0, done = 0; done < n && e == cudaSuccess;) {
    while (queued < n && queued - done < staging.BUFFERS * staging.ELEMENTS && e == cudaSuccess) {
      const int i = staging.next;
      e = cudaEventSynchronize(staging.copied[i]);
      if (e == cudaSuccess)
        e = cudaMemcpyAsync(staging.buffers[i], device + queued, piece(queued) * sizeof(float), cudaMemcpyDeviceToHost,
                            s->stream);
      if (e == cudaSuccess) e = cudaEventRecord(staging.copied[i], s->stream);
      queued += piece(queued);
      staging.next = (i + 1) % staging.BUFFERS;
    }
    if (e == cudaSuccess) e = cudaEventSynchronize(staging.copied[unpack]);
    if (e != cudaSuccess) break;
    memcpy(host + done, staging.buffers[unpack], piece(done) * sizeof(float));
    done += piece(done);
    unpack = (unpack + 1) % staging.BUFFERS;
  }
  return e;
}

// copy_in queues the copy of n elements to the device, and returns when host may be changed.
cudaError_t copy_in(mixmas_session *s, float *device, const float *host, int64_t n) {
  mixmas_staging &staging = s->staging;
  cudaError_t e = cudaSuccess;
  for (int64_t from = 0; from < n && e == cudaSuccess; from += staging.ELEMENTS) {
    const int i = staging.next;
    const size_t bytes = (n - from < staging.ELEMENTS ? n - from : staging.ELEMENTS) * sizeof(float);
    e = cudaEventSynchronize(staging.copied[i]);
    if (e != cudaSuccess) break;
    memcpy(staging.buffers[i], host + from, bytes);
    e = cudaMemcpyAsync(device + from, staging.buffers[i], bytes, cudaMemcpyHostToDevice, s->stream);
    if (e == cudaSuccess) e = cudaEventRecord(staging.copied[i], s->stream);
    staging.next = (i + 1) % staging.BUFFERS;
  }
  return e;
}

}  // namespace
}  // namespace mixmas

using mixmas::host_full;
using mixmas::ok;
using mixmas::say;
using mixmas::status;
using mixmas::use;

extern "C" {

int32_t mixmas_device_count(mixmas_message *message) {
  int count = 0;
  const cudaError_t e = cudaGetDeviceCount(&count);
  if (e == cudaErrorInsufficientDriver) {
    cudaGetLastError();
    mixmas::say_driver(message);
    return 0;
  }
  if (!ok(e, message, "look for GPUs")) return 0;
  int32_t usable = 0;
  for (int i = 0; i < count; ++i) {
    mixmas_device device;
    if (mixmas_device_describe(i, &device, message) == MIXMAS_OK) ++usable;
  }
  if (count == 0) say(message, "the NVIDIA driver finds no GPU");
  return usable ? count : 0;
}

mixmas_status mixmas_device_describe(int32_t ordinal, mixmas_device *device, mixmas_message *message) {
  int count = 0;
  cudaError_t e = cudaGetDeviceCount(&count);
  if (!ok(e, message, "look for GPUs")) return status(e);
  if (ordinal < 0 || ordinal >= count) {
    say(message, "there is no GPU %d: there are %d, numbered from 0", ordinal, count);
    return MIXMAS_FAILED;
  }
  cudaDeviceProp properties;
  e = cudaGetDeviceProperties(&properties, ordinal);
  if (!ok(e, message, "describe GPU %d", ordinal)) return status(e);
  memset(device, 0, sizeof *device);
  snprintf(device->name, sizeof device->name, "%s", properties.name);
  device->major = properties.major;
  device->minor = properties.minor;
  device->multiprocessors = properties.multiProcessorCount;
  device->memory = int64_t(properties.totalGlobalMem);
  if (properties.major < mixmas::MIN_MAJOR) {
    say(message, "GPU %d, %s, has compute capability %d.%d: %d.0 or newer is needed", ordinal, device->name, device->major,
        device->minor, mixmas::MIN_MAJOR);
    return MIXMAS_FAILED;
  }
  if (properties.sharedMemPerBlockOptin < size_t(mixmas::MAX_SHARED)) {
    say(message, "GPU %d, %s, has %zu KiB of shared memory per block: %d KiB are needed", ordinal, device->name,
        properties.sharedMemPerBlockOptin >> 10, mixmas::MAX_SHARED >> 10);
    return MIXMAS_FAILED;
  }
  return MIXMAS_OK;
}

mixmas_status mixmas_session_open(int32_t device, mixmas_numerics numerics, int64_t state, mixmas_session **session,
                                  mixmas_message *message) {
  *session = nullptr;
  auto *s = static_cast<mixmas_session *>(calloc(1, sizeof(mixmas_session)));
  if (!s) return host_full(message);
  s->device = device;
  s->numerics = numerics;
  const cudaError_t e = mixmas::open(s, state);
  if (!ok(e, message, "open a session with %.1f MiB of state", double(state) * sizeof(float) / (1 << 20))) {
    mixmas_session_close(s);
    return status(e);
  }
  *session = s;
  return MIXMAS_OK;
}

void mixmas_session_close(mixmas_session *s) {
  if (!s) return;
  use(s);
  if (s->stream) cudaStreamSynchronize(s->stream);
  while (s->programs) mixmas_program_unload(s->programs);
  while (s->allocations) mixmas_session_free(s, s->allocations->memory);
  for (int i = 0; i < mixmas_staging::BUFFERS; ++i) {
    if (s->staging.buffers[i]) cudaFreeHost(s->staging.buffers[i]);
    if (s->staging.copied[i]) cudaEventDestroy(s->staging.copied[i]);
  }
  void *memory[] = {s->state, s->arena, s->log, s->log_count};
  for (void *m : memory)
    if (m) cudaFree(m);
  if (s->stream) cudaStreamDestroy(s->stream);
  cudaGetLastError();  // of a session that could not be opened, or that an error has broken
  free(s);
}

float *mixmas_session_state(mixmas_session *s) { return s->state; }

mixmas_status mixmas_session_memory(mixmas_session *s, int64_t *free, int64_t *total, mixmas_message *message) {
  size_t unused = 0, all = 0;
  cudaError_t e = use(s);
  if (e == cudaSuccess) e = cudaMemGetInfo(&unused, &all);
  *free = int64_t(unused);
  *total = int64_t(all);
  ok(e, message, "query the free memory");
  return status(e);
}

mixmas_status mixmas_session_reserve(mixmas_session *s, int64_t n, float **arena, mixmas_message *message) {
  if (!s->arena || n > s->arena_size) {
    float *larger = nullptr;
    cudaError_t e = use(s);
    if (e == cudaSuccess) e = mixmas::elements(&larger, n);
    if (e == cudaSuccess && s->arena) {
      e = cudaMemcpyAsync(larger, s->arena, size_t(s->arena_size) * sizeof(float), cudaMemcpyDeviceToDevice, s->stream);
      const cudaError_t waited = cudaStreamSynchronize(s->stream);
      if (e == cudaSuccess) e = waited;
    }
    if (!ok(e, message, "reserve an arena of %.1f MiB", double(n) * sizeof(float) / (1 << 20))) {
      if (larger) cudaFree(larger);
      return status(e);
    }
    if (s->arena) cudaFree(s->arena);
    s->arena = larger;
    s->arena_size = n;
  }
  *arena = s->arena;
  return MIXMAS_OK;
}

mixmas_status mixmas_session_upload(mixmas_session *s, const float *host, int64_t n, float **device,
                                    mixmas_message *message) {
  *device = nullptr;
  auto *a = static_cast<mixmas_allocation *>(calloc(1, sizeof(mixmas_allocation)));
  if (!a) return host_full(message);
  cudaError_t e = use(s);
  if (e == cudaSuccess) e = mixmas::elements(&a->memory, n);
  if (e != cudaSuccess) {
    free(a);
  } else {
    a->next = s->allocations;
    s->allocations = a;
    if (host) e = mixmas::copy_in(s, a->memory, host, n);
    if (e != cudaSuccess) mixmas_session_free(s, a->memory);
  }
  if (!ok(e, message, "upload %.1f MiB", double(n) * sizeof(float) / (1 << 20))) return status(e);
  *device = a->memory;
  return MIXMAS_OK;
}

void mixmas_session_free(mixmas_session *s, float *device) {
  for (mixmas_allocation **at = &s->allocations; *at; at = &(*at)->next) {
    mixmas_allocation *a = *at;
    if (a->memory != device) continue;
    *at = a->next;
    use(s);
    cudaStreamSynchronize(s->stream);
    cudaFree(a->memory);
    free(a);
    return;
  }
}

mixmas_status mixmas_session_write(mixmas_session *s, float *device, const float *host, int64_t n,
                                   mixmas_message *message) {
  cudaError_t e = use(s);
  if (e == cudaSuccess) e = mixmas::copy_in(s, device, host, n);
  ok(e, message, "write %lld elements", static_cast<long long>(n));
  return status(e);
}

mixmas_status mixmas_session_read(mixmas_session *s, const float *device, float *host, int64_t n,
                                  mixmas_message *message) {
  cudaError_t e = use(s);
  if (e == cudaSuccess) e = mixmas::copy_out(s, device, host, n);
  ok(e, message, "read %lld elements", static_cast<long long>(n));
  return status(e);
}

mixmas_status mixmas_session_log(mixmas_session *s, float *values, int64_t capacity, int64_t *count,
                                 mixmas_message *message) {
  *count = 0;
  if (s->logged > capacity) {
    say(message, "the log has %lld values, but there is room for %lld", static_cast<long long>(s->logged),
        static_cast<long long>(capacity));
    return MIXMAS_FAILED;
  }
  cudaError_t e = use(s);
  // The copy waits for earlier runs. Without a copy, wait explicitly.
  if (e == cudaSuccess) e = s->logged ? mixmas::copy_out(s, s->log, values, s->logged) : cudaStreamSynchronize(s->stream);
  if (e == cudaSuccess) e = cudaMemsetAsync(s->log_count, 0, sizeof *s->log_count, s->stream);
  if (!ok(e, message, "read the log")) return status(e);
  *count = s->logged;
  s->logged = 0;
  return MIXMAS_OK;
}

}  // extern "C"
