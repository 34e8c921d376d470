// copy_simple.h: mixmas_copy, one element after the other.
#pragma once

#include <cstdint>
#include <vector>

#include "mixmas.h"

namespace simple {

// copy writes to target; both arrays begin where the operation's pointers point.
inline void copy(const mixmas_copy &op, const std::vector<double> &source, std::vector<double> &target) {
  int64_t n = 1;
  for (int d = 0; d < op.rank; ++d) n *= op.shape[d];
  for (int64_t i = 0; i < n; ++i) {
    int64_t rest = i, from = 0, to = 0;
    for (int d = op.rank - 1; d >= 0; --d) {
      from += rest % op.shape[d] * op.source_strides[d];
      to += rest % op.shape[d] * op.target_strides[d];
      rest /= op.shape[d];
    }
    target[to] = op.scale * source[from] + (op.accumulate ? target[to] : 0);
  }
}

}  // namespace simple
