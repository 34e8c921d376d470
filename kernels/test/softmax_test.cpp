// softmax_test.cpp: the softmax and its gradient against softmax_simple.h.
#include "shifted.h"
#include "softmax_simple.h"

namespace {

using test::input;
using test::output;
using test::Shifted;

struct Shape {
  int64_t batch, repeat, width;
  int64_t rows() const { return batch * repeat; }
  int64_t size() const { return batch * repeat * width; }
};

// Around packs and warps; rows of a warp, and of a block; masks of one row and of several.
const Shape shapes[] = {{1, 1, 1},  {3, 1, 5},  {3, 3, 4},    {5, 4, 33},   {2, 6, 128},
                        {5, 1, 260}, {2, 1, 1024}, {1, 3, 1028}, {2, 1, 2051}, {7, 50, 3}};

// Logits of ordinary sizes, and such that all exponentials but one vanish.
const float scales[] = {1, 100, 1e4};

// mask_of leaves out some elements of each sample, all of the last one's, and none of the first one's where there are more.
Shifted mask_of(const Shape &s, int shift) {
  std::vector<float> mask(s.batch * s.width);
  for (int64_t i = 0; i < s.batch * s.width; ++i) {
    const int64_t sample = i / s.width;
    mask[i] = sample == s.batch - 1 ? 0.0f : sample == 0 ? 1.0f : float(test::below(3) - 1) * 0.5f;
  }
  return Shifted(mask, shift);
}

void forward(mixmas_numerics numerics) {
  for (const Shape &s : shapes)
    for (float scale : scales)
      for (int shift : {0, 1}) {
        const Shifted x = input(s.size(), shift, scale), y = output(s.size(), shift);
        test::run(mixmas_softmax{x, nullptr, y, s.batch, s.repeat, s.width}, numerics);
        y.close("y", simple::softmax(x.before(), {}, s.batch, s.repeat, s.width), 1e-6);
        const Shifted mask = mask_of(s, shift), masked = output(s.size());
        test::run(mixmas_softmax{x, mask, masked, s.batch, s.repeat, s.width}, numerics);
        masked.close("masked y", simple::softmax(x.before(), mask.before(), s.batch, s.repeat, s.width), 1e-6);
      }
}

// What the mask leaves out may hold anything, and is exactly 0 in y.
void left_out(mixmas_numerics numerics) {
  const Shape s = {2, 3, 7};
  for (float value : {NAN, INFINITY, -INFINITY, 1e30f}) {
    std::vector<float> mask(s.batch * s.width, 1), values = test::narrow(input(s.size()).before());
    for (int64_t i : {2, 3, 6, 7, 13}) mask[i] = 0;
    auto counts = [&](int64_t i) { return mask[i / s.width / s.repeat * s.width + i % s.width] != 0; };
    for (int64_t i = 0; i < s.size(); ++i)
      if (!counts(i)) values[i] = value;
    const Shifted x(values), y = output(s.size());
    test::run(mixmas_softmax{x, Shifted(mask), y, s.batch, s.repeat, s.width}, numerics);
    y.close("y", simple::softmax(x.before(), Shifted(mask).before(), s.batch, s.repeat, s.width), 1e-6);
    const std::vector<float> after = y.after();
    for (int64_t i = 0; i < s.size(); ++i)
      if (!counts(i) && after[i] != 0) test::fail("element %d is left out, but its y is %g", int(i), after[i]);
  }
}

void gradient(mixmas_numerics numerics) {
  for (const Shape &s : shapes)
    for (int shift : {0, 1})
      for (bool with_plus : {false, true}) {
        const Shifted mask = mask_of(s, 0), x = input(s.size());
        const Shifted y(test::narrow(simple::softmax(x.before(), mask.before(), s.batch, s.repeat, s.width)), shift);
        const Shifted dy = input(s.size()), plus = input(s.size()), dx = output(s.size(), shift);
        auto want = simple::softmax_grad(y.before(), dy.before(), s.rows(), s.width);
        for (int64_t i = 0; i < s.size() && with_plus; ++i) want[i] += plus.before()[i];
        test::run(mixmas_softmax_grad{y, dy, plus.when(with_plus), dx, s.rows(), s.width}, numerics);
        dx.close("dx", want, 2e-6, 1);
      }
}

void in_place(mixmas_numerics numerics) {
  for (const Shape &s : {Shape{2, 3, 40}, Shape{2, 2, 1100}}) {
    const Shifted x = input(s.size()), mask = mask_of(s, 0);
    const auto y = simple::softmax(x.before(), mask.before(), s.batch, s.repeat, s.width);
    test::run(mixmas_softmax{x, mask, x, s.batch, s.repeat, s.width}, numerics);
    x.close("y in place of x", y, 1e-6);
    for (int target = 0; target < 3; ++target) {
      const Shifted operands[] = {Shifted(test::narrow(y)), input(s.size()), input(s.size())};
      auto want = simple::softmax_grad(operands[0].before(), operands[1].before(), s.rows(), s.width);
      for (int64_t i = 0; i < s.size(); ++i) want[i] += operands[2].before()[i];
      const Shifted &dx = operands[target];
      test::run(mixmas_softmax_grad{operands[0], operands[1], operands[2], dx, s.rows(), s.width}, numerics);
      dx.close("dx in place of an operand", want, 2e-6, 1);
    }
  }
}

}  // namespace

int main() {
  return test::check_main(
      {{"forward", forward}, {"left out", left_out}, {"gradient", gradient}, {"in place", in_place}});
}
