// mlp_grad.h: the hidden layer of the gradients of MLPs that are composed of other operations.
#pragma once

#include "composition.h"
#include "warp_tile.cuh"

namespace mixmas {
namespace mlp {

// Hidden are the values of the hidden layer, n elements, that a gradient takes: those that were kept, and scratch for others.
struct Hidden {
  bool wants_da, makes_h, makes_pre;
  float *new_pre, *new_h, *da;
  const float *pre, *h;

  template <class Gradient>
  Hidden(Composition &c, const Gradient &op, int64_t n)
      : wants_da(op.dnormed.d != nullptr || op.dw1.d != nullptr || op.db1.d != nullptr),
        makes_h(op.dw2.d != nullptr && op.hidden_values == nullptr),
        makes_pre(op.pre == nullptr && (wants_da || makes_h)),
        new_pre(makes_pre ? c.scratch(n) : nullptr),
        new_h(makes_h ? c.scratch(n) : nullptr),
        da(wants_da ? c.scratch(n) : nullptr),
        pre(op.pre != nullptr ? op.pre : new_pre),
        h(makes_h ? new_h : op.hidden_values) {}

  // make queues what makes the values that were not kept; product gives pre but for its target.
  void make(Composition &c, mixmas_matmul product, int64_t n) const {
    if (makes_pre) {
      product.c = makes_h ? new_h : new_pre;
      product.activation = makes_h ? MIXMAS_GELU : MIXMAS_IDENTITY;
      product.pre = makes_h ? new_pre : nullptr;
      c.queue(product);
    } else if (makes_h) {
      mixmas_map map = {};
      map.x = pre, map.y = new_h, map.n = n, map.activation = MIXMAS_GELU;
      c.queue(map);
    }
  }
};

}  // namespace mlp
}  // namespace mixmas
