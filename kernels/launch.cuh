// launch.cuh: included by every kernel, and the only file with PTX or launch syntax. Everything here for the GPU has
// a counterpart of the same name in emu/, so that the kernels themselves need no #ifdef.
#pragma once

#ifdef MIXMAS_EMULATOR

#include "cuda_emulator.h"

#else

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <cstdint>

// Declares `name` as the block's dynamic shared memory. A kernel's launch sets its size.
#define MIXMAS_DYNAMIC_SHARED(T, name)                              \
  extern __shared__ __align__(128) unsigned char name##_memory_[]; \
  T *name = reinterpret_cast<T *>(name##_memory_)

namespace mixmas {

// launch queues a kernel. If it needs more than 48 KB of dynamic shared memory, call cudaFuncSetAttribute first.
template <class... Parameters, class... Arguments>
cudaError_t launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared, cudaStream_t stream,
                   Arguments &&...arguments) {
  cudaLaunchConfig_t config = {};
  config.gridDim = grid;
  config.blockDim = block;
  config.dynamicSmemBytes = shared;
  config.stream = stream;
  return cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...);
}

// shared_address returns the address of shared memory for PTX.
__device__ __forceinline__ uint32_t shared_address(const void *shared) {
  return static_cast<uint32_t>(__cvta_generic_to_shared(shared));
}

// ---- asynchronous copies from global to shared memory (PTX: cp.async) ----
// Both addresses are aligned to the size. If a copy is not valid, the target becomes zero and the global address is
// not read.

__device__ __forceinline__ void copy_async16(void *shared, const void *global) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(shared_address(shared)), "l"(global));
}
__device__ __forceinline__ void copy_async16(void *shared, const void *global, bool valid) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(shared)), "l"(global),
               "r"(valid ? 16 : 0));
}
__device__ __forceinline__ void copy_async8(void *shared, const void *global, bool valid = true) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 8, %2;" ::"r"(shared_address(shared)), "l"(global),
               "r"(valid ? 8 : 0));
}
__device__ __forceinline__ void copy_async4(void *shared, const void *global) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4;" ::"r"(shared_address(shared)), "l"(global));
}
__device__ __forceinline__ void copy_async4(void *shared, const void *global, bool valid) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(shared_address(shared)), "l"(global),
               "r"(valid ? 4 : 0));
}

// copy_commit makes a group of this thread's copies since the last group. It may be empty.
__device__ __forceinline__ void copy_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }

// copy_wait waits for this thread's copies, except those of its newest `Pending` groups. Other threads see them after
// the next barrier.
template <int Pending>
__device__ __forceinline__ void copy_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(Pending) : "memory");
}

// ---- tensor cores: D = A B + D by one warp, A row by row and B column by column. With g = lane / 4, t = lane % 4:
// ---- d: (g, 2t), (g, 2t+1), (g+8, 2t), (g+8, 2t+1)

// A 16 x 8, B 8 x 8. a: (g, t), (g+8, t), (g, t+4), (g+8, t+4); b: (t, g), (t+4, g), as to_tf32 makes them.
__device__ __forceinline__ void mma_tf32(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// A 16 x 16, B 16 x 8, two elements per register, the lower index in the lower half. a: (g, 2t), (g+8, 2t), (g, 2t+8),
// (g+8, 2t+8); b: (2t, g), (2t+8, g).
__device__ __forceinline__ void mma_bf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// to_tf32 rounds to 11 significant bits, to nearest, ties away from zero.
__device__ __forceinline__ uint32_t to_tf32(float x) {
  uint32_t bits;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
  return bits;
}

// pack_bf16 rounds two numbers to 8 significant bits each, to nearest, ties to even.
__device__ __forceinline__ uint32_t pack_bf16(float low, float high) {
  uint32_t pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
}

// ldmatrix loads 8 x 8 matrices of 16-bit elements from shared memory: lane i points to row i % 8 of matrix i / 8
// (for x2 only the lower 16 lanes count), 16 bytes and aligned to them. Register i gets the elements (g, 2t) and (g,
// 2t+1) of matrix i; transposed, (2t, g) and (2t+1, g).
__device__ __forceinline__ void ldmatrix_x4(uint32_t (&r)[4], const void *row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(row)));
}
__device__ __forceinline__ void ldmatrix_x2(uint32_t (&r)[2], const void *row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0,%1}, [%2];"
               : "=r"(r[0]), "=r"(r[1])
               : "r"(shared_address(row)));
}
__device__ __forceinline__ void ldmatrix_x4_transposed(uint32_t (&r)[4], const void *row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(row)));
}
__device__ __forceinline__ void ldmatrix_x2_transposed(uint32_t (&r)[2], const void *row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0,%1}, [%2];"
               : "=r"(r[0]), "=r"(r[1])
               : "r"(shared_address(row)));
}

}  // namespace mixmas

#endif

namespace mixmas {

using bf16 = __nv_bfloat16;

// The most shared memory that a block may ask for. Compute capability 8.0 has 163 KiB per block, 9.0 has 227; GPUs
// with less, such as 8.6, 8.9 and 12.0, are rejected (mixmas_device_describe).
constexpr int MAX_SHARED = 160 << 10;

}  // namespace mixmas
