// generated_mlp.h: the generated MLP of hyper mixing and its gradients, given the generated weights. All are one kernel.
#pragma once

#include "operations.h"

namespace mixmas {

// GeneratedMlp is, for each sample and head, with matrices of as many rows as there are tokens,
//
//   P = left[0]' right[0],   Q = left[1]' right[1]     (inner x outer: sums over the tokens)
//   values = left[1] gelu(P)                           (tokens x outer: sums over inner)
//   slopes = plus + left[0] (Q . gelu'(P))
//
//   left = (W1, W2), right = (x, -)      values = z
//   left = (W1, W2), right = (x, dz)     slopes = dx
//   left = (x, dz),  right = (W1, W2)    slopes = dW1, values = dW2
//
// values or slopes may be NULL if they are not needed. They may be the same array, and so may plus: then they are
// summed. Heads are side by side in the rows: left (batch, tokens, heads * inner), the others (batch, tokens, heads *
// outer).
struct GeneratedMlp {
  const float *left[2], *right[2];
  float *values, *slopes;
  const float *plus;
  int inner, outer;
};

// run_generated_mlp runs one or two of them (second may be NULL) in one launch.
cudaError_t run_generated_mlp(const Context &, const GeneratedMlp &first, const GeneratedMlp *second, int64_t batch,
                              int64_t tokens, int64_t heads);

}  // namespace mixmas
