// monarch_simple.h: the Monarch product and its gradient, index by index, in double precision.
#pragma once

#include <cstdint>
#include <vector>

namespace simple {

// Monarch computes y, and the gradients for dy.
class Monarch {
 public:
  std::vector<double> y, dx, dl, dr;

  Monarch(const std::vector<double> &x, const std::vector<double> &l, const std::vector<double> &r,
          const std::vector<double> &dy, int64_t batch, int64_t p, int64_t q, int64_t width)
      : y(x.size()), dx(x.size()), dl(l.size()), dr(r.size()) {
    std::vector<double> u(p * q), du(p * q);
    for (int64_t b = 0; b < batch; ++b)
      for (int64_t w = 0; w < width; ++w) {
        const auto at = [&](int64_t i, int64_t j) { return ((b * p + i) * q + j) * width + w; };
        for (double &value : u) value = 0;
        for (double &value : du) value = 0;
        for (int64_t i = 0; i < p; ++i)
          for (int64_t j = 0; j < q; ++j)
            for (int64_t k = 0; k < q; ++k) u[i * q + j] += l[(i * q + j) * q + k] * x[at(i, k)];
        for (int64_t j = 0; j < q; ++j)
          for (int64_t i = 0; i < p; ++i)
            for (int64_t k = 0; k < p; ++k) {
              const int64_t weight = (j * p + i) * p + k;
              y[at(i, j)] += r[weight] * u[k * q + j];
              dr[weight] += dy[at(i, j)] * u[k * q + j];
              du[k * q + j] += r[weight] * dy[at(i, j)];
            }
        for (int64_t i = 0; i < p; ++i)
          for (int64_t j = 0; j < q; ++j)
            for (int64_t k = 0; k < q; ++k) {
              const int64_t weight = (i * q + j) * q + k;
              dl[weight] += du[i * q + j] * x[at(i, k)];
              dx[at(i, k)] += l[weight] * du[i * q + j];
            }
      }
  }
};

}  // namespace simple
