// Threads read what others of their block have written, without waiting for them.
#include "planted.h"

namespace missing_barrier {

__global__ void reverse(float *x) {
  MIXMAS_DYNAMIC_SHARED(float, shared);
  int i = threadIdx.x, n = blockDim.x;
  shared[i] = x[i];
  if (!planted) __syncthreads();
  x[i] = shared[n - 1 - i];
}

int run() {
  const int n = 128;
  Array x(n);
  must(mixmas::launch(reverse, 1, n, n * sizeof(float), nullptr, x.data));
  return compare(x.read(), [](int i) { return n - 1 - i; });
}

Program program("missing_barrier", run);

}  // namespace missing_barrier
