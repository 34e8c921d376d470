// Tests of token_mixing.cu against token_mixing_simple.h.
#include "token_mixing_simple.h"

#include "check.h"
#include "operands.h"

namespace {

using test::Array;
using operands::aligned;
using operands::offset;
using operands::Parameter;

enum Kept { nothing, everything };

void token_mixing(mixmas_numerics numerics, int64_t batch, int64_t tokens, int64_t width, int64_t hidden, Kept kept,
                  operands::Place place = aligned) {
  const int64_t n = batch * tokens * width, units = batch * hidden * width;
  const Array x = test::random(n, 2);
  const Array norm_weight = test::random(width), norm_bias = test::random(width, 0.5f);
  const Parameter w1(hidden * tokens, 1 / std::sqrt(float(tokens)), place), b1(hidden, 0.5f, place);
  const Parameter w2(tokens * hidden, 1 / std::sqrt(float(hidden)), place), b2(tokens, 0.5f, place);
  const Array y(n), normed(n), statistics(2 * batch * tokens), pre(units), values(units);

  mixmas_token_mixing op = {};
  op.x = x, op.norm_weight = norm_weight, op.norm_bias = norm_bias, op.w1 = w1, op.b1 = b1, op.w2 = w2, op.b2 = b2;
  op.y = y, op.batch = batch, op.tokens = tokens, op.width = width, op.hidden = hidden, op.eps = 1e-5f;
  if (kept == everything) op.normed = normed, op.statistics = statistics, op.pre = pre, op.hidden_values = values;
  test::run(op, numerics);

  const simple::TokenMixing want(x.before(), norm_weight.before(), norm_bias.before(), w1.before(), b1.before(),
                                 w2.before(), b2.before(), batch, tokens, width, hidden, op.eps);
  // Roundings are random and add up like random steps, to about one roundoff of the largest element.
  const double tolerance = 2 * test::roundoff(numerics) + 2e-6;
  test::close("y", y, want.y, tolerance);
  if (kept == nothing) return;
  test::close("normed", normed, want.normed.y, 2e-6);
  test::close("statistics", statistics, want.normed.statistics, 2e-6);
  test::close("pre", pre, want.pre, tolerance);
  test::close("hidden values", values, want.hidden, tolerance);
}

}  // namespace

int main() {
  return test::check_main({
      {"4 tokens, as in AV-MNIST", [](auto n) { token_mixing(n, 3, 4, 128, 32, everything); }},
      {"24 tokens, as in MIMIC-III", [](auto n) { token_mixing(n, 2, 24, 64, 16, everything); }},
      {"nothing kept", [](auto n) { token_mixing(n, 2, 16, 64, 8, nothing); }},
      {"64 tokens, 64 hidden units", [](auto n) { token_mixing(n, 1, 64, 64, 64, everything); }},
      {"width 256", [](auto n) { token_mixing(n, 2, 5, 256, 32, everything); }},
      {"150 tokens: a layer norm first", [](auto n) { token_mixing(n, 2, 150, 64, 32, everything); }},
      {"130 tokens, nothing kept, 40 hidden units", [](auto n) { token_mixing(n, 1, 130, 72, 40, nothing); }},
      {"width 300: a layer norm first", [](auto n) { token_mixing(n, 1, 6, 300, 9, nothing); }},
      {"odd sizes", [](auto n) { token_mixing(n, 3, 37, 45, 19, everything); }},
      {"one token", [](auto n) { token_mixing(n, 2, 1, 33, 1, everything); }},
      {"parameters off alignment", [](auto n) { token_mixing(n, 2, 8, 64, 12, everything, offset); }},
      {"70 hidden units, composed", [](auto n) { token_mixing(n, 2, 7, 20, 70, everything); }},
      {"70 hidden units, nothing kept", [](auto n) { token_mixing(n, 2, 7, 20, 70, nothing, offset); }},
  });
}
