// loss_simple.h: the losses of loss.cu by their definitions, in double precision, which is wide enough for any float32
// logit but for the exponentials: these are taken of what is not positive.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace simple {

using Values = std::vector<double>;

struct Loss {
  double loss = 0;
  Values delta;
};

inline Loss cross_entropy(const Values &logits, const Values &labels, int64_t rows, int64_t classes) {
  Loss out;
  for (int64_t row = 0; row < rows; ++row) {
    const auto first = logits.begin() + row * classes;
    const int64_t label = int64_t(labels[row]);
    const double largest = *std::max_element(first, first + classes);
    double rest = 0;  // but for the label's
    for (int64_t i = 0; i < classes; ++i)
      if (i != label) rest += std::exp(first[i] - largest);
    const double own = std::exp(first[label] - largest);
    out.loss += (own == 1 ? std::log1p(rest) : std::log(rest + own) - (first[label] - largest)) / rows;
    for (int64_t i = 0; i < classes; ++i)
      out.delta.push_back((i == label ? -rest : std::exp(first[i] - largest)) / (rest + own) / rows);
  }
  return out;
}

// soft_cross_entropy takes targets for each class, of any sum in a row.
inline Loss soft_cross_entropy(const Values &logits, const Values &targets, int64_t rows, int64_t classes) {
  Loss out;
  for (int64_t row = 0; row < rows; ++row) {
    const auto z = logits.begin() + row * classes, t = targets.begin() + row * classes;
    const int64_t top = std::max_element(z, z + classes) - z;
    double rest = 0, others = 0;  // but for the largest logit's
    for (int64_t i = 0; i < classes; ++i)
      if (i != top) rest += std::exp(z[i] - z[top]), others += t[i];
    for (int64_t i = 0; i < classes; ++i) {
      out.loss += t[i] * (std::log1p(rest) + (z[top] - z[i])) / rows;
      const double p = std::exp(z[i] - z[top]) / (1 + rest);
      out.delta.push_back((i == top ? (others - t[i] * rest) / (1 + rest) : (others + t[top]) * p - t[i]) / rows);
    }
  }
  return out;
}

inline double softplus(double z) { return std::max(z, 0.0) + std::log1p(std::exp(-std::fabs(z))); }

inline double logistic(double z) { return z < 0 ? std::exp(z) / (1 + std::exp(z)) : 1 / (1 + std::exp(-z)); }

// bce takes one weight for each class.
inline Loss bce(const Values &logits, const Values &labels, const Values &weights, int64_t rows, int64_t classes) {
  Loss out;
  const double n = double(rows * classes);
  for (int64_t i = 0; i < rows * classes; ++i) {
    const double z = logits[i], positive = labels[i] * weights[i % classes], negative = 1 - labels[i];
    out.loss += (positive * softplus(-z) + negative * softplus(z)) / n;
    out.delta.push_back((negative * logistic(z) - positive * logistic(-z)) / n);
  }
  return out;
}

}  // namespace simple
