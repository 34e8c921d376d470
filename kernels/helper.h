// helper.h: what the stand-alone programs and the C++ tests need of NVIDIA's cuda-samples (helper_cuda.h), or a
// replacement if these are absent. Library code does not use it: checkCudaErrors exits the process.
#pragma once

#include "launch.cuh"

#if !defined(MIXMAS_EMULATOR) && __has_include(<helper_cuda.h>)

#include <helper_cuda.h>

#else

#include <cstdio>
#include <cstdlib>

#define checkCudaErrors(call) mixmas_check((call), #call, __FILE__, __LINE__)
#define getLastCudaError(message) mixmas_check(cudaGetLastError(), (message), __FILE__, __LINE__)

inline void mixmas_check(cudaError_t e, const char *what, const char *file, int line) {
  if (e == cudaSuccess) return;
  fprintf(stderr, "%s:%d: %s: %s: %s\n", file, line, what, cudaGetErrorName(e), cudaGetErrorString(e));
  exit(EXIT_FAILURE);
}

#endif
