// optimiser.cu: one update of all parameters, in one launch.
//
//   adam   d = g + L2 p; m = beta1 m + (1 - beta1) d; v = beta2 v + (1 - beta2) d²
//          p = p (1 - decay) - rate m / (sqrt(v) root + eps)
//          rate = learning rate / (1 - beta1^t), root = 1 / sqrt(1 - beta2^t)
//          decoupled: decay = learning rate times weight decay and L2 = 0, else decay = 0 and L2 = weight decay
//          28 bytes and 14 FLOPs a parameter
//   sgd    d = g + weight decay p; v = momentum v + d, or d at the first update; p = p - learning rate v
//          20 bytes and 6 FLOPs a parameter, 12 bytes without momentum
//
// Limited by memory: a thread moves packs of 4 neighbouring elements. The learning rate and the number t of the
// update are in device memory, so that a captured graph can be replayed; a thread of each block computes the update's
// scalars from them in float64, as nn/cpu does, and each block has many packs, so that this costs little.
#include <algorithm>

#include "operations.h"
#include "pack.cuh"

namespace mixmas {
namespace {

constexpr int THREADS = 256;
constexpr int64_t MAX_BLOCKS = 1056;  // eight for each multiprocessor of a large GPU

struct AdamScalars {
  float rate, root, decay, l2;
};

__global__ __launch_bounds__(THREADS) void adam(const mixmas_adam op, const mixmas_step *step, bool packable) {
  // The corrections use the rounded decay rates, since 1 - beta2 of the rounded rate is off by 1e-5.
  const float beta1 = float(op.beta1), beta2 = float(op.beta2), eps = float(op.eps);
  __shared__ AdamScalars scalars;
  if (threadIdx.x == 0) {
    const double update = step->update, learning_rate = step->learning_rate;
    scalars.rate = float(learning_rate / (1 - pow(double(beta1), update)));
    scalars.root = float(1 / sqrt(1 - pow(double(beta2), update)));
    scalars.decay = op.decoupled ? float(learning_rate * op.weight_decay) : 0.0f;
    scalars.l2 = op.decoupled ? 0.0f : float(op.weight_decay);
  }
  __syncthreads();
  const AdamScalars s = scalars;

  const int64_t step_size = int64_t(gridDim.x) * THREADS * PACK;
  for (int64_t i = (int64_t(blockIdx.x) * THREADS + threadIdx.x) * PACK; i < op.n; i += step_size) {
    const Pack g = load(op.gradients, i, op.n, packable);
    Pack p = load(op.parameters, i, op.n, packable);
    Pack m = load(op.moments, i, op.n, packable), v = load(op.variances, i, op.n, packable);
#pragma unroll
    for (int k = 0; k < PACK; ++k) {
      const float d = g.at[k] + s.l2 * p.at[k];
      m.at[k] = beta1 * m.at[k] + (1 - beta1) * d;
      v.at[k] = beta2 * v.at[k] + (1 - beta2) * d * d;
      p.at[k] = p.at[k] * (1 - s.decay) - s.rate * m.at[k] / (sqrtf(v.at[k]) * s.root + eps);
    }
    store(op.parameters, i, op.n, packable, p);
    store(op.moments, i, op.n, packable, m);
    store(op.variances, i, op.n, packable, v);
  }
}

__global__ __launch_bounds__(THREADS) void sgd(const mixmas_sgd op, const mixmas_step *step, bool packable) {
  const float rate = float(step->learning_rate), decay = float(op.weight_decay), momentum = float(op.momentum);
  const bool first = step->update == 1;
  const int64_t step_size = int64_t(gridDim.x) * THREADS * PACK;
  for (int64_t i = (int64_t(blockIdx.x) * THREADS + threadIdx.x) * PACK; i < op.n; i += step_size) {
    Pack d = load(op.gradients, i, op.n, packable), p = load(op.parameters, i, op.n, packable);
#pragma unroll
    for (int k = 0; k < PACK; ++k) d.at[k] += decay * p.at[k];
    if (op.velocity) {
      if (!first) {
        const Pack v = load(op.velocity, i, op.n, packable);
#pragma unroll
        for (int k = 0; k < PACK; ++k) d.at[k] += momentum * v.at[k];
      }
      store(op.velocity, i, op.n, packable, d);
    }
#pragma unroll
    for (int k = 0; k < PACK; ++k) p.at[k] -= rate * d.at[k];
    store(op.parameters, i, op.n, packable, p);
  }
}

dim3 blocks(int64_t n) { return dim3(uint32_t(std::min(ceil_div(n, THREADS * PACK), MAX_BLOCKS))); }

}  // namespace

cudaError_t run(const Context &context, const mixmas_adam &op) {
  return launch(adam, blocks(op.n), dim3(THREADS), 0, context.stream, op, context.step,
                packable(op.parameters, op.gradients, op.moments, op.variances));
}

cudaError_t run(const Context &context, const mixmas_sgd &op) {
  return launch(sgd, blocks(op.n), dim3(THREADS), 0, context.stream, op, context.step,
                packable(op.parameters, op.gradients, op.velocity));
}

}  // namespace mixmas
