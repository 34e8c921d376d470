// batch_norm_simple.h: the operations of batch_norm.cu, one channel after the other.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

namespace simple {

using Values = std::vector<double>;

struct Shape {
  int64_t outer, channels, inner;
  int64_t size() const { return outer * channels * inner; }
  // elements are where those of a channel lie.
  std::vector<int64_t> elements(int64_t channel) const {
    std::vector<int64_t> list;
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t i = 0; i < inner; ++i) list.push_back((o * channels + channel) * inner + i);
    return list;
  }
};

struct BatchNorm {
  Values y, statistics, running_mean, running_variance;
};

inline BatchNorm batch_norm(const Values &x, const Values &weight, const Values &bias, const Values &running_mean,
                            const Values &running_variance, const Shape &s, double eps, double momentum, bool train) {
  BatchNorm out = {Values(x.size()), Values(2 * s.channels), running_mean, running_variance};
  for (int64_t c = 0; c < s.channels; ++c) {
    double mean = running_mean[c], variance = running_variance[c];
    const double n = double(s.outer * s.inner);
    if (train) {
      mean = variance = 0;
      for (int64_t i : s.elements(c)) mean += x[i] / n;
      for (int64_t i : s.elements(c)) variance += std::pow(x[i] - mean, 2) / n;
      out.running_mean[c] += momentum * (mean - running_mean[c]);
      out.running_variance[c] += momentum * (variance * n / (n - 1) - running_variance[c]);
    }
    const double rstd = 1 / std::sqrt(variance + eps);
    for (int64_t i : s.elements(c)) out.y[i] = (x[i] - mean) * rstd * weight[c] + bias[c];
    out.statistics[c] = mean;
    out.statistics[s.channels + c] = rstd;
  }
  return out;
}

struct BatchNormGrad {
  Values dx, dweight, dbias;
};

inline BatchNormGrad batch_norm_grad(const Values &x, const Values &weight, const Values &statistics, const Values &dy,
                                     const Shape &s, bool train) {
  BatchNormGrad out = {Values(x.size()), Values(s.channels), Values(s.channels)};
  for (int64_t c = 0; c < s.channels; ++c) {
    const double mean = statistics[c], rstd = statistics[s.channels + c], n = double(s.outer * s.inner);
    for (int64_t i : s.elements(c)) {
      out.dbias[c] += dy[i];
      out.dweight[c] += dy[i] * (x[i] - mean) * rstd;
    }
    for (int64_t i : s.elements(c)) {
      out.dx[i] = weight[c] * rstd * dy[i];
      if (train) out.dx[i] -= weight[c] * rstd * (out.dbias[c] + (x[i] - mean) * rstd * out.dweight[c]) / n;
    }
  }
  return out;
}

}  // namespace simple
