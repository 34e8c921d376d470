// A vector of 16 bytes is read from an address that is a multiple of 4 only.
#include "planted.h"

namespace misaligned {

__global__ void sum_four(const float *x, float *sums) {
  int i = threadIdx.x;
  float4 four = *reinterpret_cast<const float4 *>(x + 4 * i);
  sums[i] = four.x + four.y + four.z + four.w;
}

int run() {
  const int n = 32, shift = planted ? 1 : 4;
  Array x(4 * n + shift), sums(n);
  must(mixmas::launch(sum_four, 1, n, 0, nullptr, x.data + shift, sums.data));
  return compare(sums.read(), [shift](int i) { return 16 * i + 4 * shift + 6; });
}

Program program("misaligned", run);

}  // namespace misaligned
