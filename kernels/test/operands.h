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

}  // namespace operands
