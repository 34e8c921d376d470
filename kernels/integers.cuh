// integers.cuh: arithmetic of sizes.
#pragma once

#include "launch.cuh"

namespace mixmas {

__host__ __device__ constexpr int64_t ceil_div(int64_t n, int64_t by) { return (n + by - 1) / by; }

// round_up returns the smallest multiple that is not below n.
__host__ __device__ constexpr int64_t round_up(int64_t n, int64_t multiple) { return ceil_div(n, multiple) * multiple; }

// power_of_two returns the smallest power of two that is not below n.
constexpr int power_of_two(int64_t n) {
  int power = 1;
  while (power < n) power *= 2;
  return power;
}

}  // namespace mixmas
