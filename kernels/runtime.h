// runtime.h: the internals of sessions and programs. Their functions of mixmas.h are in runtime_session.cu (devices,
// memory, the log) and runtime_program.cu (capture, replay, gathering, tracing).
//
// Memory comes from calloc and from CUDA, so that the GPU build needs no C++ runtime.
#pragma once

#include <cstddef>

#include "operations.h"

// An allocation on the device that belongs to a session.
struct mixmas_allocation {
  mixmas_allocation *next;
  float *memory;
};

// The two pinned buffers through which a session copies between host and device, each with an event that says when its
// last copy has ended.
struct mixmas_staging {
  static constexpr int64_t ELEMENTS = 1 << 18;  // 1 MiB each: a copy takes several times as long as it takes to queue
  static constexpr int BUFFERS = 2;

  float *buffers[BUFFERS];
  cudaEvent_t copied[BUFFERS];
  int next;
};

struct mixmas_session {
  int32_t device;
  mixmas_numerics numerics;
  cudaStream_t stream;
  float *state;
  float *arena;
  int64_t arena_size;
  mixmas_allocation *allocations;
  mixmas_program *programs;
  mixmas_staging staging;
  // The log: `logged` values are in it or queued; the kernel that appends keeps its own count in *log_count.
  float *log;
  int64_t *log_count;
  int64_t logged;
};

namespace mixmas {

// ok reports whether a call succeeded; if not, it clears CUDA's last error and writes what failed and why.
bool ok(cudaError_t error, mixmas_message *message, const char *format, ...) __attribute__((format(printf, 3, 4)));

// status returns the status of an error that ok has reported.
mixmas_status status(cudaError_t error);

// say writes a line to the message.
void say(mixmas_message *message, const char *format, ...) __attribute__((format(printf, 2, 3)));
// host_full writes that the host is out of memory.
mixmas_status host_full(mixmas_message *message);

// use makes the session's GPU current in this thread, since goroutines move between threads.
cudaError_t use(const mixmas_session *session);

// allocate allocates n bytes on the device, at least one.
cudaError_t allocate(void **memory, size_t n);

}  // namespace mixmas
