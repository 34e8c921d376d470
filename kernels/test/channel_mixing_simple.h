// channel_mixing_simple.h: channel mixing and the gradient of its MLP, one obvious loop a formula, in double precision.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

namespace simple {

using Values = std::vector<double>;

inline double gelu(double x) { return x * std::erfc(-x / std::sqrt(2.0)) / 2; }

inline double gelu_grad(double x) {
  return std::erfc(-x / std::sqrt(2.0)) / 2 + x * std::exp(-x * x / 2) / std::sqrt(2 * std::acos(-1.0));
}

// product is op(a) op(b), m x n with a sum over k; transposed operands are stored k x m and n x k.
inline Values product(const Values &a, bool transpose_a, const Values &b, bool transpose_b, int64_t m, int64_t n,
                      int64_t k) {
  Values c(m * n, 0.0);
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j)
      for (int64_t p = 0; p < k; ++p)
        c[i * n + j] += (transpose_a ? a[p * m + i] : a[i * k + p]) * (transpose_b ? b[j * k + p] : b[p * n + j]);
  return c;
}

// Normed is the layer norm of the rows of x: the mean and 1/sqrt(variance + eps) of each, and the result.
struct Normed {
  Values statistics, y;

  Normed(const Values &x, const Values &weight, const Values &bias, int64_t rows, int64_t width, double eps)
      : statistics(2 * rows), y(rows * width) {
    for (int64_t r = 0; r < rows; ++r) {
      double mean = 0, variance = 0;
      for (int64_t i = 0; i < width; ++i) mean += x[r * width + i] / width;
      for (int64_t i = 0; i < width; ++i) variance += std::pow(x[r * width + i] - mean, 2) / width;
      const double inverse = 1 / std::sqrt(variance + eps);
      for (int64_t i = 0; i < width; ++i) y[r * width + i] = (x[r * width + i] - mean) * inverse * weight[i] + bias[i];
      statistics[r] = mean;
      statistics[rows + r] = inverse;
    }
  }
};

struct ChannelMixing {
  Normed normed;
  Values pre, hidden, y;

  ChannelMixing(const Values &x, const Values &norm_weight, const Values &norm_bias, const Values &w1, const Values &b1,
                const Values &w2, const Values &b2, int64_t rows, int64_t width, int64_t units, double eps)
      : normed(x, norm_weight, norm_bias, rows, width, eps) {
    pre = product(normed.y, false, w1, true, rows, units, width);
    for (int64_t i = 0; i < rows * units; ++i) pre[i] += b1[i % units];
    for (double p : pre) hidden.push_back(gelu(p));
    y = product(hidden, false, w2, true, rows, width, units);
    for (int64_t i = 0; i < rows * width; ++i) y[i] += b2[i % width] + x[i];
  }
};

struct ChannelMlpGrad {
  Values dnormed, dw1, db1, dw2, db2;

  ChannelMlpGrad(const Values &normed, const Values &w1, const Values &b1, const Values &w2, const Values &dy,
                 int64_t rows, int64_t width, int64_t units)
      : db1(units, 0.0), db2(width, 0.0) {
    Values pre = product(normed, false, w1, true, rows, units, width), hidden;
    for (int64_t i = 0; i < rows * units; ++i) {
      pre[i] += b1[i % units];
      hidden.push_back(gelu(pre[i]));
    }
    Values dpre = product(dy, false, w2, false, rows, units, width);
    for (int64_t i = 0; i < rows * units; ++i) dpre[i] *= gelu_grad(pre[i]);
    dnormed = product(dpre, false, w1, false, rows, width, units);
    dw1 = product(dpre, true, normed, false, units, width, rows);
    dw2 = product(dy, true, hidden, false, width, units, rows);
    for (int64_t i = 0; i < rows * units; ++i) db1[i % units] += dpre[i];
    for (int64_t i = 0; i < rows * width; ++i) db2[i % width] += dy[i];
  }
};

}  // namespace simple
