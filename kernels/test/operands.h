// operands.h: operands for the tests of the fused kernels, at addresses that allow vector loads and at others, and
// targets of gradients.
#pragma once

#include "check.h"

namespace operands {

// Where a buffer begins: at a multiple of 16 bytes, or 4 bytes past one, as a parameter may.
enum Place { aligned, offset };

// What the gradients are added to: nothing, another buffer, or what is in the target.
enum Added { none, other, itself };

// Parameter are n random values.
class Parameter {
 public:
  Parameter(int64_t n, float scale, Place place) : all_(test::random(n + place, scale)), place_(place) {}
  operator float *() const { return all_ + place_; }
  std::vector<double> before() const {
    std::vector<double> values = all_.before();
    return {values.begin() + place_, values.end()};
  }

 private:
  test::Array all_;
  Place place_;
};

// Gradient is a target, and what it starts from.
class Gradient {
 public:
  Gradient(int64_t n, Place place, Added added)
      : n_(n), place_(place), added_(added), all_(test::random(n + place + 1)), plus_(test::random(n + place)) {}

  mixmas_target target() const {
    float *d = all_ + place_;
    return {d, added_ == none ? nullptr : added_ == itself ? d : plus_ + place_};
  }

  // close compares the target with the gradient that is wanted, and its neighbours with what they were.
  void close(const char *what, const std::vector<double> &gradient, double tolerance) const {
    std::vector<double> want = all_.before(), plus = plus_.before();
    for (int64_t i = 0; i < n_; ++i) {
      double &value = want[place_ + i];
      value = gradient[i] + (added_ == none ? 0 : added_ == itself ? value : plus[place_ + i]);
    }
    test::close(what, all_, want, tolerance);
  }

 private:
  int64_t n_;
  Place place_;
  Added added_;
  test::Array all_, plus_;
};

// Kept is what of the hidden layer is given to the gradient of an MLP, and what it computes again.
enum Kept { nothing, pre_only, hidden_only, both };

// MlpGradients are the targets of the gradient of an MLP of two layers; bit i of wanted says whether the i-th of them is.
class MlpGradients {
 public:
  // inputs, inner and outputs are the sizes of its input and of the two biases.
  MlpGradients(int64_t inputs, int64_t inner, int64_t outputs, Place place, Added added, unsigned wanted)
      : wanted_(wanted),
        dnormed_(inputs, aligned, added),
        dw1_(inner * outputs, place, added),
        db1_(inner, place, added),
        dw2_(outputs * inner, place, added),
        db2_(outputs, place, added) {}

  template <class Operation>
  void target(Operation *op) const {
    if (wanted_ & 1) op->dnormed = dnormed_.target();
    if (wanted_ & 2) op->dw1 = dw1_.target();
    if (wanted_ & 4) op->db1 = db1_.target();
    if (wanted_ & 8) op->dw2 = dw2_.target();
    if (wanted_ & 16) op->db2 = db2_.target();
  }

  template <class Want>
  void close(const Want &want, double tolerance) const {
    if (wanted_ & 1) dnormed_.close("dnormed", want.dnormed, tolerance);
    if (wanted_ & 2) dw1_.close("dW1", want.dw1, tolerance);
    if (wanted_ & 4) db1_.close("db1", want.db1, tolerance);
    if (wanted_ & 8) dw2_.close("dW2", want.dw2, tolerance);
    if (wanted_ & 16) db2_.close("db2", want.db2, tolerance);
  }

 private:
  unsigned wanted_;
  Gradient dnormed_, dw1_, db1_, dw2_, db2_;
};

}  // namespace operands
