// elementwise.cu: operations on single elements, or pairs of them.
//
//   fill        y = value                                                    4 bytes per element
//   map         y = act(x)                                                   8
//   map_grad    dx = plus + dy act'(x)                                       12, and 4 for plus
//   dropout     y = scale x where word i mod 4 of Philox(i/4) is not below the threshold, else 0          8
//   binary      y = plus + (a + b, a b or a / b), a and b broadcast where their strides are 0             up to 16
//
// All are limited by memory. A thread has one pack of 4 neighbouring elements, and moves it in 16-byte accesses if
// the arrays are aligned; a block has 256 packs. An output may have the memory of an operand with the same layout.
//
// The host merges the dimensions of a binary operation. Its packs need an innermost dimension along which every
// operand is contiguous or constant and rows of whole packs, or a single row; otherwise a thread has one element.
#include "activation.cuh"
#include "operations.h"
#include "pack.cuh"
#include "strided.cuh"

namespace mixmas {
namespace {

constexpr int THREADS = 256;

// blocks returns the grid for n units of work, one thread each.
dim3 blocks(int64_t n) { return dim3(uint32_t(ceil_div(n, THREADS))); }

dim3 blocks_of_packs(int64_t n) { return blocks(ceil_div(n, PACK)); }

__device__ __forceinline__ int64_t thread_number() { return int64_t(blockIdx.x) * THREADS + threadIdx.x; }

__global__ __launch_bounds__(THREADS) void fill(const mixmas_fill op, bool packable) {
  const int64_t i = thread_number() * PACK;
  store(op.y, i, op.n, packable, Pack{{op.value, op.value, op.value, op.value}});
}

__global__ __launch_bounds__(THREADS) void map(const mixmas_map op, bool packable) {
  const int64_t i = thread_number() * PACK;
  Pack x = load(op.x, i, op.n, packable);
#pragma unroll
  for (int k = 0; k < PACK; ++k) x.at[k] = activate(op.activation, x.at[k]);
  store(op.y, i, op.n, packable, x);
}

__global__ __launch_bounds__(THREADS) void map_grad(const mixmas_map_grad op, bool packable) {
  const int64_t i = thread_number() * PACK;
  const Pack x = load(op.x, i, op.n, packable), dy = load(op.dy, i, op.n, packable);
  Pack dx = {};
  if (op.plus) dx = load(op.plus, i, op.n, packable);
#pragma unroll
  for (int k = 0; k < PACK; ++k) dx.at[k] += dy.at[k] * activate_grad(op.activation, x.at[k]);
  store(op.dx, i, op.n, packable, dx);
}

struct Words {
  uint32_t at[4];
};

// philox is Philox4x32-10 (Salmon et al. 2011), word for word that of Go package nn/philox.
__device__ __forceinline__ Words philox(Words counter, uint32_t key0, uint32_t key1) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t first = uint64_t(0xD2511F53u) * counter.at[0], second = uint64_t(0xCD9E8D57u) * counter.at[2];
    counter = Words{{uint32_t(second >> 32) ^ counter.at[1] ^ key0, uint32_t(second),
                     uint32_t(first >> 32) ^ counter.at[3] ^ key1, uint32_t(first)}};
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return counter;
}

// A thread has one counter, and its four words.
__global__ __launch_bounds__(THREADS) void dropout(const mixmas_dropout op, const mixmas_step *step, bool packable) {
  const int64_t number = thread_number();
  const uint64_t seed = step->seed;
  const Words words =
      philox(Words{{uint32_t(number), 0, step->counter, op.number}}, uint32_t(seed), uint32_t(seed >> 32));
  Pack x = load(op.x, number * PACK, op.n, packable);
#pragma unroll
  for (int k = 0; k < PACK; ++k) x.at[k] = words.at[k] < op.threshold ? 0.0f : x.at[k] * op.scale;
  store(op.y, number * PACK, op.n, packable, x);
}

__device__ __forceinline__ float combine(int arithmetic, float a, float b) {
  return arithmetic == MIXMAS_ADD ? a + b : arithmetic == MIXMAS_MUL ? a * b : a / b;
}

// The operands of a binary operation, in the order of their strides.
enum { A, B, Y, OPERANDS };

struct Pairs {
  const float *a, *b, *plus;
  float *y;
  int arithmetic;
};

// run_of reads a pack of an operand that is contiguous or constant.
__device__ __forceinline__ Pack run_of(const float *operand, int64_t stride, int64_t left) {
  if (stride == 1) return load(operand, 0, left, true);
  const float value = *operand;
  return Pack{{value, value, value, value}};
}

// binary_packs is for innermost dimensions of whole packs, or a single dimension of n elements.
__global__ __launch_bounds__(THREADS) void binary_packs(const Pairs op, const Strided<OPERANDS> strided, int64_t n) {
  const int64_t i = thread_number() * PACK;
  if (i >= n) return;
  int64_t at[OPERANDS];
  strided.offsets(uint32_t(i), at);
  const auto &inner = strided.stride[strided.rank - 1];
  const Pack a = run_of(op.a + at[A], inner[A], n - i), b = run_of(op.b + at[B], inner[B], n - i);
  Pack y = {};
  if (op.plus) y = load(op.plus + at[Y], 0, n - i, true);
#pragma unroll
  for (int k = 0; k < PACK; ++k) y.at[k] += combine(op.arithmetic, a.at[k], b.at[k]);
  store(op.y + at[Y], 0, n - i, true, y);
}

__global__ __launch_bounds__(THREADS) void binary_elements(const Pairs op, const Strided<OPERANDS> strided, int64_t n) {
  const int64_t i = thread_number();
  if (i >= n) return;
  int64_t at[OPERANDS];
  strided.offsets(uint32_t(i), at);
  const float plus = op.plus ? op.plus[at[Y]] : 0.0f;
  op.y[at[Y]] = plus + combine(op.arithmetic, op.a[at[A]], op.b[at[B]]);
}

// runs_in_packs reports whether a thread can have a pack, that is, whether every access to more than one element is
// aligned.
bool runs_in_packs(const Pairs &op, const Axes<OPERANDS> &axes) {
  const int inner = axes.rank - 1;
  const float *operand[OPERANDS] = {op.a, op.b, op.y};
  if (!packable(op.plus)) return false;
  if (axes.rank > 1 && axes.count[inner] % PACK != 0) return false;
  for (int k = 0; k < OPERANDS; ++k) {
    if (axes.stride[inner][k] == 0) continue;
    if (axes.stride[inner][k] != 1 || !packable(operand[k])) return false;
    for (int d = 0; d < inner; ++d)
      if (axes.stride[d][k] % PACK != 0) return false;
  }
  return true;
}

}  // namespace

cudaError_t run(const Context &context, const mixmas_fill &op) {
  return launch(fill, blocks_of_packs(op.n), dim3(THREADS), 0, context.stream, op, packable(op.y));
}

cudaError_t run(const Context &context, const mixmas_map &op) {
  return launch(map, blocks_of_packs(op.n), dim3(THREADS), 0, context.stream, op, packable(op.x, op.y));
}

cudaError_t run(const Context &context, const mixmas_map_grad &op) {
  return launch(map_grad, blocks_of_packs(op.n), dim3(THREADS), 0, context.stream, op,
                packable(op.x, op.dy, op.dx, op.plus));
}

cudaError_t run(const Context &context, const mixmas_dropout &op) {
  return launch(dropout, blocks_of_packs(op.n), dim3(THREADS), 0, context.stream, op, context.step,
                packable(op.x, op.y));
}

cudaError_t run(const Context &context, const mixmas_binary &op) {
  Axes<OPERANDS> axes;
  int64_t contiguous = 1;
  for (int d = 0; d < op.rank; ++d) contiguous *= op.shape[d];
  for (int d = 0; d < op.rank; ++d) {
    contiguous /= op.shape[d];
    axes.append(op.shape[d], {op.strides_a[d], op.strides_b[d], contiguous});
  }
  return in_parts(axes, {0, 0, 0}, MAX_INDICES, [&](const Axes<OPERANDS> &part, const int64_t (&at)[OPERANDS]) {
    const Pairs pairs = {op.a + at[A], op.b + at[B], op.plus ? op.plus + at[Y] : nullptr, op.y + at[Y], op.arithmetic};
    const int64_t n = part.size();
    const Strided<OPERANDS> strided(part);
    if (runs_in_packs(pairs, part))
      return launch(binary_packs, blocks_of_packs(n), dim3(THREADS), 0, context.stream, pairs, strided, n);
    return launch(binary_elements, blocks(n), dim3(THREADS), 0, context.stream, pairs, strided, n);
  });
}

}  // namespace mixmas
