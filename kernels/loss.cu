// loss.cu: the losses, and their gradients with respect to the logits (rows, classes), each for the mean.
//
//   cross_entropy   loss = mean over rows of log sum exp(logits) - logits[label]
//                   delta = (softmax(logits) - onehot(label)) / rows                 8 bytes, 4 with no delta
//   soft            loss = mean over rows of -sum t log softmax(logits), t the targets of a row, s their sum
//                   delta = (s softmax(logits) - t) / rows                           12 bytes, 8 with no delta
//   bce             loss = -mean(w y log s(z) + (1 - y) log(1 - s(z))), s the logistic function, w the pos_weight
//                   delta = ((1 - y) s(z) - w y (1 - s(z))) / (rows classes)         12 bytes
//
// The losses are small and limited by latency: if possible, a single block computes one in one launch. Otherwise each
// block writes its sum to the workspace, and a second launch adds the sums. Cross entropies use one warp per row.
//
// Nothing overflows or cancels. Of the exponentials of a row only the label's own is left out of a sum, so that small
// losses are log(1 + rest) and keep their precision; so does the label's delta, -rest / sum. With soft targets it is the
// largest logit's exponential that is left out, which is 1; every term of the loss is then 0 or more, and that logit's
// delta is ((s - t) - t rest) / sum. Losses are added in float64.
//
// A label that is not a class makes its row's loss and gradient NaN: a kernel has no other way to report it.
#include <algorithm>

#include "operations.h"
#include "pack.cuh"
#include "reduction.cuh"

namespace mixmas {
namespace {

constexpr int THREADS = 512, WARPS = THREADS / WARP;
constexpr int64_t FEW = 16;  // elements of a thread, when one block is enough
constexpr int64_t MAX_BLOCKS = 512;

// put_mean writes the mean if there is only one block; otherwise it writes the block's sum to the workspace.
__device__ __forceinline__ void put_mean(double sum, double count, float *loss, double *partial) {
  sum = block_sum<THREADS>(sum);
  if (threadIdx.x != 0) return;
  if (gridDim.x == 1)
    *loss = float(sum / count);
  else
    partial[blockIdx.x] = sum;
}

__global__ __launch_bounds__(THREADS) void mean_of_blocks(const double *partial, int blocks, double count,
                                                          float *loss) {
  double sum = 0;
  for (int i = threadIdx.x; i < blocks; i += THREADS) sum += partial[i];
  put_mean(sum, count, loss, nullptr);
}

__global__ __launch_bounds__(THREADS) void cross_entropy(const mixmas_cross_entropy op, double *partial) {
  const int lane = threadIdx.x % WARP;
  const float scale = 1.0f / float(op.rows);
  double sum_of_losses = 0;  // of this warp's rows, in lane 0
  const int64_t first = int64_t(blockIdx.x) * WARPS + threadIdx.x / WARP, step = int64_t(gridDim.x) * WARPS;
  for (int64_t row = first; row < op.rows; row += step) {
    const float *logits = op.logits + row * op.classes;
    const float given = op.labels[row];
    const bool valid = given >= 0 && given < float(op.classes) && given == truncf(given);
    const int64_t label = valid ? int64_t(given) : 0;

    float largest = -INFINITY;
    for (int64_t i = lane; i < op.classes; i += WARP) largest = fmaxf(largest, logits[i]);
    largest = warp_max(largest);
    float rest = 0;  // the sum of the exponentials but for the label's
    for (int64_t i = lane; i < op.classes; i += WARP)
      if (i != label) rest += expf(logits[i] - largest);
    rest = warp_sum(rest);
    const float below = logits[label] - largest;  // 0 where the label has the largest logit
    const float own = valid ? expf(below) : NAN, sum = rest + own;
    const float loss = (below == 0 && valid ? log1pf(rest) : logf(sum)) - below;
    if (lane == 0) sum_of_losses += loss;
    if (!op.delta) continue;
    float *delta = op.delta + row * op.classes;
    for (int64_t i = lane; i < op.classes; i += WARP)
      delta[i] = scale * ((i == label ? -rest : expf(logits[i] - largest)) / sum);
  }
  put_mean(sum_of_losses, double(op.rows), op.loss, partial);
}

__global__ __launch_bounds__(THREADS) void soft_cross_entropy(const mixmas_soft_cross_entropy op, double *partial) {
  const int lane = threadIdx.x % WARP;
  const float scale = 1.0f / float(op.rows);
  double sum_of_losses = 0;  // of this warp's rows, in lane 0
  const int64_t first = int64_t(blockIdx.x) * WARPS + threadIdx.x / WARP, step = int64_t(gridDim.x) * WARPS;
  for (int64_t row = first; row < op.rows; row += step) {
    const float *logits = op.logits + row * op.classes, *targets = op.targets + row * op.classes;
    float largest = -INFINITY;
    int64_t top = op.classes;  // the first of the largest logits; if all are NaN, none
    for (int64_t i = lane; i < op.classes; i += WARP)
      if (logits[i] > largest) largest = logits[i], top = i;
    const float mine = largest;
    largest = warp_max(largest);
    top = warp_min(mine == largest ? top : op.classes);
    float rest = 0, total = 0, gap = 0;  // the other exponentials, the targets, and what they lose to the largest logit
    for (int64_t i = lane; i < op.classes; i += WARP) {
      const float t = targets[i];
      if (i != top) {
        rest += expf(logits[i] - largest);
        gap += t * (0.5f * largest - 0.5f * logits[i]);  // half of it: all of it may be too large for a float
      }
      total += t;
    }
    rest = warp_sum(rest), total = warp_sum(total), gap = warp_sum(gap);
    if (lane == 0) sum_of_losses += double(total) * double(log1pf(rest)) + 2.0 * double(gap);
    if (!op.delta) continue;
    float *delta = op.delta + row * op.classes;
    const float sum = 1.0f + rest;
    for (int64_t i = lane; i < op.classes; i += WARP) {
      const float t = targets[i];
      delta[i] = scale * (i == top ? ((total - t) - t * rest) / sum : total * (expf(logits[i] - largest) / sum) - t);
    }
  }
  put_mean(sum_of_losses, double(op.rows), op.loss, partial);
}

__global__ __launch_bounds__(THREADS) void bce(const mixmas_bce op, double *partial) {
  const int64_t n = op.rows * op.classes;
  const float scale = 1.0f / float(n);
  double sum = 0;
  for (int64_t i = int64_t(blockIdx.x) * THREADS + threadIdx.x; i < n; i += int64_t(gridDim.x) * THREADS) {
    const float z = op.logits[i], negative = 1.0f - op.labels[i];
    float positive = op.labels[i];
    if (op.pos_weight) positive *= op.pos_weight[i % op.classes];
    // log(1 + exp(z)) and log(1 + exp(-z)) without overflow, and both probabilities without cancellation.
    const float small = expf(-fabsf(z)), both = log1pf(small);
    sum += positive * (fmaxf(-z, 0.0f) + both) + negative * (fmaxf(z, 0.0f) + both);
    if (!op.delta) continue;
    const float likely = 1.0f / (1.0f + small), unlikely = small / (1.0f + small);
    const float one = z < 0.0f ? unlikely : likely, zero = z < 0.0f ? likely : unlikely;
    op.delta[i] = scale * (negative * one - positive * zero);
  }
  put_mean(sum, double(n), op.loss, partial);
}

// blocks returns the number of blocks for `units` of work, one block each, over n elements.
int64_t blocks(int64_t units, int64_t n) { return n <= FEW * THREADS ? 1 : std::min(units, MAX_BLOCKS); }

int64_t blocks_of(const mixmas_cross_entropy &op) { return blocks(ceil_div(op.rows, WARPS), op.rows * op.classes); }

int64_t blocks_of(const mixmas_soft_cross_entropy &op) {
  return blocks(ceil_div(op.rows, WARPS), op.rows * op.classes);
}

int64_t blocks_of(const mixmas_bce &op) {
  return blocks(ceil_div(op.rows * op.classes, THREADS), op.rows * op.classes);
}

template <class Operation>
int64_t size(const Operation &op) {
  return blocks_of(op) > 1 ? blocks_of(op) * int64_t(sizeof(double) / sizeof(float)) : 0;
}

template <class Operation>
cudaError_t run_mean(const Context &context, void (*kernel)(Operation, double *), const Operation &op, int64_t count) {
  const int64_t blocks = blocks_of(op);
  double *partial = reinterpret_cast<double *>(context.workspace);
  if (cudaError_t e = launch(kernel, dim3(uint32_t(blocks)), dim3(THREADS), 0, context.stream, op, partial)) return e;
  if (blocks == 1) return cudaSuccess;
  return launch(mean_of_blocks, dim3(1), dim3(THREADS), 0, context.stream, partial, int(blocks), double(count),
                op.loss);
}

}  // namespace

int64_t workspace_size(const mixmas_cross_entropy &op, mixmas_numerics) { return size(op); }

int64_t workspace_size(const mixmas_soft_cross_entropy &op, mixmas_numerics) { return size(op); }

int64_t workspace_size(const mixmas_bce &op, mixmas_numerics) { return size(op); }

cudaError_t run(const Context &context, const mixmas_cross_entropy &op) {
  return run_mean(context, cross_entropy, op, op.rows);
}

cudaError_t run(const Context &context, const mixmas_soft_cross_entropy &op) {
  return run_mean(context, soft_cross_entropy, op, op.rows);
}

cudaError_t run(const Context &context, const mixmas_bce &op) {
  return run_mean(context, bce, op, op.rows * op.classes);
}

}  // namespace mixmas
