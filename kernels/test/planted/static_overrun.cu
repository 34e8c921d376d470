// A static array in shared memory is one element too small.
#include "planted.h"

namespace static_overrun {

template <int N>
__global__ void neighbour(float *x) {
  __shared__ float shared[N];
  int i = threadIdx.x;
  shared[i + 1] = x[i];
  if (i == 0) shared[0] = -1;
  __syncthreads();
  x[i] = shared[i];
}

int run() {
  const int n = 32;
  Array x(n);
  must(mixmas::launch(planted ? neighbour<32> : neighbour<33>, 1, n, 0, nullptr, x.data));
  return compare(x.read(), [](int i) { return i - 1; });
}

Program program("static_overrun", run);

}  // namespace static_overrun
