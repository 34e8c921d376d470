// hyper_mixing_grad.cu: the gradient of hyper mixing, to x and to the generators.
//
//   H = W1' x,   dH = (W2' dz) . gelu'(H),   dW1 = x dH',   dW2 = dz gelu(H)',   dx = W1 dH     each sample and head
//   dfc2i = dWi' inner_i,  dpre_i = (dWi fc2i) . gelu'(pre_i),  dfc1i = dpre_i' positioned,  dx += dpre_i fc1i
//
// with sums over all rows = batch tokens in the gradients of the generators. FLOPs: 14 rows width tk for mixing
// (generated_mlp.cu), 8 rows width (dk + tk) for both generators. Bytes: x, dz, dx, W1, W2, dW1, dW2, and for each
// generator pre, inner, dpre and its matrices.
//
// The mixing part, dx and dWi, is one launch of generated_mlp.cu. The generators' part are plain matrix products,
// which matmul.cu cuts if the sum over the rows is long, in a fixed order; both generators share a launch if their
// arrays are laid out alike. dWi and dpre_i lie in the workspace. Tied generators have one dW = dW1 + dW2.
#include "generated_mlp.h"
#include "generator_matmul.h"

namespace mixmas {
namespace {

// compose runs the operation as one launch of generated_mlp.cu, then the products in order.
void compose(Composition &c, const mixmas_hyper_mixing_grad &op) {
  const int64_t rows = op.batch * op.tokens, dk = op.width / op.heads, tk = op.hidden / op.heads;
  const int generators = mixmas::generators(op);
  const auto any = [&](const mixmas_target(&target)[2]) { return target[0].d || (generators == 2 && target[1].d); };
  const bool wants_dpre = op.dx.d || any(op.dfc1);
  if (!wants_dpre && !any(op.dfc2)) return;

  float *dweights[2] = {}, *dpre[2] = {};
  for (int g = 0; g < generators; ++g) dweights[g] = c.scratch(rows * op.hidden);
  for (int g = 0; g < generators && wants_dpre; ++g) dpre[g] = c.scratch(rows * op.width);

  GeneratedMlp to_weights = {};
  to_weights.left[0] = op.x, to_weights.left[1] = op.dz;
  to_weights.right[0] = op.weights[0], to_weights.right[1] = op.weights[generators - 1];
  to_weights.slopes = dweights[0], to_weights.values = dweights[generators - 1];
  if (generators == 1) to_weights.plus = to_weights.values;
  to_weights.inner = int(dk), to_weights.outer = int(tk);
  GeneratedMlp to_x = {};
  to_x.left[0] = to_weights.right[0], to_x.left[1] = to_weights.right[1];
  to_x.right[0] = op.x, to_x.right[1] = op.dz;
  to_x.slopes = op.dx.d, to_x.plus = op.dx.plus;
  to_x.inner = int(tk), to_x.outer = int(dk);
  c.then([&](const Context &context) {
    return run_generated_mlp(context, to_weights, op.dx.d ? &to_x : nullptr, op.batch, op.tokens, op.heads);
  });

  // A product of all rows with a matrix of each head, or of two matrices of all rows.
  const auto matmul = [&](int64_t m, int64_t n, int64_t k) {
    GeneratorMatmul p = {};
    p.shape.m = int(m), p.shape.n = int(n), p.shape.k = int(k);
    p.shape.batch[1] = int(op.heads);
    return p;
  };
  const auto lines_a = [&](GeneratorMatmul &p, int64_t features) {
    p.shape.lda = int(op.heads * features), p.shape.stride_a[1] = features;
  };
  const auto lines_b = [&](GeneratorMatmul &p, int64_t features) {
    p.shape.ldb = int(op.heads * features), p.shape.stride_b[1] = features;
  };
  const auto lines_c = [&](GeneratorMatmul &p, int64_t features) {
    p.shape.ldc = int(op.heads * features), p.shape.stride_c[1] = features;
  };
  const auto weights_b = [&](GeneratorMatmul &p, int64_t outputs) {
    p.shape.ldb = int(dk), p.shape.stride_b[1] = outputs * dk;
  };
  const auto weights_c = [&](GeneratorMatmul &p, int64_t outputs) {
    p.shape.ldc = int(dk), p.shape.stride_c[1] = outputs * dk;
  };

  if (any(op.dfc2)) {
    GeneratorMatmul dfc2 = matmul(tk, dk, rows);
    dfc2.shape.transpose_a = 1;
    lines_a(dfc2, tk), lines_b(dfc2, dk), weights_c(dfc2, tk);
    for (int g = 0; g < generators; ++g) {
      dfc2.a[g] = dweights[g], dfc2.b[g] = op.inner[g];
      dfc2.c[g] = op.dfc2[g].d, dfc2.plus[g] = op.dfc2[g].plus;
    }
    queue(c, dfc2, generators);
  }
  if (!wants_dpre) return;

  GeneratorMatmul inner = matmul(rows, dk, tk);
  inner.shape.activation = MIXMAS_GELU;
  lines_a(inner, tk), weights_b(inner, tk), lines_c(inner, dk);
  for (int g = 0; g < generators; ++g) {
    inner.a[g] = dweights[g], inner.b[g] = op.fc2[g];
    inner.c[g] = dpre[g], inner.gate[g] = op.pre[g];
  }
  queue(c, inner, generators);
  if (any(op.dfc1)) {
    GeneratorMatmul dfc1 = matmul(dk, dk, rows);
    dfc1.shape.transpose_a = 1;
    lines_a(dfc1, dk), lines_b(dfc1, dk), weights_c(dfc1, dk);
    for (int g = 0; g < generators; ++g) {
      dfc1.a[g] = dpre[g], dfc1.b[g] = op.positioned;
      dfc1.c[g] = op.dfc1[g].d, dfc1.plus[g] = op.dfc1[g].plus;
    }
    queue(c, dfc1, generators);
  }
  if (op.dx.d) {
    GeneratorMatmul dx = matmul(rows, dk, dk);
    lines_a(dx, dk), weights_b(dx, dk), lines_c(dx, dk);
    for (int g = 0; g < generators; ++g) {
      dx.a[g] = dpre[g], dx.b[g] = op.fc1[g];
      dx.c[g] = op.dx.d, dx.plus[g] = op.dx.d;  // what mixing left there
    }
    queue(c, dx, generators);
  }
}

bool valid(const mixmas_hyper_mixing_grad &op) {
  return op.heads > 0 && op.batch > 0 && op.tokens > 0 && op.width > 0 && op.hidden > 0 && op.width % op.heads == 0 &&
         op.hidden % op.heads == 0 && op.batch * op.tokens <= INT32_MAX && op.width <= INT32_MAX &&
         op.hidden <= INT32_MAX && op.positioned && op.pre[0] && op.inner[0] && op.weights[0];
}

}  // namespace

int64_t workspace_size(const mixmas_hyper_mixing_grad &op, mixmas_numerics numerics) {
  if (!valid(op)) return 0;
  Composition composition(numerics);
  compose(composition, op);
  return composition.needed();
}

cudaError_t run(const Context &context, const mixmas_hyper_mixing_grad &op) {
  if (!valid(op)) return cudaErrorInvalidValue;
  Composition composition(context);
  compose(composition, op);
  return composition.failed();
}

}  // namespace mixmas
