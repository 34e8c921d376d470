// loss_test.cpp: the losses and their gradients against loss_simple.h.
#include "loss_simple.h"
#include "shifted.h"

namespace {

using test::input;
using test::output;
using test::Shifted;

struct Shape {
  int64_t rows, classes;
};

// One block, and several.
const Shape shapes[] = {{1, 1}, {1, 2}, {3, 10}, {37, 33}, {5, 500}, {40, 300}};

// Logits of ordinary sizes, and such that all exponentials but one vanish.
const float scales[] = {1, 100, 1e4};

void cross_entropy_of(const Shifted &logits, const Shifted &labels, const Shape &s, mixmas_numerics numerics) {
  const auto want = simple::cross_entropy(logits.before(), labels.before(), s.rows, s.classes);
  for (bool with_delta : {false, true}) {
    const Shifted loss = output(1, 1), delta = output(s.rows * s.classes);
    test::run(mixmas_cross_entropy{logits, labels, loss, delta.when(with_delta), s.rows, s.classes}, numerics);
    loss.close("loss", {want.loss}, 2e-6);
    if (with_delta) delta.close("delta", want.delta, 2e-6);
  }
}

Shifted classes_of(const Shape &s) {
  std::vector<float> labels;
  for (int64_t i = 0; i < s.rows; ++i) labels.push_back(float(test::below(int(s.classes)) - 1));
  return Shifted(labels, 1);
}

void cross_entropy(mixmas_numerics numerics) {
  for (const Shape &s : shapes)
    for (float scale : scales) cross_entropy_of(input(s.rows * s.classes, 1, scale), classes_of(s), s, numerics);
}

void soft_cross_entropy_of(const Shifted &logits, const Shifted &targets, const Shape &s, mixmas_numerics numerics) {
  const auto want = simple::soft_cross_entropy(logits.before(), targets.before(), s.rows, s.classes);
  for (bool with_delta : {false, true}) {
    const Shifted loss = output(1, 1), delta = output(s.rows * s.classes);
    test::run(mixmas_soft_cross_entropy{logits, targets, loss, delta.when(with_delta), s.rows, s.classes}, numerics);
    loss.close("loss", {want.loss}, 2e-6);
    if (with_delta) delta.close("delta", want.delta, 2e-6);
  }
}

// Some targets are 0, and rows have different sums.
void soft_cross_entropy(mixmas_numerics numerics) {
  for (const Shape &s : shapes)
    for (float scale : scales) {
      std::vector<float> targets;
      for (int64_t i = 0; i < s.rows * s.classes; ++i) targets.push_back(float(test::below(4) - 1) / float(s.classes));
      soft_cross_entropy_of(input(s.rows * s.classes, 1, scale), Shifted(targets, 1), s, numerics);
    }
}

// one_hot has the weight for the label of each row and 0 for the other classes.
Shifted one_hot(const Shifted &labels, const Shape &s, float weight) {
  std::vector<float> targets(s.rows * s.classes);
  for (int64_t row = 0; row < s.rows; ++row) targets[row * s.classes + int64_t(labels.before()[row])] = weight;
  return Shifted(targets);
}

// What is not a number shows in its own row's gradient and in the loss.
void not_numbers(mixmas_numerics numerics) {
  for (bool in_logits : {false, true}) {
    std::vector<float> z = test::narrow(input(3 * 4).before()), t(3 * 4, 0.25f);
    (in_logits ? z : t)[5] = NAN;
    const Shifted logits(z), targets(t), loss = output(1), delta = output(3 * 4);
    test::run(mixmas_soft_cross_entropy{logits, targets, loss, delta, 3, 4}, numerics);
    if (!std::isnan(loss.after()[0])) test::fail("the loss is %g, want NaN", loss.after()[0]);
    for (int i = 0; i < 12; ++i)
      if (std::isnan(delta.after()[i]) != (i / 4 == 1)) test::fail("delta[%d] is %g", i, delta.after()[i]);
  }
}

// Losses near 0 keep their precision: the label's logit is the largest by far.
void confident(mixmas_numerics numerics) {
  const Shape s = {20, 6};
  const Shifted labels = classes_of(s);
  std::vector<float> logits = test::narrow(input(s.rows * s.classes).before());
  for (int64_t row = 0; row < s.rows; ++row) logits[row * s.classes + int64_t(labels.before()[row])] += 25;
  cross_entropy_of(Shifted(logits), labels, s, numerics);
  for (float weight : {1.0f, 0.3f, 7.0f}) soft_cross_entropy_of(Shifted(logits), one_hot(labels, s, weight), s, numerics);
}

void wrong_labels(mixmas_numerics numerics) {
  for (float label : {-1.0f, 4.0f, 1.5f, 1e20f, NAN}) {
    const Shifted logits = input(3 * 4), labels(std::vector<float>{2, label, 0});
    const Shifted loss = output(1), delta = output(3 * 4);
    test::run(mixmas_cross_entropy{logits, labels, loss, delta, 3, 4}, numerics);
    if (!std::isnan(loss.after()[0])) test::fail("label %g has loss %g, want NaN", label, loss.after()[0]);
    for (int i = 0; i < 12; ++i)
      if (std::isnan(delta.after()[i]) != (i / 4 == 1))
        test::fail("label %g: delta[%d] is %g", label, i, delta.after()[i]);
  }
}

void bce(mixmas_numerics numerics) {
  for (const Shape &s : shapes)
    for (float scale : scales)
      for (bool weighted : {false, true})
        for (bool with_delta : {false, true}) {
          const int64_t n = s.rows * s.classes;
          std::vector<float> truth(n), weights(s.classes);
          for (float &y : truth) y = float(test::below(2) - 1);
          for (float &w : weights) w = float(test::below(5));
          const Shifted logits = input(n, 0, scale), labels(truth), pos_weight(weights);
          const Shifted loss = output(1), delta = output(n, 1);
          const std::vector<double> ones(s.classes, 1);
          const auto want =
              simple::bce(logits.before(), labels.before(), weighted ? pos_weight.before() : ones, s.rows, s.classes);
          test::run(mixmas_bce{logits, labels, pos_weight.when(weighted), loss, delta.when(with_delta), s.rows,
                                s.classes},
                     numerics);
          loss.close("loss", {want.loss}, 2e-6);
          if (with_delta) delta.close("delta", want.delta, 2e-6);
        }
}

}  // namespace

int main() {
  return test::check_main({{"cross_entropy", cross_entropy},
                            {"confident cross_entropy", confident},
                            {"wrong labels", wrong_labels},
                            {"soft cross_entropy", soft_cross_entropy},
                            {"not numbers", not_numbers},
                            {"bce", bce}});
}
