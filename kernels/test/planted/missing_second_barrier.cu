// The loop fills a tile again while other threads may still read the last one. No value is missing: it is only too new.
#include "planted.h"

namespace missing_second_barrier {

__global__ void sum_tiles(const float *x, float *sums, int tiles) {
  __shared__ float tile[64];
  int i = threadIdx.x;
  float sum = 0;
  for (int t = 0; t < tiles; ++t) {
    tile[i] = x[t * 64 + i];
    __syncthreads();
    for (int j = 0; j < 64; ++j) sum += tile[j];
    if (!planted) __syncthreads();
  }
  sums[i] = sum;
}

int run() {
  const int tiles = 3, n = tiles * 64;
  Array x(n), sums(64);
  must(mixmas::launch(sum_tiles, 1, 64, 0, nullptr, x.data, sums.data, tiles));
  return compare(sums.read(), [](int) { return n * (n - 1) / 2; });
}

Program program("missing_second_barrier", run);

}  // namespace missing_second_barrier
