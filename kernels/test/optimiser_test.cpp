// optimiser_test.cpp: updates against optimiser_simple.h, several in a row, each with its own learning rate.
#include "optimiser_simple.h"
#include "shifted.h"

namespace {

using test::input;
using test::Shifted;

const int64_t sizes[] = {1, 4, 1023, 1030};
const double tolerance = 1e-6;

// State is the parameters, gradients and moments on the device, and what they should be.
struct State {
  int64_t n;
  Shifted p, g, m, v;
  std::vector<simple::Parameter> want;

  State(int64_t n, int shift) : n(n), p(input(n, shift)), g(input(n, 1)), m(zeros(n, shift)), v(zeros(n)) {
    for (double value : p.before()) want.push_back({value, 0, 0});
  }
  static Shifted zeros(int64_t n, int shift = 0) { return Shifted(std::vector<float>(n, 0), shift); }

  template <class Update>
  void update(const Update &one) {
    for (int64_t i = 0; i < n; ++i) want[i] = one(want[i], g.before()[i]);
  }
  void close(const char *what, const Shifted &array, double simple::Parameter::*field) const {
    std::vector<double> values;
    for (const simple::Parameter &a : want) values.push_back(a.*field);
    array.close(what, values, tolerance);
  }
};

mixmas_step step_of(int update) { return {0.1 / update, 0, update, 0}; }

void adam(mixmas_numerics numerics) {
  for (int64_t n : sizes)
    for (int shift : {0, 1})
      for (int kind = 0; kind < 3; ++kind) {
        State s(n, shift);
        const mixmas_adam op = {s.p, s.g, s.m, s.v, n, 0.9, 0.999, 1e-8, kind ? 0.1 : 0, kind == 2};
        for (int update : {1, 2, 3, 1000}) {
          s.update([&](simple::Parameter a, double g) { return simple::adam(a, g, op, step_of(update)); });
          test::run(op, numerics, step_of(update));
        }
        s.close("parameters", s.p, &simple::Parameter::p);
        s.close("moments", s.m, &simple::Parameter::m);
        s.close("variances", s.v, &simple::Parameter::v);
      }
}

void sgd(mixmas_numerics numerics) {
  for (int64_t n : sizes)
    for (int shift : {0, 1})
      for (bool momentum : {false, true})
        for (double decay : {0.0, 0.1}) {
          State s(n, shift);
          const mixmas_sgd op = {s.p, s.g, s.v.when(momentum), n, momentum ? 0.9 : 0, decay};
          for (int update : {1, 2, 3}) {
            s.update([&](simple::Parameter a, double g) { return simple::sgd(a, g, op, step_of(update)); });
            test::run(op, numerics, step_of(update));
          }
          s.close("parameters", s.p, &simple::Parameter::p);
          if (momentum) s.close("velocity", s.v, &simple::Parameter::v);
        }
}

// The first update of SGD does not read the velocity, whatever it holds.
void first_velocity(mixmas_numerics numerics) {
  const Shifted p = input(5), g = input(5), velocity = test::output(5);
  test::run(mixmas_sgd{p, g, velocity, 5, 0.9, 0}, numerics, step_of(1));
  velocity.close("velocity", g.before(), 0);
}

}  // namespace

int main() { return test::check_main({{"adam", adam}, {"sgd", sgd}, {"first velocity", first_velocity}}); }
