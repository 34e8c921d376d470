// token_mixing_simple.h: token mixing and the gradient of its MLP, one obvious loop a formula, in double precision.
#pragma once

#include "channel_mixing_simple.h"

namespace simple {

// sample is the matrix of sample s among those of `size` elements each.
inline Values sample(const Values &all, int64_t s, int64_t size) {
  return {all.begin() + s * size, all.begin() + (s + 1) * size};
}

inline void append(Values &all, const Values &values) { all.insert(all.end(), values.begin(), values.end()); }

inline void add(Values &all, const Values &values) {
  for (size_t i = 0; i < all.size(); ++i) all[i] += values[i];
}

// token_pre is W1 z + b1 for one sample z.
inline Values token_pre(const Values &z, const Values &w1, const Values &b1, int64_t tokens, int64_t width,
                        int64_t units) {
  Values pre = product(w1, false, z, false, units, width, tokens);
  for (int64_t i = 0; i < units * width; ++i) pre[i] += b1[i / width];
  return pre;
}

struct TokenMixing {
  Normed normed;
  Values pre, hidden, y;

  TokenMixing(const Values &x, const Values &norm_weight, const Values &norm_bias, const Values &w1, const Values &b1,
              const Values &w2, const Values &b2, int64_t batch, int64_t tokens, int64_t width, int64_t units,
              double eps)
      : normed(x, norm_weight, norm_bias, batch * tokens, width, eps) {
    for (int64_t s = 0; s < batch; ++s) {
      const Values p = token_pre(sample(normed.y, s, tokens * width), w1, b1, tokens, width, units);
      Values h;
      for (double v : p) h.push_back(gelu(v));
      Values u = product(w2, false, h, false, tokens, width, units);
      for (int64_t i = 0; i < tokens * width; ++i) u[i] += b2[i / width] + x[s * tokens * width + i];
      append(pre, p);
      append(hidden, h);
      append(y, u);
    }
  }
};

struct TokenMlpGrad {
  Values dnormed, dw1, db1, dw2, db2;

  TokenMlpGrad(const Values &normed, const Values &w1, const Values &b1, const Values &w2, const Values &dy,
               int64_t batch, int64_t tokens, int64_t width, int64_t units)
      : dw1(units * tokens, 0.0), db1(units, 0.0), dw2(tokens * units, 0.0), db2(tokens, 0.0) {
    for (int64_t s = 0; s < batch; ++s) {
      const Values z = sample(normed, s, tokens * width), d = sample(dy, s, tokens * width);
      const Values pre = token_pre(z, w1, b1, tokens, width, units);
      Values h, dpre = product(w2, true, d, false, units, width, tokens);
      for (int64_t i = 0; i < units * width; ++i) {
        h.push_back(gelu(pre[i]));
        dpre[i] *= gelu_grad(pre[i]);
        db1[i / width] += dpre[i];
      }
      for (int64_t i = 0; i < tokens * width; ++i) db2[i / width] += d[i];
      add(dw1, product(dpre, false, z, true, units, tokens, width));
      add(dw2, product(d, false, h, true, tokens, units, width));
      append(dnormed, product(w1, true, dpre, false, tokens, width, units));
    }
  }
};

}  // namespace simple
