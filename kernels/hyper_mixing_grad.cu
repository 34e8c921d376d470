// hyper_mixing_grad.cu: the gradient of hyper mixing, to x and to the generators.
//
//   H = W1' x,   dH = (W2' dz) . gelu'(H),   dW1 = x dH',   dW2 = dz gelu(H)',   dx = W1 dH     each sample and head
//   dfc2i = dWi' inner_i,  dpre_i = (dWi fc2i) . gelu'(pre_i),  dfc1i = dpre_i' positioned,  dx += dpre_i fc1i
//
// with sums over all rows = batch tokens in the gradients of the generators. FLOPs: 14 rows width tk for mixing
// (hyper_mix.cu), 8 rows width (dk + tk) for both generators. Bytes: x, dz, dx, W1, W2, dW1, dW2, and for each
// generator pre, inner, dpre and its matrices.
//
// The mixing part, dx and dWi, is one launch of hyper_mix.cu. The generators' part are plain matrix products, which
// matmul.cu cuts where the sum over the rows is long, in a fixed order; both generators share a launch wherever their
// arrays are laid out alike. dWi and dpre_i lie in the workspace. Tied generators have one dW = dW1 + dW2.
#include "hyper_mix.h"
#include "hyper_products.h"

namespace mixmas {
namespace {

// Gradient is the operation as launches: mixing, then the products in order.
struct Gradient {
  bool wants_generators;  // any of what follows from dW1 and dW2
  float *dweights[2];
  int count;
  HyperProduct products[4];
  int64_t size;
};

Gradient plan(const mixmas_hyper_mixing_grad &op, float *workspace) {
  const int64_t rows = op.batch * op.tokens, dk = op.width / op.heads, tk = op.hidden / op.heads;
  const int generators = mixmas::generators(op);
  Scratch scratch(workspace);
  Gradient plan = {};
  bool wants_dpre = op.dx.d;
  for (int g = 0; g < generators; ++g) {
    plan.wants_generators = plan.wants_generators || op.dfc2[g].d;
    wants_dpre = wants_dpre || op.dfc1[g].d;
  }
  plan.wants_generators = plan.wants_generators || wants_dpre;
  if (!plan.wants_generators) return plan;

  float *dpre[2] = {};
  for (int g = 0; g < generators; ++g) plan.dweights[g] = scratch.take(rows * op.hidden);
  for (int g = 0; g < generators && wants_dpre; ++g) dpre[g] = scratch.take(rows * op.width);
  plan.size = scratch.size();

  // A product of all rows with a matrix of each head, or of two matrices of all rows.
  const auto add = [&](int64_t m, int64_t n, int64_t k) -> HyperProduct & {
    HyperProduct &product = plan.products[plan.count++];
    product.shape.m = int(m), product.shape.n = int(n), product.shape.k = int(k);
    product.shape.batch[1] = int(op.heads);
    return product;
  };
  const auto lines_a = [&](HyperProduct &p, int64_t features) {
    p.shape.lda = int(op.heads * features), p.shape.stride_a[1] = features;
  };
  const auto lines_b = [&](HyperProduct &p, int64_t features) {
    p.shape.ldb = int(op.heads * features), p.shape.stride_b[1] = features;
  };
  const auto lines_c = [&](HyperProduct &p, int64_t features) {
    p.shape.ldc = int(op.heads * features), p.shape.stride_c[1] = features;
  };
  const auto weights_b = [&](HyperProduct &p, int64_t outputs) {
    p.shape.ldb = int(dk), p.shape.stride_b[1] = outputs * dk;
  };
  const auto weights_c = [&](HyperProduct &p, int64_t outputs) {
    p.shape.ldc = int(dk), p.shape.stride_c[1] = outputs * dk;
  };

  if (op.dfc2[0].d || (generators == 2 && op.dfc2[1].d)) {
    HyperProduct &dfc2 = add(tk, dk, rows);
    dfc2.shape.transpose_a = 1;
    lines_a(dfc2, tk), lines_b(dfc2, dk), weights_c(dfc2, tk);
    for (int g = 0; g < generators; ++g) {
      dfc2.a[g] = plan.dweights[g], dfc2.b[g] = op.inner[g];
      dfc2.c[g] = op.dfc2[g].d, dfc2.plus[g] = op.dfc2[g].plus;
    }
  }
  if (!wants_dpre) return plan;

  HyperProduct &inner = add(rows, dk, tk);
  inner.shape.activation = MIXMAS_GELU;
  lines_a(inner, tk), weights_b(inner, tk), lines_c(inner, dk);
  for (int g = 0; g < generators; ++g) {
    inner.a[g] = plan.dweights[g], inner.b[g] = op.fc2[g];
    inner.c[g] = dpre[g], inner.gate[g] = op.pre[g];
  }
  if (op.dfc1[0].d || (generators == 2 && op.dfc1[1].d)) {
    HyperProduct &dfc1 = add(dk, dk, rows);
    dfc1.shape.transpose_a = 1;
    lines_a(dfc1, dk), lines_b(dfc1, dk), weights_c(dfc1, dk);
    for (int g = 0; g < generators; ++g) {
      dfc1.a[g] = dpre[g], dfc1.b[g] = op.positioned;
      dfc1.c[g] = op.dfc1[g].d, dfc1.plus[g] = op.dfc1[g].plus;
    }
  }
  if (op.dx.d) {
    HyperProduct &dx = add(rows, dk, dk);
    lines_a(dx, dk), weights_b(dx, dk), lines_c(dx, dk);
    for (int g = 0; g < generators; ++g) {
      dx.a[g] = dpre[g], dx.b[g] = op.fc1[g];
      dx.c[g] = op.dx.d, dx.plus[g] = op.dx.d;  // what mixing left there
    }
  }
  return plan;
}

bool valid(const mixmas_hyper_mixing_grad &op) {
  return op.heads > 0 && op.batch > 0 && op.tokens > 0 && op.width > 0 && op.hidden > 0 && op.width % op.heads == 0 &&
         op.hidden % op.heads == 0 && op.batch * op.tokens <= INT32_MAX && op.width <= INT32_MAX &&
         op.hidden <= INT32_MAX && op.positioned && op.pre[0] && op.inner[0] && op.weights[0];
}

}  // namespace

int64_t workspace_size(const mixmas_hyper_mixing_grad &op, mixmas_numerics numerics) {
  if (!valid(op)) return 0;
  // Only distances between arrays matter: any address will do for the workspace.
  const Gradient gradient = plan(op, const_cast<float *>(op.x));
  int64_t products = 0;
  for (int i = 0; i < gradient.count; ++i)
    each_product(gradient.products[i], generators(op), [&](const mixmas_matmul &product) {
      const int64_t size = workspace_size(product, numerics);
      products = size > products ? size : products;
      return cudaSuccess;
    });
  return gradient.size + products;
}

cudaError_t run(const Context &context, const mixmas_hyper_mixing_grad &op) {
  if (!valid(op)) return cudaErrorInvalidValue;
  const Gradient gradient = plan(op, context.workspace);
  if (!gradient.wants_generators) return cudaSuccess;
  const int generators = mixmas::generators(op), dk = int(op.width / op.heads), tk = int(op.hidden / op.heads);

  HyperMix dweights = {};
  dweights.left[0] = op.x, dweights.left[1] = op.dz;
  dweights.right[0] = op.weights[0], dweights.right[1] = op.weights[generators - 1];
  dweights.slopes = gradient.dweights[0], dweights.values = gradient.dweights[generators - 1];
  if (generators == 1) dweights.plus = dweights.values;
  dweights.inner = dk, dweights.outer = tk;
  HyperMix dx = {};
  dx.left[0] = dweights.right[0], dx.left[1] = dweights.right[1];
  dx.right[0] = op.x, dx.right[1] = op.dz;
  dx.slopes = op.dx.d, dx.plus = op.dx.plus;
  dx.inner = tk, dx.outer = dk;
  cudaError_t status = run_hyper_mix(context, dweights, op.dx.d ? &dx : nullptr, op.batch, op.tokens, op.heads);

  Context inner = context;
  inner.workspace += gradient.size;
  const auto run_product = [&](const mixmas_matmul &product) { return run(inner, product); };
  for (int i = 0; i < gradient.count && status == cudaSuccess; ++i)
    status = each_product(gradient.products[i], generators, run_product);
  return status;
}

}  // namespace mixmas
