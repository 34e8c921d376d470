// Tests of token_mlp_grad.cu against token_mixing_simple.h.
#include "token_mixing_simple.h"

#include "check.h"
#include "operands.h"

namespace {

using namespace operands;
using test::Array;

void token_mlp_grad(mixmas_numerics numerics, int64_t batch, int64_t tokens, int64_t width, int64_t hidden, Kept kept,
                    Added added, unsigned wanted = 31, Place place = aligned) {
  const int64_t n = batch * tokens * width;
  const Array normed = test::random(n), dy = test::random(n);
  const Parameter w1(hidden * tokens, 1 / std::sqrt(float(tokens)), place), b1(hidden, 0.5f, place);
  const Parameter w2(tokens * hidden, 1 / std::sqrt(float(hidden)), place);
  std::vector<float> kept_pre, kept_hidden;
  for (int64_t s = 0; s < batch; ++s)
    for (double p : simple::token_pre(simple::sample(normed.before(), s, tokens * width), w1.before(), b1.before(),
                                      tokens, width, hidden)) {
      kept_pre.push_back(float(p));
      kept_hidden.push_back(float(simple::gelu(p)));
    }
  const Array pre(kept_pre), values(kept_hidden);

  const MlpGradients gradients(n, hidden, tokens, place, added, wanted);
  mixmas_token_mlp_grad op = {};
  op.normed = normed, op.w1 = w1, op.b1 = b1, op.w2 = w2, op.dy = dy;
  op.batch = batch, op.tokens = tokens, op.width = width, op.hidden = hidden;
  if (kept == pre_only || kept == both) op.pre = pre;
  if (kept == hidden_only || kept == both) op.hidden_values = values;
  gradients.target(&op);
  test::run(op, numerics);

  const simple::TokenMlpGrad want(normed.before(), w1.before(), b1.before(), w2.before(), dy.before(), batch, tokens,
                                  width, hidden);
  gradients.close(want, 3 * test::roundoff(numerics) + 3e-6);
}

int64_t most(mixmas_numerics numerics) { return mixmas_kernel_limits(numerics).token_mlp_hidden; }

}  // namespace

int main() {
  return test::check_main({
      {"4 tokens, as in AV-MNIST", [](auto n) { token_mlp_grad(n, 3, 4, 128, 32, nothing, itself); }},
      {"24 tokens, as in MIMIC-III", [](auto n) { token_mlp_grad(n, 2, 24, 64, 16, nothing, other); }},
      {"pre kept, 40 samples", [](auto n) { token_mlp_grad(n, 40, 3, 32, 8, pre_only, none); }},
      {"two samples a block", [](auto n) { token_mlp_grad(n, 270, 2, 20, 5, nothing, none); }},
      {"100 tokens", [](auto n) { token_mlp_grad(n, 2, 100, 72, 32, nothing, itself); }},
      {"70 tokens, 64 hidden units, pre kept", [](auto n) { token_mlp_grad(n, 1, 70, 64, 64, both, none); }},
      {"the most hidden units", [](auto n) { token_mlp_grad(n, 2, 9, 20, most(n), nothing, none); }},
      {"one more, composed", [](auto n) { token_mlp_grad(n, 2, 9, 20, most(n) + 1, both, none); }},
      {"20 tokens, 50 hidden units", [](auto n) { token_mlp_grad(n, 2, 20, 40, 50, hidden_only, none); }},
      {"width 300", [](auto n) { token_mlp_grad(n, 1, 6, 300, 9, nothing, none); }},
      {"odd sizes", [](auto n) { token_mlp_grad(n, 3, 37, 45, 19, pre_only, other); }},
      {"one token", [](auto n) { token_mlp_grad(n, 2, 1, 33, 1, nothing, none); }},
      {"parameters off alignment", [](auto n) { token_mlp_grad(n, 2, 8, 64, 12, nothing, other, 31, offset); }},
      {"only dW2", [](auto n) { token_mlp_grad(n, 2, 8, 20, 12, nothing, itself, 8); }},
      {"only dnormed", [](auto n) { token_mlp_grad(n, 2, 8, 20, 12, nothing, itself, 1); }},
      {"70 hidden units, composed", [](auto n) { token_mlp_grad(n, 2, 7, 20, 70, nothing, itself); }},
      {"70 hidden units, pre kept", [](auto n) { token_mlp_grad(n, 2, 7, 20, 70, pre_only, other, 31, offset); }},
      {"70 hidden units, both kept", [](auto n) { token_mlp_grad(n, 2, 7, 20, 70, both, none); }},
      {"70 hidden units, hidden values kept", [](auto n) { token_mlp_grad(n, 2, 7, 20, 70, hidden_only, none); }},
      {"70 hidden units, only dW2", [](auto n) { token_mlp_grad(n, 2, 7, 20, 70, nothing, none, 8); }},
      {"70 hidden units, only db2", [](auto n) { token_mlp_grad(n, 2, 7, 20, 70, nothing, none, 16); }},
  });
}
