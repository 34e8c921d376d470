// A shuffle counts on lanes that do not take part.
#include "planted.h"

namespace divergent_shuffle {

__global__ void swap_pairs(float *x, int n) {
  int i = threadIdx.x;
  if (planted && i >= n) return;
  float value = i < n ? x[i] : 0;
  value = __shfl_xor_sync(0xffffffffu, value, 1);
  if (i < n) x[i] = value;
}

int run() {
  const int n = 20;
  Array x(n);
  must(mixmas::launch(swap_pairs, 1, 32, 0, nullptr, x.data, n));
  return compare(x.read(), [](int i) { return i ^ 1; });
}

Program program("divergent_shuffle", run);

}  // namespace divergent_shuffle
