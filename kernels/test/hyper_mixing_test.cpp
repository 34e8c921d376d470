// Tests of hyper_mixing.cu, hyper_mixing_grad.cu and generated_mlp.cu against hyper_mixing_simple.h.
#include "check.h"
#include "hyper_mixing_simple.h"
#include "operands.h"

namespace {

using test::Array;
using operands::aligned;
using operands::Gradient;
using operands::offset;
using operands::Parameter;
using operands::Place;
using simple::Hyper;

enum Kept { nothing, everything };
enum Generators { tied, untied };

// Case is one set of operands, and what is to come of them.
struct Case {
  Hyper s;
  int64_t rows, dk, tk;
  Generators generators;
  Array x, positions, dz;
  Parameter fc1[2], fc2[2];
  simple::HyperMixing want;

  Case(const Hyper &shape, Generators g, Place place)
      : s(shape), rows(s.batch * s.tokens), dk(s.width / s.heads), tk(s.hidden / s.heads), generators(g),
        x(test::random(rows * s.width)), positions(test::random(s.tokens * s.width)),
        dz(test::random(rows * s.width)),
        fc1{{s.heads * dk * dk, scale(dk, dk), place}, {s.heads * dk * dk, scale(dk, dk), place}},
        fc2{{s.heads * tk * dk, scale(dk, tk), place}, {s.heads * tk * dk, scale(dk, tk), place}},
        want(s, x.before(), positions.before(), {fc1[0].before(), fc1[second()].before()},
             {fc2[0].before(), fc2[second()].before()}, dz.before()) {}

  int second() const { return generators == tied ? 0 : 1; }
  // As the models start: Glorot's with gain sqrt 2.
  static float scale(int64_t in, int64_t out) { return std::sqrt(4.0f / float(in + out)); }

  template <class Operation>
  void fill(Operation &op) const {
    op.batch = s.batch, op.tokens = s.tokens, op.width = s.width, op.hidden = s.hidden, op.heads = s.heads;
    op.x = x;
    for (int i = 0; i < 2; ++i) op.fc1[i] = fc1[i * second()], op.fc2[i] = fc2[i * second()];
  }
};

std::vector<float> single(const std::vector<double> &values) { return {values.begin(), values.end()}; }

// In tf32 and bf16 every product rounds its operands, among them the results of those before. Roundings are random and
// add up like random steps; elements are compared with the largest.
double tolerance(mixmas_numerics numerics, int roundoffs) {
  return roundoffs * test::roundoff(numerics) + 4e-6;
}

void forward(mixmas_numerics numerics, const Hyper &shape, Generators generators, Kept kept, Place place = aligned) {
  const Case c(shape, generators, place);
  const int64_t n = c.rows * shape.width, weights = c.rows * shape.hidden;
  const Array z(n), positioned(n), pre[2] = {Array(n), Array(n)}, inner[2] = {Array(n), Array(n)};
  const Array w[2] = {Array(weights), Array(weights)};
  mixmas_hyper_mixing op = {};
  c.fill(op);
  op.positions = c.positions;
  op.z = z;
  for (int i = 0; i < 2 && kept == everything; ++i) {
    op.positioned = positioned;
    op.pre[i] = pre[i * c.second()], op.inner[i] = inner[i * c.second()], op.weights[i] = w[i * c.second()];
  }
  test::run(op, numerics);
  const double allowed = tolerance(numerics, 5);
  test::close("z", z, c.want.z, allowed);
  if (kept == nothing) return;
  test::close("positioned", positioned, c.want.positioned, 1e-6);
  for (int i = 0; i <= c.second(); ++i) {
    test::close("pre", pre[i], c.want.generator[i].pre, allowed);
    test::close("inner", inner[i], c.want.generator[i].inner, allowed);
    test::close("weights", w[i], c.want.generator[i].weights, allowed);
  }
}

enum Wanted { every, dx_only, dfc1_only, dfc2_only, second_only, none };

void backward(mixmas_numerics numerics, const Hyper &shape, Generators generators, Wanted wanted, operands::Added added,
              Place place = aligned) {
  const Case c(shape, generators, place);
  // What the forward pass keeps, as float32.
  const Array positioned(single(c.want.positioned));
  const Array pre[2] = {Array(single(c.want.generator[0].pre)), Array(single(c.want.generator[1].pre))};
  const Array inner[2] = {Array(single(c.want.generator[0].inner)), Array(single(c.want.generator[1].inner))};
  const Array w[2] = {Array(single(c.want.generator[0].weights)), Array(single(c.want.generator[1].weights))};
  // dx lies in the arena, at an address that allows vector loads.
  const Gradient dx(c.rows * shape.width, aligned, added);
  const int64_t fc1 = shape.heads * c.dk * c.dk, fc2 = shape.heads * c.tk * c.dk;
  const Gradient dfc1[2] = {Gradient(fc1, place, added), Gradient(fc1, place, added)};
  const Gradient dfc2[2] = {Gradient(fc2, place, added), Gradient(fc2, place, added)};

  mixmas_hyper_mixing_grad op = {};
  c.fill(op);
  op.positioned = positioned, op.dz = c.dz;
  if (wanted == every || wanted == dx_only) op.dx = dx.target();
  for (int i = 0; i < 2; ++i) {
    op.pre[i] = pre[i * c.second()], op.inner[i] = inner[i * c.second()], op.weights[i] = w[i * c.second()];
    if (i > c.second() || (wanted == second_only && i == 0)) continue;
    if (wanted == every || wanted == dfc1_only || wanted == second_only) op.dfc1[i] = dfc1[i].target();
    if (wanted == every || wanted == dfc2_only || wanted == second_only) op.dfc2[i] = dfc2[i].target();
  }
  test::run(op, numerics);
  const auto sum = [&](std::vector<double> a, const std::vector<double> &b) {
    for (size_t i = 0; i < a.size() && generators == tied; ++i) a[i] += b[i];
    return a;
  };
  const simple::HyperGenerator *g = c.want.generator;
  const double allowed = tolerance(numerics, 12);
  if (op.dx.d) dx.close("dx", c.want.dx, allowed);
  if (op.dfc1[0].d) dfc1[0].close("dfc1 of W1", sum(g[0].dfc1, g[1].dfc1), allowed);
  if (op.dfc2[0].d) dfc2[0].close("dfc2 of W1", sum(g[0].dfc2, g[1].dfc2), allowed);
  if (op.dfc1[1].d) dfc1[1].close("dfc1 of W2", g[1].dfc1, allowed);
  if (op.dfc2[1].d) dfc2[1].close("dfc2 of W2", g[1].dfc2, allowed);
}

}  // namespace

int main() {
  // batch, tokens, width, hidden, heads
  using operands::itself;
  using operands::other;
  const auto plain = operands::none;
  return test::check_main({
      {"4 tokens, as in AV-MNIST", [](auto n) { forward(n, {2, 4, 64, 160, 1}, untied, everything); }},
      {"24 tokens, as in MIMIC-III", [](auto n) { forward(n, {2, 24, 64, 16, 1}, untied, nothing); }},
      {"heads", [](auto n) { forward(n, {2, 5, 96, 64, 2}, untied, everything); }},
      {"tied", [](auto n) { forward(n, {1, 3, 80, 32, 1}, tied, everything); }},
      {"generators off alignment", [](auto n) { forward(n, {2, 7, 32, 32, 2}, untied, everything, offset); }},
      {"composed, odd sizes", [](auto n) { forward(n, {2, 6, 21, 15, 3}, untied, everything); }},
      {"composed, nothing kept", [](auto n) { forward(n, {2, 33, 24, 140, 1}, untied, nothing); }},
      {"composed, tied", [](auto n) { forward(n, {2, 9, 10, 14, 1}, tied, nothing, offset); }},
      {"many tokens", [](auto n) { forward(n, {1, 139, 72, 280, 1}, untied, everything); }},
      {"many tokens, tied heads", [](auto n) { forward(n, {1, 40, 32, 32, 2}, tied, nothing); }},
      {"gradient, 4 tokens", [=](auto n) { backward(n, {2, 4, 64, 160, 1}, untied, every, plain); }},
      {"gradient, 24 tokens", [=](auto n) { backward(n, {2, 24, 64, 16, 1}, untied, every, itself); }},
      {"gradient, heads", [=](auto n) { backward(n, {2, 5, 96, 64, 2}, untied, every, other); }},
      {"gradient, tied", [=](auto n) { backward(n, {2, 3, 80, 32, 1}, tied, every, itself); }},
      {"gradient, odd sizes", [=](auto n) { backward(n, {2, 6, 21, 15, 3}, untied, every, itself, offset); }},
      {"gradient, many tokens", [=](auto n) { backward(n, {1, 139, 72, 280, 1}, untied, every, other); }},
      {"gradient, many tokens, tied heads", [=](auto n) { backward(n, {1, 40, 30, 36, 2}, tied, every, plain); }},
      {"gradient, dx only", [=](auto n) { backward(n, {1, 4, 32, 32, 1}, untied, dx_only, other); }},
      {"gradient, fc1 only", [=](auto n) { backward(n, {1, 4, 32, 32, 1}, untied, dfc1_only, plain); }},
      {"gradient, fc2 only", [=](auto n) { backward(n, {1, 4, 32, 32, 1}, tied, dfc2_only, plain); }},
      {"gradient, second generator only", [=](auto n) { backward(n, {1, 4, 32, 32, 1}, untied, second_only, itself); }},
      {"gradient, nothing wanted", [=](auto n) { backward(n, {1, 4, 32, 32, 1}, untied, none, plain); }},
  });
}
