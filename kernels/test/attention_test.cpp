// attention_test.cpp: attention and its gradient against attention_simple.h.
#include "attention_simple.h"

#include "shifted.h"

namespace {

using test::input;
using test::narrow;
using test::output;
using test::Shifted;

struct Shape {
  int64_t batch, queries, keys, width, heads;
};

// Around tiles of rows and of columns, in every width of heads that has a kernel of its own; one token.
const Shape shapes[] = {{1, 1, 1, 1, 1},   {2, 3, 5, 6, 2},    {1, 33, 31, 32, 1},  {2, 65, 33, 66, 2},
                        {1, 5, 70, 64, 1}, {1, 33, 34, 100, 1}, {1, 2, 3, 256, 2}};

// mask_of leaves out some keys of each sample, all of the last one's, and none of the first one's where there are more.
std::vector<float> mask_of(const Shape &s) {
  std::vector<float> mask(s.batch * s.keys);
  for (int64_t i = 0; i < s.batch * s.keys; ++i) {
    const int64_t sample = i / s.keys;
    mask[i] = sample == 0 ? 1.0f : sample == s.batch - 1 ? 0.0f : float(test::below(3) - 1) * 0.5f;
  }
  return mask;
}

// check compares everything; value is what masked keys hold in k and v.
void check(const Shape &s, const std::vector<float> &mask, float scale, bool with_plus, float value = 1) {
  const int64_t nq = s.batch * s.queries * s.width, nk = s.batch * s.keys * s.width, rows = s.batch * s.heads * s.queries;
  std::vector<float> keys = narrow(input(nk, 0, scale).before()), values = narrow(input(nk).before());
  for (int64_t i = 0; i < nk && !mask.empty(); ++i)
    if (mask[i / s.width] == 0) keys[i] = values[i] = value;
  const Shifted q = input(nq, 1), k(keys, 1), v(values, 1), dy = input(nq, 1), counts(mask.empty() ? std::vector<float>(1) : mask);
  const simple::Attention want{s.batch, s.queries, s.keys, s.width, s.heads, q.before(), k.before(), v.before(),
                               mask.empty() ? simple::Values() : counts.before()};
  simple::Values log_sum, dq, dk, dv;
  const simple::Values y = want.forward(log_sum);
  want.gradient(dy.before(), dq, dk, dv);

  const float *m = counts.when(!mask.empty());
  const Shifted got = output(nq, 1), logs = output(rows), alone = output(nq);
  test::run(mixmas_attention{q, k, v, m, got, logs, s.batch, s.queries, s.keys, s.width, s.heads}, MIXMAS_FP32);
  got.close("y", y, 2e-6, 1);
  logs.close("log_sum", log_sum, 2e-6, scale);
  test::run(mixmas_attention{q, k, v, m, alone, nullptr, s.batch, s.queries, s.keys, s.width, s.heads}, MIXMAS_FP32);
  alone.close("y alone", y, 2e-6, 1);

  const Shifted kept_y(narrow(y)), kept_logs(narrow(log_sum)), plus = input(nk), got_q = output(nq, 1), got_k = output(nk, 1),
                got_v = input(nk);
  simple::Values sum_k = dk, sum_v = dv, before = got_v.before();
  for (int64_t i = 0; i < nk && with_plus; ++i) sum_k[i] += plus.before()[i], sum_v[i] += before[i];
  mixmas_attention_grad op = {q, k, v, m, kept_y, kept_logs, dy, {got_q, nullptr}, {got_k, plus.when(with_plus)},
                              {got_v, got_v.when(with_plus)}, s.batch, s.queries, s.keys, s.width, s.heads};
  test::run(op, MIXMAS_FP32);
  const double tolerance = 1e-5, terms = scale;
  got_q.close("dq", dq, tolerance, terms);
  got_k.close("dk", sum_k, tolerance, terms);
  got_v.close("dv", sum_v, tolerance, terms);

  // What is not needed is not written.
  const Shifted only = output(nk);
  op.dq.d = op.dk.d = nullptr, op.dv = {only, nullptr};
  test::run(op, MIXMAS_FP32);
  only.close("dv alone", dv, tolerance, terms);
}

void shares(mixmas_numerics numerics) {
  if (numerics != MIXMAS_FP32) return;  // all numerics have the same kernels
  for (const Shape &s : shapes)
    for (bool masked : {false, true}) check(s, masked ? mask_of(s) : std::vector<float>(), 1, masked);
  check({3, 4, 40, 12, 3}, mask_of({3, 4, 40, 12, 3}), 20, true);  // scores that leave one key almost all
}

// What the mask leaves out may hold anything.
void left_out(mixmas_numerics numerics) {
  if (numerics != MIXMAS_FP32) return;
  const Shape s = {3, 3, 35, 8, 2};
  std::vector<float> mask = mask_of(s);
  for (float value : {1e30f, -1e30f}) check(s, mask, 1, false, value);
  std::vector<float> keys(s.batch * s.keys * s.width, NAN);
  const Shifted q = input(s.batch * s.queries * s.width), k(keys), none(std::vector<float>(s.batch * s.keys)), y = output(q.before().size());
  test::run(mixmas_attention{q, k, k, none, y, nullptr, s.batch, s.queries, s.keys, s.width, s.heads}, numerics);
  y.close("y of no keys", simple::Values(q.before().size()), 0);
}

// A head that no kernel takes is refused.
void too_wide(mixmas_numerics numerics) {
  mixmas_attention op = {};
  op.batch = op.queries = op.keys = op.heads = 1, op.width = mixmas_kernel_limits(numerics).attention_head + 1;
  const mixmas::Context context = {nullptr, numerics, nullptr, nullptr};
  if (mixmas::run(context, op) != cudaErrorInvalidValue) test::fail("a head of width %d is not refused", int(op.width));
}

}  // namespace

int main() { return test::check_main({{"shares", shares}, {"left out", left_out}, {"too wide", too_wide}}); }
