// matmul_simple.h: the matrix product as its definition says, in double precision.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "mixmas.h"

namespace simple {

inline double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

inline double activate(int activation, double x) {
  switch (activation) {
    case MIXMAS_GELU: return x * 0.5 * std::erfc(-x / std::sqrt(2.0));
    case MIXMAS_RELU: return std::fmax(x, 0);
    case MIXMAS_SQUARED_RELU: return std::fmax(x, 0) * std::fmax(x, 0);
    case MIXMAS_SIGMOID: return sigmoid(x);
    case MIXMAS_TANH: return std::tanh(x);
    case MIXMAS_SILU: return x * sigmoid(x);
    default: return x;
  }
}

inline double activate_grad(int activation, double x) {
  switch (activation) {
    case MIXMAS_GELU:
      return 0.5 * std::erfc(-x / std::sqrt(2.0)) + x * std::exp(-x * x / 2) / std::sqrt(2 * std::acos(-1.0));
    case MIXMAS_RELU: return x > 0;
    case MIXMAS_SQUARED_RELU: return 2 * std::fmax(x, 0);
    case MIXMAS_SIGMOID: return sigmoid(x) * sigmoid(-x);
    case MIXMAS_TANH: return 1 - std::tanh(x) * std::tanh(x);
    case MIXMAS_SILU: return sigmoid(x) * (1 + x * sigmoid(-x));
    default: return 1;
  }
}

// Matmul has the operands of a mixmas_matmul, whose own pointers only say which of them are there.
struct Matmul {
  std::vector<double> a, b, bias, gate, plus;
  std::vector<double> c, pre;  // what is not written stays as it is
  double read = 0;             // the largest magnitude that the activation reads
  void run(const mixmas_matmul &op);
};

inline void Matmul::run(const mixmas_matmul &op) {
  const int outer = op.batch[0], inner = op.batch[1];
  for (int o = 0; o < outer; ++o)
    for (int i = 0; i < inner; ++i) {
      // Of summed products the first one does it all.
      const bool sum_outer = op.stride_c[0] == 0, sum_inner = op.stride_c[1] == 0;
      if ((sum_outer && o > 0) || (sum_inner && i > 0)) continue;
      for (int row = 0; row < op.m; ++row)
        for (int column = 0; column < op.n; ++column) {
          double p = 0;
          for (int so = o; so < (sum_outer ? outer : o + 1); ++so)
            for (int si = i; si < (sum_inner ? inner : i + 1); ++si)
              for (int k = 0; k < op.k; ++k) {
                const int64_t in_a = so * op.stride_a[0] + si * op.stride_a[1] +
                                     (op.transpose_a ? int64_t(k) * op.lda + row : int64_t(row) * op.lda + k);
                const int64_t in_b = so * op.stride_b[0] + si * op.stride_b[1] +
                                     (op.transpose_b ? int64_t(column) * op.ldb + k : int64_t(k) * op.ldb + column);
                p += a[in_a] * b[in_b];
              }
          const int64_t at = o * op.stride_c[0] + i * op.stride_c[1] + int64_t(row) * op.ldc + column;
          if (op.bias) p += bias[op.bias_rows ? row : column];
          if (op.pre) pre[at] = p;
          read = std::max(read, std::fabs(p));
          const double value = op.gate ? p * activate_grad(op.activation, gate[at]) : activate(op.activation, p);
          c[at] = value + (op.plus ? plus[at] : 0);
        }
    }
}

}  // namespace simple
