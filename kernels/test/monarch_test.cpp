// Tests of monarch.cu and monarch_grad.cu against monarch_simple.h.
#include "check.h"
#include "monarch_simple.h"
#include "operands.h"

namespace {

using test::Array;
using operands::Added;
using operands::aligned;
using operands::Gradient;
using operands::itself;
using operands::none;
using operands::offset;
using operands::other;
using operands::Parameter;
using operands::Place;

struct Sizes {
  int64_t batch, p, q, width;
};

struct Operands {
  Parameter x, l, r, dy;
  simple::Monarch want;

  Operands(const Sizes &s, Place place, Place place_of_x)
      : x(s.batch * s.p * s.q * s.width, 1, place_of_x), l(s.p * s.q * s.q, 1 / std::sqrt(float(s.q)), place),
        r(s.q * s.p * s.p, 1 / std::sqrt(float(s.p)), place), dy(s.batch * s.p * s.q * s.width, 1, place_of_x),
        want(x.before(), l.before(), r.before(), dy.before(), s.batch, s.p, s.q, s.width) {}

  template <class Operation>
  void fill(Operation &op, const Sizes &s) const {
    op.x = x, op.l = l, op.r = r;
    op.batch = s.batch, op.p = s.p, op.q = s.q, op.width = s.width;
  }
};

// Sums are exact float32, but for orders that are composed of products.
double tolerance(mixmas_numerics numerics, const Sizes &s) {
  return s.p * s.q > 1024 ? 4 * test::roundoff(numerics) + 2e-6 : 2e-6;
}

void forward(mixmas_numerics numerics, const Sizes &s, Place place = aligned, Place place_of_x = aligned) {
  const Operands o(s, place, place_of_x);
  const Array y(s.batch * s.p * s.q * s.width);
  mixmas_monarch op = {};
  o.fill(op, s);
  op.y = y;
  test::run(op, numerics);
  test::close("y", y, o.want.y, tolerance(numerics, s));
}

enum Wanted { dx = 1, dl = 2, dr = 4, every = 7 };

void backward(mixmas_numerics numerics, const Sizes &s, int wanted, Added added, Place place = aligned,
              Place place_of_x = aligned) {
  const Operands o(s, place, place_of_x);
  const Gradient to_x(s.batch * s.p * s.q * s.width, place_of_x, added);
  const Gradient to_l(s.p * s.q * s.q, place, added), to_r(s.q * s.p * s.p, place, added);
  mixmas_monarch_grad op = {};
  o.fill(op, s);
  op.dy = o.dy;
  if (wanted & dx) op.dx = to_x.target();
  if (wanted & dl) op.dl = to_l.target();
  if (wanted & dr) op.dr = to_r.target();
  test::run(op, numerics);
  if (wanted & dx) to_x.close("dx", o.want.dx, tolerance(numerics, s));
  if (wanted & dl) to_l.close("dl", o.want.dl, tolerance(numerics, s));
  if (wanted & dr) to_r.close("dr", o.want.dr, tolerance(numerics, s));
}

}  // namespace

int main() {
  // batch, p, q, width
  return test::check_main({
      {"tokens, p = q = 2", [](auto n) { forward(n, {9, 2, 2, 40}); }},
      {"features, p = 8, q = 16", [](auto n) { forward(n, {1, 8, 16, 70}); }},
      {"odd blocks", [](auto n) { forward(n, {3, 3, 5, 33}, offset); }},
      {"p above q", [](auto n) { forward(n, {2, 12, 4, 7}); }},
      {"p = 1", [](auto n) { forward(n, {2, 1, 9, 5}); }},
      {"two columns a thread", [](auto n) { forward(n, {264, 2, 3, 62}); }},
      {"four columns a thread", [](auto n) { forward(n, {264, 4, 4, 132}); }},
      {"four columns, x off alignment", [](auto n) { forward(n, {264, 2, 2, 132}, aligned, offset); }},
      {"order 1024", [](auto n) { forward(n, {1, 32, 32, 20}); }},
      {"order 1296, composed", [](auto n) { forward(n, {1, 36, 36, 5}, offset); }},
      {"gradient, p = q = 2", [](auto n) { backward(n, {9, 2, 2, 40}, every, none); }},
      {"gradient, p = 8, q = 16", [](auto n) { backward(n, {1, 8, 16, 70}, every, other); }},
      {"gradient, odd blocks", [](auto n) { backward(n, {3, 3, 5, 33}, every, itself, offset); }},
      {"gradient, p above q", [](auto n) { backward(n, {2, 12, 4, 8}, every, none, aligned, offset); }},
      {"gradient, several tiles a block", [](auto n) { backward(n, {600, 2, 2, 10}, every, itself); }},
      {"gradient, dx", [](auto n) { backward(n, {2, 4, 6, 34}, dx, other); }},
      {"gradient, dl", [](auto n) { backward(n, {2, 4, 6, 34}, dl, none); }},
      {"gradient, dr", [](auto n) { backward(n, {2, 4, 6, 34}, dr, itself); }},
      {"gradient, dx and dr", [](auto n) { backward(n, {2, 4, 6, 34}, dx | dr, none); }},
      {"gradient, nothing wanted", [](auto n) { backward(n, {2, 4, 6, 34}, 0, none); }},
      {"gradient, order 576", [](auto n) { backward(n, {1, 24, 24, 18}, every, none); }},
      {"gradient, order 1050, composed", [](auto n) { backward(n, {1, 30, 35, 5}, every, itself, offset); }},
      {"gradient, composed, dl", [](auto n) { backward(n, {1, 30, 35, 3}, dl, none); }},
  });
}
