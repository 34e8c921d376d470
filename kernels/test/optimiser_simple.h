// optimiser_simple.h: the updates of optimiser.cu, one parameter after the other.
#pragma once

#include <cmath>
#include <vector>

#include "mixmas.h"

namespace simple {

// Parameter is one parameter and what its optimiser keeps: Adam's two moments, or the velocity.
struct Parameter {
  double p, m, v;
};

inline Parameter adam(Parameter a, double g, const mixmas_adam &op, const mixmas_step &step) {
  const double beta1 = float(op.beta1), beta2 = float(op.beta2);  // as the device rounds them
  if (!op.decoupled) g += op.weight_decay * a.p;
  a.m = beta1 * a.m + (1 - beta1) * g;
  a.v = beta2 * a.v + (1 - beta2) * g * g;
  const double m = a.m / (1 - std::pow(beta1, step.update)), v = a.v / (1 - std::pow(beta2, step.update));
  if (op.decoupled) a.p -= step.learning_rate * op.weight_decay * a.p;
  a.p -= step.learning_rate * m / (std::sqrt(v) + op.eps);
  return a;
}

inline Parameter sgd(Parameter a, double g, const mixmas_sgd &op, const mixmas_step &step) {
  g += op.weight_decay * a.p;
  a.v = op.velocity && step.update > 1 ? op.momentum * a.v + g : g;
  a.p -= step.learning_rate * a.v;
  return a;
}

}  // namespace simple
