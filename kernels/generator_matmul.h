// generator_matmul.h: the matrix products of the two generators of hyper mixing, as operations of matmul.cu. The two
// products have the same shape, and run as one product with a batch of two if the distances between their arrays
// allow it.
#pragma once

#include <cstdint>

#include "composition.h"

namespace mixmas {

// Generators is the number of generators: a tied one plays both roles.
template <class Operation>
int generators(const Operation &op) {
  return op.fc1[0] == op.fc1[1] && op.fc2[0] == op.fc2[1] ? 1 : 2;
}

// GeneratorMatmul is C = plus + act(op(A) op(B)) (gated, if there are gates) for each generator: the arrays of both,
// and the rest of the operation, of which one generator's heads are the inner batch dimension.
struct GeneratorMatmul {
  mixmas_matmul shape;
  const float *a[2], *b[2];
  float *c[2], *pre[2];
  const float *gate[2], *plus[2];
};

// apart returns the distance between two arrays in elements, which is the stride of a batch of the two.
inline int64_t apart(const float *first, const float *second) {
  const auto address = [](const float *p) { return int64_t(reinterpret_cast<uintptr_t>(p)); };
  return (address(second) - address(first)) / int64_t(sizeof(float));
}

// laid_out_as reports whether two arrays, if present, are as far apart as two others.
inline bool laid_out_as(const float *const (&x)[2], int64_t distance) {
  if (!x[0] && !x[1]) return true;
  return x[0] && x[1] && apart(x[0], x[1]) == distance;
}

inline mixmas_matmul matmul_of(const GeneratorMatmul &p, int generator) {
  mixmas_matmul op = p.shape;
  op.batch[0] = 1;
  op.a = p.a[generator], op.b = p.b[generator], op.c = p.c[generator];
  op.pre = p.pre[generator], op.gate = p.gate[generator], op.plus = p.plus[generator];
  return op;
}

// queue queues the operations of the product that are needed (have a C).
inline void queue(Composition &composition, const GeneratorMatmul &p, int generators) {
  const float *const c[2] = {p.c[0], p.c[1]}, *const pre[2] = {p.pre[0], p.pre[1]};
  const int64_t distance = apart(c[0], c[1]);
  if (generators == 2 && c[0] && c[1] && laid_out_as(pre, distance) && laid_out_as(p.gate, distance) &&
      laid_out_as(p.plus, distance)) {
    mixmas_matmul op = matmul_of(p, 0);
    op.batch[0] = 2;
    op.stride_a[0] = apart(p.a[0], p.a[1]), op.stride_b[0] = apart(p.b[0], p.b[1]), op.stride_c[0] = distance;
    composition.queue(op);
    return;
  }
  for (int g = 0; g < generators; ++g)
    if (p.c[g]) composition.queue(matmul_of(p, g));
}

}  // namespace mixmas
