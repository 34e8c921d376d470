// reduce_simple.h: the operations of reduce.cu, one element after the other.
#pragma once

#include <cstdint>
#include <vector>

#include "mixmas.h"

namespace simple {

struct Reduced {
  std::vector<double> sum, largest, index;
};

inline Reduced reduce(const std::vector<double> &x, int64_t outer, int64_t axis, int64_t inner) {
  Reduced y;
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t i = 0; i < inner; ++i) {
      double sum = 0;
      int64_t best = 0;
      auto at = [&](int64_t k) { return x[(o * axis + k) * inner + i]; };
      for (int64_t k = 0; k < axis; ++k) {
        sum += at(k);
        if (at(k) > at(best)) best = k;
      }
      y.sum.push_back(sum);
      y.largest.push_back(at(best));
      y.index.push_back(double(best));
    }
  return y;
}

}  // namespace simple
