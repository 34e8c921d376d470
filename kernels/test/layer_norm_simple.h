// layer_norm_simple.h: the operations of layer_norm.cu, one row after the other.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace simple {

using Values = std::vector<double>;

struct LayerNorm {
  Values y, statistics;
};

inline LayerNorm layer_norm(const Values &x, const Values &weight, const Values &bias, int64_t rows, int64_t width,
                            double eps) {
  LayerNorm out = {Values(x.size()), Values(2 * rows)};
  for (int64_t row = 0; row < rows; ++row) {
    double mean = 0, variance = 0;
    for (int64_t i = 0; i < width; ++i) mean += x[row * width + i] / width;
    for (int64_t i = 0; i < width; ++i) variance += std::pow(x[row * width + i] - mean, 2) / width;
    const double rstd = 1 / std::sqrt(variance + eps);
    for (int64_t i = 0; i < width; ++i)
      out.y[row * width + i] = (x[row * width + i] - mean) * rstd * weight[i] + bias[i];
    out.statistics[row] = mean;
    out.statistics[rows + row] = rstd;
  }
  return out;
}

struct LayerNormGrad {
  Values dx, dweight, dbias;
  double terms;  // the largest magnitude of what dx sums up: few elements nearly cancel
};

inline LayerNormGrad layer_norm_grad(const Values &x, const Values &weight, const Values &statistics, const Values &dy,
                                     int64_t rows, int64_t width) {
  LayerNormGrad out = {Values(x.size()), Values(width), Values(width), 0};
  for (int64_t row = 0; row < rows; ++row) {
    const double mean = statistics[row], rstd = statistics[rows + row];
    auto normal = [&](int64_t i) { return (x[row * width + i] - mean) * rstd; };
    double sum = 0, dot = 0;
    for (int64_t i = 0; i < width; ++i) {
      const double d = dy[row * width + i];
      out.dweight[i] += d * normal(i);
      out.dbias[i] += d;
      sum += weight[i] * d / width;
      dot += weight[i] * d * normal(i) / width;
    }
    for (int64_t i = 0; i < width; ++i) {
      const double weighted = weight[i] * dy[row * width + i];
      out.dx[row * width + i] = rstd * (weighted - sum - normal(i) * dot);
      out.terms = std::max(out.terms, std::fabs(rstd * weighted));
    }
  }
  return out;
}

}  // namespace simple
