// softmax_simple.h: the operations of softmax.cu, one row after the other.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace simple {

using Values = std::vector<double>;

// softmax takes a mask (batch, width), or none.
inline Values softmax(const Values &x, const Values &mask, int64_t batch, int64_t repeat, int64_t width) {
  Values y(x.size());
  for (int64_t row = 0; row < batch * repeat; ++row) {
    auto counts = [&](int64_t i) { return mask.empty() || mask[row / repeat * width + i] != 0; };
    double largest = -INFINITY, sum = 0;
    for (int64_t i = 0; i < width; ++i)
      if (counts(i)) largest = std::max(largest, x[row * width + i]);
    for (int64_t i = 0; i < width; ++i)
      if (counts(i)) sum += std::exp(x[row * width + i] - largest);
    for (int64_t i = 0; i < width; ++i)
      if (counts(i)) y[row * width + i] = std::exp(x[row * width + i] - largest) / sum;
  }
  return y;
}

inline Values softmax_grad(const Values &y, const Values &dy, int64_t rows, int64_t width) {
  Values dx(y.size());
  for (int64_t row = 0; row < rows; ++row) {
    double dot = 0;
    for (int64_t i = row * width; i < (row + 1) * width; ++i) dot += y[i] * dy[i];
    for (int64_t i = row * width; i < (row + 1) * width; ++i) dx[i] = y[i] * (dy[i] - dot);
  }
  return dx;
}

}  // namespace simple
