// recurrent_simple.h: the operations of recurrent.cu, one sample and step after the other.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

namespace simple {

using Values = std::vector<double>;

struct Recurrent {
  int64_t batch, steps, width;
  bool lstm, reverse;
  Values weight, bias, mask;  // mask may be empty
  Values kept, before, cell_before;  // what the forward pass makes besides y

  int64_t gates() const { return (lstm ? 4 : 3) * width; }
  int64_t place(int64_t sample, int64_t step, bool from_end) const {
    return sample * steps + (from_end ? steps - 1 - step : step);
  }
  bool masked(int64_t at) const { return !mask.empty() && mask[at] == 0; }

  Values forward(const Values &x) {
    const int64_t h = width, n = batch * steps * h;
    Values y(n);
    kept.assign(4 * n, 0), before.assign(n, 0), cell_before.assign(n, 0);
    auto sigmoid = [](double v) { return 1 / (1 + std::exp(-v)); };
    for (int64_t b = 0; b < batch; ++b) {
      Values state(h), cell(h);
      for (int64_t step = 0; step < steps; ++step) {
        const int64_t at = place(b, step, reverse);
        for (int64_t k = 0; k < h; ++k) before[at * h + k] = state[k], cell_before[at * h + k] = cell[k];
        if (masked(at)) continue;
        Values hidden = bias;
        for (int64_t i = 0; i < gates(); ++i)
          for (int64_t k = 0; k < h; ++k) hidden[i] += weight[i * h + k] * state[k];
        for (int64_t k = 0; k < h; ++k) {
          auto in = [&](int gate) { return x[at * gates() + gate * h + k]; };
          auto p = [&](int gate) { return hidden[gate * h + k]; };
          double *gate = &kept[at * 4 * h + k];
          gate[0] = sigmoid(in(0) + p(0)), gate[h] = sigmoid(in(1) + p(1));
          if (lstm) {
            gate[2 * h] = std::tanh(in(2) + p(2)), gate[3 * h] = sigmoid(in(3) + p(3));
            cell[k] = gate[h] * cell[k] + gate[0] * gate[2 * h];
            state[k] = gate[3 * h] * std::tanh(cell[k]);
          } else {
            gate[2 * h] = std::tanh(in(2) + gate[0] * p(2)), gate[3 * h] = p(2);
            state[k] = (1 - gate[h]) * gate[2 * h] + gate[h] * state[k];
          }
          y[at * h + k] = state[k];
        }
      }
    }
    return y;
  }

  // gradient makes dx and dhidden of what the forward pass has kept. Those of an LSTM are the same.
  void gradient(const Values &dy, Values &dx, Values &dhidden) const {
    const int64_t h = width;
    dx.assign(batch * steps * gates(), 0), dhidden = dx;
    for (int64_t b = 0; b < batch; ++b) {
      Values dstate(h), dcell(h);
      for (int64_t step = 0; step < steps; ++step) {
        const int64_t at = place(b, step, !reverse);
        if (masked(at)) continue;
        double *in = &dx[at * gates()], *back = &dhidden[at * gates()];
        for (int64_t k = 0; k < h; ++k) {
          const double *gate = &kept[at * 4 * h + k];
          const double d = dstate[k] + dy[at * h + k], first = gate[0], second = gate[h], third = gate[2 * h], last = gate[3 * h];
          if (lstm) {
            const double was = cell_before[at * h + k], t = std::tanh(second * was + first * third);
            const double dc = dcell[k] + d * last * (1 - t * t);
            in[k] = dc * third * first * (1 - first), in[h + k] = dc * was * second * (1 - second);
            in[2 * h + k] = dc * first * (1 - third * third), in[3 * h + k] = d * t * last * (1 - last);
            for (int g = 0; g < 4; ++g) back[g * h + k] = in[g * h + k];
            dcell[k] = dc * second, dstate[k] = 0;
          } else {
            const double dn = d * (1 - second) * (1 - third * third);
            in[k] = dn * last * first * (1 - first);
            in[h + k] = d * (before[at * h + k] - third) * second * (1 - second);
            in[2 * h + k] = dn;
            back[k] = in[k], back[h + k] = in[h + k], back[2 * h + k] = dn * first;
            dstate[k] = d * second;
          }
        }
        for (int64_t i = 0; i < gates(); ++i)
          for (int64_t k = 0; k < h; ++k) dstate[k] += weight[i * h + k] * back[i];
      }
    }
  }
};

}  // namespace simple
