// One thread too many passes the test of the bounds.
#include "planted.h"

namespace global_overrun {

__global__ void add_one(float *x, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (planted ? i <= n : i < n) x[i] += 1;
}

int run() {
  const int n = 99;
  Array x(n);
  must(mixmas::launch(add_one, 4, 32, 0, nullptr, x.data, n));
  return compare(x.read(), [](int i) { return i + 1; });
}

Program program("global_overrun", run);

}  // namespace global_overrun
