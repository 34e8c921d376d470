// launch_test.cu: checks that the PTX in launch.cuh does what its comments say: on a GPU, that the kernels' idea of it is
// right; on the emulator, that the twins are the same.
#include "check.h"

namespace {

using mixmas::bf16;

constexpr int WARP = 32;

float bf16_value(uint32_t bits) {
  bits <<= 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

// One product D = A B + C in every format, with A 16 x k, B k x 8, C and D 16 x 8, row by row.
__global__ void product_tf32(const float *a, const float *b, float *d) {
  int g = threadIdx.x / 4, t = threadIdx.x % 4;
  uint32_t left[4] = {mixmas::to_tf32(a[g * 8 + t]), mixmas::to_tf32(a[(g + 8) * 8 + t]),
                      mixmas::to_tf32(a[g * 8 + t + 4]), mixmas::to_tf32(a[(g + 8) * 8 + t + 4])};
  uint32_t right[2] = {mixmas::to_tf32(b[t * 8 + g]), mixmas::to_tf32(b[(t + 4) * 8 + g])};
  float sum[4];
  for (int i = 0; i < 4; ++i) sum[i] = d[(g + i / 2 * 8) * 8 + 2 * t + i % 2];
  mixmas::mma_tf32(sum, left, right);
  for (int i = 0; i < 4; ++i) d[(g + i / 2 * 8) * 8 + 2 * t + i % 2] = sum[i];
}

__global__ void product_bf16(const float *a, const float *b, float *d) {
  int g = threadIdx.x / 4, t = threadIdx.x % 4;
  uint32_t left[4], right[2];
  for (int i = 0; i < 4; ++i) {
    int row = g + i % 2 * 8, k = 2 * t + i / 2 * 8;
    left[i] = mixmas::pack_bf16(a[row * 16 + k], a[row * 16 + k + 1]);
  }
  for (int i = 0; i < 2; ++i) {
    int k = 2 * t + i * 8;
    right[i] = mixmas::pack_bf16(b[k * 8 + g], b[(k + 1) * 8 + g]);
  }
  float sum[4];
  for (int i = 0; i < 4; ++i) sum[i] = d[(g + i / 2 * 8) * 8 + 2 * t + i % 2];
  mixmas::mma_bf16(sum, left, right);
  for (int i = 0; i < 4; ++i) d[(g + i / 2 * 8) * 8 + 2 * t + i % 2] = sum[i];
}

double rounded(double x, int bits) {
  int exponent;
  double fraction = std::frexp(x, &exponent);
  return std::ldexp(std::nearbyint(std::ldexp(fraction, bits)), exponent - bits);
}

void products(mixmas_numerics numerics) {
  if (numerics == MIXMAS_FP32) return;
  bool tf32 = numerics == MIXMAS_TF32;
  int depth = tf32 ? 8 : 16;
  test::Array a = test::random(16 * depth), b = test::random(depth * 8), d = test::random(16 * 8);
  std::vector<double> left = a.before(), right = b.before(), want = d.before();
  for (double &x : left) x = rounded(x, tf32 ? 11 : 8);
  for (double &x : right) x = rounded(x, tf32 ? 11 : 8);
  for (int row = 0; row < 16; ++row)
    for (int column = 0; column < 8; ++column)
      for (int k = 0; k < depth; ++k) want[row * 8 + column] += left[row * depth + k] * right[k * 8 + column];
  test::must(mixmas::launch(tf32 ? product_tf32 : product_bf16, 1, WARP, 0, nullptr, a, b, d));
  test::close("product", d, want, 1e-6);  // the inputs are rounded exactly; sums of tensor cores are not
}

// What the conversions make of some numbers.
__global__ void convert(const float *x, uint32_t *tf32, uint32_t *pairs) {
  int i = threadIdx.x;
  tf32[i] = mixmas::to_tf32(x[i]);
  pairs[i] = mixmas::pack_bf16(x[i], -x[i]);
}

void conversions(mixmas_numerics numerics) {
  if (numerics != MIXMAS_FP32) return;
  const float tie = 1 + std::ldexp(1.0f, -11), bf16_tie = 1 + std::ldexp(1.0f, -8), odd_tie = 1 + std::ldexp(3.0f, -8);
  std::vector<float> values = {0,        1,       -1.5f,   0.1f,    tie,      -tie,      bf16_tie, odd_tie,
                               INFINITY, 1e30f, 3e38f, 1e-30f, 65504.0f, 1 / 3.0f, -1e-9f, 123456.7f};
  test::Array x(values), tf32(16), pairs(16);
  test::must(mixmas::launch(convert, 1, 16, 0, nullptr, x, reinterpret_cast<uint32_t *>(static_cast<float *>(tf32)),
                             reinterpret_cast<uint32_t *>(static_cast<float *>(pairs))));
  std::vector<float> got_tf32 = tf32.after(), got_pairs = pairs.after();
  for (size_t i = 0; i < values.size(); ++i) {
    uint32_t bits, pair;
    memcpy(&bits, &got_tf32[i], sizeof bits);
    memcpy(&pair, &got_pairs[i], sizeof pair);
    // tf32: ties away from zero. The lower 13 bits do not count.
    uint32_t want;
    memcpy(&want, &values[i], sizeof want);
    if (std::isfinite(values[i])) want += 0x1000;
    if ((bits ^ want) & 0xffffe000u) test::fail("%.9g as tf32 is %08x", values[i], bits);
    // bf16: ties to even.
    double even = std::isfinite(values[i]) ? rounded(values[i], 8) : values[i];
    if (bf16_value(pair & 0xffff) != float(even) || bf16_value(pair >> 16) != -float(even)) {
      test::fail("%.9g and its negative as bf16 are %08x", values[i], pair);
    }
  }
}

// The matrices hold their elements' numbers: matrix * 64 + row * 8 + column.
__global__ void load_matrices(uint32_t *registers) {
  __shared__ __align__(16) uint16_t matrices[4 * 64];
  int lane = threadIdx.x;
  for (int i = lane; i < 4 * 64; i += WARP) matrices[i] = uint16_t(i);
  __syncthreads();
  uint32_t four[4], two[2], transposed_four[4], transposed_two[2];
  mixmas::ldmatrix_x4(four, matrices + lane * 8);
  mixmas::ldmatrix_x2(two, matrices + lane % 16 * 8);
  mixmas::ldmatrix_x4_transposed(transposed_four, matrices + lane * 8);
  mixmas::ldmatrix_x2_transposed(transposed_two, matrices + lane % 16 * 8);
  for (int i = 0; i < 4; ++i) {
    registers[(i * 4 + 0) * WARP + lane] = four[i];
    registers[(i * 4 + 1) * WARP + lane] = i < 2 ? two[i % 2] : four[i];
    registers[(i * 4 + 2) * WARP + lane] = transposed_four[i];
    registers[(i * 4 + 3) * WARP + lane] = i < 2 ? transposed_two[i % 2] : transposed_four[i];
  }
}

void matrices(mixmas_numerics numerics) {
  if (numerics != MIXMAS_FP32) return;
  test::Array registers(4 * 4 * WARP);
  test::must(mixmas::launch(load_matrices, 1, WARP, 0, nullptr,
                             reinterpret_cast<uint32_t *>(static_cast<float *>(registers))));
  std::vector<float> got = registers.after();
  for (int matrix = 0; matrix < 4; ++matrix)
    for (int kind = 0; kind < 4; ++kind)
      for (int lane = 0; lane < WARP; ++lane) {
        uint32_t pair;
        memcpy(&pair, &got[(matrix * 4 + kind) * WARP + lane], sizeof pair);
        uint32_t first = lane / 4 * 8 + lane % 4 * 2, second = first + 1;  // (g, 2t) and (g, 2t+1)
        if (kind >= 2) first = lane % 4 * 2 * 8 + lane / 4, second = first + 8;
        uint32_t want = (matrix * 64 + first) | (matrix * 64 + second) << 16;
        if (pair != want) test::fail("register %d of kind %d of lane %d is %08x, want %08x", matrix, kind, lane, pair, want);
      }
}

// Each thread copies 16, 8 and 4 bytes, and again where every other thread's copy is not valid.
__global__ void copy(const float *from, float *to) {
  MIXMAS_DYNAMIC_SHARED(float, shared);
  int i = threadIdx.x, n = blockDim.x;
  bool valid = i % 2 == 0;
  mixmas::copy_async16(shared + 4 * i, from + 4 * i);
  mixmas::copy_async16(shared + 4 * (n + i), from + 4 * i, valid);
  mixmas::copy_commit();
  mixmas::copy_async8(shared + 8 * n + 2 * i, from + 2 * i);
  mixmas::copy_async8(shared + 10 * n + 2 * i, from + 2 * i, valid);
  mixmas::copy_async4(shared + 12 * n + i, from + i);
  mixmas::copy_async4(shared + 13 * n + i, valid ? from + i : nullptr, valid);
  mixmas::copy_commit();
  mixmas::copy_wait<1>();
  __syncthreads();
  for (int j = i; j < 8 * n; j += n) to[j] = shared[j];
  mixmas::copy_wait<0>();
  __syncthreads();
  for (int j = 8 * n + i; j < 14 * n; j += n) to[j] = shared[j];
}

void copies(mixmas_numerics numerics) {
  if (numerics != MIXMAS_FP32) return;
  const int n = 40;
  test::Array from = test::random(4 * n), to(14 * n);
  test::must(mixmas::launch(copy, 1, n, 14 * n * sizeof(float), nullptr, from, to));
  std::vector<double> source = from.before(), want;
  for (int width : {4, 2, 1})
    for (bool all : {true, false})
      for (int i = 0; i < width * n; ++i) want.push_back(all || i / width % 2 == 0 ? source[i] : 0);
  test::close("copies", to, want, 0);
}

// More than 48 KB of dynamic shared memory have to be asked for.
__global__ void last_element(float *x, int n) {
  MIXMAS_DYNAMIC_SHARED(float, shared);
  if (threadIdx.x == 0) shared[n - 1] = 7;
  __syncthreads();
  x[threadIdx.x] = shared[n - 1];
}

void much_shared_memory(mixmas_numerics numerics) {
  if (numerics != MIXMAS_FP32) return;
  const int bytes = mixmas::MAX_SHARED;
  test::Array x(WARP);
  cudaError_t e = mixmas::launch(last_element, 1, WARP, bytes, nullptr, x, bytes / 4);
  if (e == cudaSuccess) test::fail("a launch with %d bytes of shared memory works without asking", bytes);
  cudaGetLastError();
  test::must(cudaFuncSetAttribute(last_element, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes));
  test::must(mixmas::launch(last_element, 1, WARP, bytes, nullptr, x, bytes / 4));
  test::close("last element", x, std::vector<double>(WARP, 7), 0);
}

}  // namespace

int main() {
  return test::check_main({{"products of tensor cores", products},
                            {"conversions", conversions},
                            {"ldmatrix", matrices},
                            {"asynchronous copies", copies},
                            {"much shared memory", much_shared_memory}});
}
