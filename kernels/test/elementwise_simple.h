// elementwise_simple.h: the operations of elementwise.cu, one element after the other.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include "mixmas.h"

namespace simple {

inline double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

inline double activate(int activation, double x) {
  switch (activation) {
    case MIXMAS_GELU: return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
    case MIXMAS_RELU: return x > 0 ? x : 0;
    case MIXMAS_SQUARED_RELU: return x > 0 ? x * x : 0;
    case MIXMAS_SIGMOID: return sigmoid(x);
    case MIXMAS_TANH: return std::tanh(x);
    case MIXMAS_SILU: return x * sigmoid(x);
    default: return x;
  }
}

inline double activate_grad(int activation, double x) {
  const double pi = std::acos(-1.0);
  switch (activation) {
    case MIXMAS_GELU: return 0.5 * std::erfc(-x / std::sqrt(2.0)) + x * std::exp(-x * x / 2) / std::sqrt(2 * pi);
    case MIXMAS_RELU: return x > 0 ? 1 : 0;
    case MIXMAS_SQUARED_RELU: return x > 0 ? 2 * x : 0;
    case MIXMAS_SIGMOID: return sigmoid(x) * sigmoid(-x);
    case MIXMAS_TANH: return 1 - std::tanh(x) * std::tanh(x);
    case MIXMAS_SILU: return sigmoid(x) * (1 + x * sigmoid(-x));
    default: return 1;
  }
}

inline double combine(int arithmetic, double a, double b) {
  return arithmetic == MIXMAS_ADD ? a + b : arithmetic == MIXMAS_MUL ? a * b : a / b;
}

// philox_words are the four words of Philox4x32-10 for a counter and a key.
inline std::array<uint32_t, 4> philox_words(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    uint64_t left = 0xD2511F53ull * counter[0], right = 0xCD9E8D57ull * counter[2];
    uint32_t high_left = uint32_t(left >> 32), high_right = uint32_t(right >> 32);
    counter = {high_right ^ counter[1] ^ key[0], uint32_t(right), high_left ^ counter[3] ^ key[1], uint32_t(left)};
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  return counter;
}

inline bool dropped(int64_t i, const mixmas_dropout &op, const mixmas_step &step) {
  const std::array<uint32_t, 2> key = {uint32_t(step.seed), uint32_t(step.seed >> 32)};
  return philox_words({uint32_t(i / 4), 0, step.counter, op.number}, key)[i % 4] < op.threshold;
}

}  // namespace simple
