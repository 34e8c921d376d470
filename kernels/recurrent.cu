// recurrent.cu: all steps of a GRU or LSTM, and its gradient through time.
//
//   GRU   r, z = σ(x + p)   n = tanh(x + r p)   h' = n + z (h - n)                     p = U h + bias, for each gate
//   LSTM  i, f, o = σ(x + p)   g = tanh(x + p)   c' = f c + i g   h' = o tanh(c')
//
// A step takes 2 gates·width² FLOPs and reads the weight, for a few bytes of operands: what limits it is the weight's way
// from the caches, and the latency of one step after the other. Samples do not depend on each other: a block takes one
// through all steps, its state in shared memory, with no other synchronisation than its own barriers.
//
//   forward    a warp makes a row of U h: its lanes read neighbouring elements of the weight      2 barriers per step
//   gradient   dstate += U' dhidden: lanes have neighbouring columns, each warp some of the rows,
//              whose sums are added in order                                                       3 barriers per step
//
// All is float32, whatever the numerics: rounding would add up over the steps. The gradients of the weight and the bias are
// a product and a sum over what the gradient writes.
#include "activation.cuh"
#include "integers.cuh"
#include "operations.h"
#include "reduction.cuh"

namespace mixmas {
namespace {

constexpr int THREADS = 512, WARPS = THREADS / WARP;
constexpr int KEPT = 4;  // gates that either cell keeps

__device__ __forceinline__ int64_t place(int64_t sample, int64_t step, int64_t steps, bool reverse) {
  return sample * steps + (reverse ? steps - 1 - step : step);
}

__global__ __launch_bounds__(THREADS) void recurrent(const mixmas_recurrent op) {
  MIXMAS_DYNAMIC_SHARED(float, shared);
  const int64_t h = op.width, gates = (op.lstm ? 4 : 3) * h;
  float *state = shared, *cell = state + h, *hidden = cell + h;  // width, width, gates
  const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
  for (int64_t k = threadIdx.x; k < h; k += THREADS) state[k] = cell[k] = 0;
  __syncthreads();

  for (int64_t step = 0; step < op.steps; ++step) {
    const int64_t at = place(blockIdx.x, step, op.steps, op.reverse);
    float *y = op.y + at * h, *kept = op.kept ? op.kept + at * KEPT * h : nullptr;
    const bool masked = op.mask && op.mask[at] == 0.0f;  // the same for all threads
    if (!masked) {
      for (int64_t i = warp; i < gates; i += WARPS) {
        float sum = 0;
        for (int64_t k = lane; k < h; k += WARP) sum += op.weight[i * h + k] * state[k];
        sum = warp_sum(sum);
        if (lane == 0) hidden[i] = sum + op.bias[i];
      }
      __syncthreads();
    }
    // A thread has the same units in every step: what follows needs no barrier but the one before the next product.
    for (int64_t k = threadIdx.x; k < h; k += THREADS) {
      if (op.before) op.before[at * h + k] = state[k];
      if (op.cell_before) op.cell_before[at * h + k] = cell[k];
      float gate[KEPT] = {};
      if (masked) {
        y[k] = 0;
      } else {
        const float *x = op.x + at * gates;
        const float p = hidden[2 * h + k];
        gate[0] = sigmoid(x[k] + hidden[k]);
        gate[1] = sigmoid(x[h + k] + hidden[h + k]);
        if (op.lstm) {
          gate[2] = tanhf(x[2 * h + k] + p);
          gate[3] = sigmoid(x[3 * h + k] + hidden[3 * h + k]);
          cell[k] = gate[1] * cell[k] + gate[0] * gate[2];
          state[k] = gate[3] * tanhf(cell[k]);
        } else {
          gate[2] = tanhf(x[2 * h + k] + gate[0] * p);
          gate[3] = p;
          state[k] = gate[2] + gate[1] * (state[k] - gate[2]);
        }
        y[k] = state[k];
      }
      for (int g = 0; kept && g < KEPT; ++g) kept[g * h + k] = gate[g];
    }
    __syncthreads();
  }
}

__global__ __launch_bounds__(THREADS) void recurrent_grad(const mixmas_recurrent_grad op, int parts) {
  MIXMAS_DYNAMIC_SHARED(float, shared);
  const int64_t h = op.width, gates = (op.lstm ? 4 : 3) * h;
  float *dstate = shared, *dcell = dstate + h, *dhidden = dcell + h;  // width, width, gates
  float *sums = dhidden + gates;                                      // parts x width
  const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
  for (int64_t k = threadIdx.x; k < h; k += THREADS) dstate[k] = dcell[k] = 0;

  for (int64_t step = 0; step < op.steps; ++step) {
    const int64_t at = place(blockIdx.x, step, op.steps, !op.reverse);
    float *dx = op.dx + at * gates;
    if (op.mask && op.mask[at] == 0.0f) {  // the same for all threads
      for (int64_t i = threadIdx.x; i < gates; i += THREADS) {
        dx[i] = 0;
        if (op.dhidden) op.dhidden[at * gates + i] = 0;
      }
      continue;
    }
    for (int64_t k = threadIdx.x; k < h; k += THREADS) {
      const float *kept = op.kept + at * KEPT * h + k;
      const float d = dstate[k] + op.dy[at * h + k];
      if (op.lstm) {
        const float i = kept[0], f = kept[h], g = kept[2 * h], o = kept[3 * h], before = op.cell_before[at * h + k];
        const float t = tanhf(f * before + i * g), dc = dcell[k] + d * o * (1.0f - t * t);
        dhidden[k] = dc * g * i * (1.0f - i);
        dhidden[h + k] = dc * before * f * (1.0f - f);
        dhidden[2 * h + k] = dc * i * (1.0f - g * g);
        dhidden[3 * h + k] = d * t * o * (1.0f - o);
        dcell[k] = dc * f;
        dstate[k] = 0;
        for (int gate = 0; gate < 4; ++gate) dx[gate * h + k] = dhidden[gate * h + k];
      } else {
        const float r = kept[0], z = kept[h], n = kept[2 * h], p = kept[3 * h];
        const float dn = d * (1.0f - z) * (1.0f - n * n);
        dhidden[k] = dn * p * r * (1.0f - r);
        dhidden[h + k] = d * (op.before[at * h + k] - n) * z * (1.0f - z);
        dhidden[2 * h + k] = dn * r;
        dstate[k] = d * z;
        dx[k] = dhidden[k], dx[h + k] = dhidden[h + k], dx[2 * h + k] = dn;
        for (int gate = 0; gate < 3; ++gate) op.dhidden[at * gates + gate * h + k] = dhidden[gate * h + k];
      }
    }
    __syncthreads();
    for (int64_t k = lane; k < h && warp < parts; k += WARP) {
      float sum = 0;
      for (int64_t i = warp; i < gates; i += parts) sum += op.weight[i * h + k] * dhidden[i];
      sums[warp * h + k] = sum;
    }
    __syncthreads();
    for (int64_t k = threadIdx.x; k < h; k += THREADS)
      for (int part = 0; part < parts; ++part) dstate[k] += sums[part * h + k];
    __syncthreads();
  }
}

// run_samples queues a kernel with a block per sample, which has `rows` times the width in shared memory.
template <class Operation, class... More>
cudaError_t run_samples(const Context &context, void (*kernel)(Operation, More...), const Operation &op, int64_t rows,
                        More... more) {
  const int64_t shared = rows * op.width * int64_t(sizeof(float));
  if (shared > MAX_SHARED) return cudaErrorInvalidValue;  // no block holds a state that wide
  // Always set the maximum: the limit also holds when a graph is replayed, which may need more than this call.
  if (cudaError_t e = cudaFuncSetAttribute(reinterpret_cast<const void *>(kernel),
                                           cudaFuncAttributeMaxDynamicSharedMemorySize, MAX_SHARED))
    return e;
  return launch(kernel, dim3(uint32_t(op.batch)), dim3(THREADS), size_t(shared), context.stream, op, more...);
}

// rows_of is the number of rows of the width that hold the state, the cell and the gates.
template <class Operation>
int64_t rows_of(const Operation &op) {
  return op.lstm ? 6 : 5;
}

}  // namespace

cudaError_t run(const Context &context, const mixmas_recurrent &op) {
  return run_samples(context, recurrent, op, rows_of(op));
}

cudaError_t run(const Context &context, const mixmas_recurrent_grad &op) {
  const int64_t room = MAX_SHARED / int64_t(sizeof(float)) / op.width - rows_of(op);
  const int parts = room < 1 ? 1 : room > WARPS ? WARPS : int(room);
  return run_samples(context, recurrent_grad, op, rows_of(op) + parts, parts);
}

}  // namespace mixmas
