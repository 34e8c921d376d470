// Two halves of a block wait in two barriers.
#include "planted.h"

namespace divergent_barrier {

__global__ void reverse(float *x) {
  MIXMAS_DYNAMIC_SHARED(float, shared);
  int i = threadIdx.x, n = blockDim.x;
  shared[i] = x[i];
  if (planted && i < n / 2) {
    __syncthreads();
  } else {
    __syncthreads();
  }
  x[i] = shared[n - 1 - i];
}

int run() {
  const int n = 64;
  Array x(n);
  must(mixmas::launch(reverse, 1, n, n * sizeof(float), nullptr, x.data));
  return compare(x.read(), [](int i) { return n - 1 - i; });
}

Program program("divergent_barrier", run);

}  // namespace divergent_barrier
