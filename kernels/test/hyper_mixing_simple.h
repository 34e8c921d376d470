// hyper_mixing_simple.h: hyper mixing and its gradient, as obviously right as can be: one head of one sample at a time,
// every matrix in full, in double precision.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

namespace simple {

inline double hyper_gelu(double x) { return x * 0.5 * (1 + std::erf(x / std::sqrt(2.0))); }
inline double hyper_gelu_grad(double x) {
  return 0.5 * (1 + std::erf(x / std::sqrt(2.0))) + x * std::exp(-x * x / 2) / std::sqrt(2 * std::acos(-1.0));
}

struct Hyper {
  int64_t batch, tokens, width, hidden, heads;
};

// HyperGenerator is fc1 (heads, dk, dk), fc2 (heads, tk, dk) and what it makes of all rows.
struct HyperGenerator {
  std::vector<double> fc1, fc2;
  std::vector<double> pre, inner, weights;
  std::vector<double> dfc1, dfc2;
};

// HyperMixing computes everything, the gradients for dz. Tied generators are two equal ones: their gradients are to be
// added.
class HyperMixing {
 public:
  Hyper shape;
  std::vector<double> positioned, z, dx;
  HyperGenerator generator[2];

  HyperMixing(const Hyper &s, const std::vector<double> &x, const std::vector<double> &positions,
              const std::vector<double> (&fc1)[2], const std::vector<double> (&fc2)[2], const std::vector<double> &dz)
      : shape(s), positioned(x), z(x.size()), dx(x.size()) {
    for (size_t i = 0; i < x.size(); ++i) positioned[i] += positions[i % positions.size()];
    for (int g = 0; g < 2; ++g) {
      HyperGenerator &w = generator[g];
      w.fc1 = fc1[g], w.fc2 = fc2[g];
      w.pre.resize(x.size()), w.inner.resize(x.size()), w.weights.resize(s.batch * s.tokens * s.hidden);
      w.dfc1.resize(w.fc1.size()), w.dfc2.resize(w.fc2.size());
    }
    for (int64_t row = 0; row < s.batch * s.tokens; ++row)
      for (int64_t head = 0; head < s.heads; ++head)
        for (HyperGenerator &w : generator) generate(w, row, head);
    for (int64_t sample = 0; sample < s.batch; ++sample)
      for (int64_t head = 0; head < s.heads; ++head) mix(x, dz, sample, head);
  }

 private:
  int64_t dk() const { return shape.width / shape.heads; }
  int64_t tk() const { return shape.hidden / shape.heads; }

  void generate(HyperGenerator &w, int64_t row, int64_t head) {
    const int64_t x = row * shape.width + head * dk(), y = row * shape.hidden + head * tk();
    for (int64_t i = 0; i < dk(); ++i) {
      double sum = 0;
      for (int64_t j = 0; j < dk(); ++j) sum += w.fc1[(head * dk() + i) * dk() + j] * positioned[x + j];
      w.pre[x + i] = sum;
      w.inner[x + i] = hyper_gelu(sum);
    }
    for (int64_t u = 0; u < tk(); ++u)
      for (int64_t i = 0; i < dk(); ++i) w.weights[y + u] += w.fc2[(head * tk() + u) * dk() + i] * w.inner[x + i];
  }

  void mix(const std::vector<double> &x, const std::vector<double> &dz, int64_t sample, int64_t head) {
    const auto feature = [&](int64_t token, int64_t c) {
      return (sample * shape.tokens + token) * shape.width + head * dk() + c;
    };
    const auto unit = [&](int64_t token, int64_t u) {
      return (sample * shape.tokens + token) * shape.hidden + head * tk() + u;
    };
    std::vector<double> dweights[2];
    for (std::vector<double> &dw : dweights) dw.resize(shape.tokens * tk());
    for (int64_t u = 0; u < tk(); ++u)
      for (int64_t c = 0; c < dk(); ++c) {
        double h = 0, dgelu = 0;
        for (int64_t n = 0; n < shape.tokens; ++n) {
          h += generator[0].weights[unit(n, u)] * x[feature(n, c)];
          dgelu += generator[1].weights[unit(n, u)] * dz[feature(n, c)];
        }
        const double dh = dgelu * hyper_gelu_grad(h);
        for (int64_t n = 0; n < shape.tokens; ++n) {
          z[feature(n, c)] += generator[1].weights[unit(n, u)] * hyper_gelu(h);
          dx[feature(n, c)] += generator[0].weights[unit(n, u)] * dh;
          dweights[0][n * tk() + u] += x[feature(n, c)] * dh;
          dweights[1][n * tk() + u] += dz[feature(n, c)] * hyper_gelu(h);
        }
      }
    for (int64_t n = 0; n < shape.tokens; ++n)
      for (int g = 0; g < 2; ++g) {
        HyperGenerator &w = generator[g];
        for (int64_t i = 0; i < dk(); ++i) {
          double dinner = 0;
          for (int64_t u = 0; u < tk(); ++u) {
            const int64_t at = (head * tk() + u) * dk() + i;
            w.dfc2[at] += dweights[g][n * tk() + u] * w.inner[feature(n, i)];
            dinner += dweights[g][n * tk() + u] * w.fc2[at];
          }
          const double dpre = dinner * hyper_gelu_grad(w.pre[feature(n, i)]);
          for (int64_t j = 0; j < dk(); ++j) {
            const int64_t at = (head * dk() + i) * dk() + j;
            w.dfc1[at] += dpre * positioned[feature(n, j)];
            dx[feature(n, j)] += dpre * w.fc1[at];
          }
        }
      }
  }
};

}  // namespace simple
