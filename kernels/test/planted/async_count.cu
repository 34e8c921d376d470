// The wait for asynchronous copies leaves the group pending that is read next.
#include "planted.h"

namespace async_count {

__global__ void copy(const float *from, float *to, int tiles) {
  MIXMAS_DYNAMIC_SHARED(float, shared);  // two tiles
  int i = threadIdx.x, size = 4 * blockDim.x;
  mixmas::copy_async16(shared + 4 * i, from + 4 * i);
  mixmas::copy_commit();
  for (int t = 0; t < tiles; ++t) {
    if (t + 1 < tiles) mixmas::copy_async16(shared + (t + 1) % 2 * size + 4 * i, from + (t + 1) * size + 4 * i);
    mixmas::copy_commit();
    if (planted) {
      mixmas::copy_wait<2>();
    } else {
      mixmas::copy_wait<1>();
    }
    __syncthreads();
    for (int j = i; j < size; j += blockDim.x) to[t * size + j] = shared[t % 2 * size + j];
    __syncthreads();
  }
}

int run() {
  const int threads = 32, tiles = 3, n = tiles * threads * 4;
  Array from(n), to(n);
  must(mixmas::launch(copy, 1, threads, 2 * threads * 4 * sizeof(float), nullptr, from.data, to.data, tiles));
  return compare(to.read(), [](int i) { return i; });
}

Program program("async_count", run);

}  // namespace async_count
