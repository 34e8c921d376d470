// The launch asks for one element of dynamic shared memory too few.
#include "planted.h"

namespace shared_overrun {

__global__ void neighbour(float *x) {
  MIXMAS_DYNAMIC_SHARED(float, shared);
  int i = threadIdx.x;
  shared[i + 1] = x[i];
  if (i == 0) shared[0] = -1;
  __syncthreads();
  x[i] = shared[i];
}

int run() {
  const int n = 33;
  Array x(n);
  must(mixmas::launch(neighbour, 1, n, (planted ? n : n + 1) * sizeof(float), nullptr, x.data));
  return compare(x.read(), [](int i) { return i - 1; });
}

Program program("shared_overrun", run);

}  // namespace shared_overrun
