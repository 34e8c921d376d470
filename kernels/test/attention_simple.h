// attention_simple.h: the operations of attention.cu, one query after the other.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace simple {

using Values = std::vector<double>;

struct Attention {
  int64_t batch, queries, keys, width, heads;
  Values q, k, v, mask;  // mask may be empty

  // each calls f for each query of each head with the index of its first element, that of its sample's first key in the head's
  // columns, and its row of log_sum.
  template <class F>
  void each(F f) const {
    for (int64_t b = 0; b < batch; ++b)
      for (int64_t h = 0; h < heads; ++h)
        for (int64_t i = 0; i < queries; ++i)
          f(b, (b * queries + i) * width + h * head(), b * keys * width + h * head(), (b * heads + h) * queries + i);
  }
  int64_t head() const { return width / heads; }
  bool counts(int64_t sample, int64_t key) const { return mask.empty() || mask[sample * keys + key] != 0; }
  double dot(const Values &a, int64_t i, const Values &b, int64_t j) const {
    double sum = 0;
    for (int64_t c = 0; c < head(); ++c) sum += a[i + c] * b[j + c];
    return sum;
  }

  // shares returns those of the keys for a query, and the logarithm of the sum of their exponentials.
  Values shares(int64_t sample, int64_t query, int64_t first, double &log_sum) const {
    Values score(keys, -INFINITY);
    double largest = -INFINITY, sum = 0;
    for (int64_t key = 0; key < keys; ++key)
      if (counts(sample, key)) {
        score[key] = dot(q, query, k, first + key * width) / std::sqrt(double(head()));
        largest = std::max(largest, score[key]);
      }
    for (double &s : score) sum += s = largest == -INFINITY ? 0 : std::exp(s - largest);
    for (double &s : score) s = sum > 0 ? s / sum : 0;
    log_sum = sum > 0 ? largest + std::log(sum) : 0;
    return score;
  }

  Values forward(Values &log_sum) const {
    Values y(batch * queries * width);
    log_sum.assign(batch * heads * queries, 0);
    each([&](int64_t sample, int64_t query, int64_t first, int64_t row) {
      const Values share = shares(sample, query, first, log_sum[row]);
      for (int64_t key = 0; key < keys; ++key)
        for (int64_t c = 0; c < head() && counts(sample, key); ++c) y[query + c] += share[key] * v[first + key * width + c];
    });
    return y;
  }

  void gradient(const Values &dy, Values &dq, Values &dk, Values &dv) const {
    dq.assign(q.size(), 0), dk.assign(k.size(), 0), dv.assign(v.size(), 0);
    const double scale = 1 / std::sqrt(double(head()));
    each([&](int64_t sample, int64_t query, int64_t first, int64_t) {
      double log_sum, loss = 0;
      const Values share = shares(sample, query, first, log_sum);
      Values dshare(keys);
      for (int64_t key = 0; key < keys; ++key)
        if (counts(sample, key)) loss += share[key] * (dshare[key] = dot(dy, query, v, first + key * width));
      for (int64_t key = 0; key < keys; ++key) {
        if (!counts(sample, key)) continue;
        const double d = share[key] * (dshare[key] - loss) * scale;
        for (int64_t c = 0; c < head(); ++c) {
          const int64_t other = first + key * width + c;
          dq[query + c] += d * k[other], dk[other] += d * q[query + c], dv[other] += share[key] * dy[query + c];
        }
      }
    });
  }
};

}  // namespace simple
