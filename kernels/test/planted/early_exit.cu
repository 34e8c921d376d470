// Threads without work leave before a barrier.
#include "planted.h"

namespace early_exit {

__global__ void reverse(float *x, int n) {
  MIXMAS_DYNAMIC_SHARED(float, shared);
  int i = threadIdx.x;
  if (planted && i >= n) return;
  if (i < n) shared[i] = x[i];
  __syncthreads();
  if (i < n) x[i] = shared[n - 1 - i];
}

int run() {
  const int n = 50;
  Array x(n);
  must(mixmas::launch(reverse, 1, 64, n * sizeof(float), nullptr, x.data, n));
  return compare(x.read(), [](int i) { return n - 1 - i; });
}

Program program("early_exit", run);

}  // namespace early_exit
