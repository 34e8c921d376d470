// hyper_mixing.cu: hyper mixing, forward.
//
//   Wi = gelu((x + positions) fc1i') fc2i',  i = 1, 2,   z = W2 gelu(W1' x)     for each sample and head
//
// x, z (batch, tokens, width), Wi (batch, tokens, hidden), each of the heads with dk features and tk hidden units; fc1
// (heads, dk, dk), fc2 (heads, tk, dk). FLOPs: 4 rows width (dk + tk) for both generators, with rows = batch tokens,
// and 4 rows width tk for mixing. Bytes: x, z and the generators; for the backward pass x + positions, four matrices of
// the size of x and two of the size of Wi as well.
//
// Few tokens (up to 32; 4 in the models for AV-MNIST): one kernel. A block of 16 warps has one sample and head and
// keeps all it generates in shared memory. Its generators' matrices come from the L2 cache straight to registers, each
// warp making 16 columns of a product, without barriers: 384 KB per block with widths of 128 and 256, by far the most
// that it reads. Samples too few for the GPU (batch 64) would leave half of it idle, so several blocks then generate
// the same weights and mix 64 features each.
//
// Many tokens (512 in the text of MM-IMDB): the generators are plain products over all rows, large ones; generated_mlp.cu
// does the rest with their results, so that W1 and W2 do go through memory. So does everything with widths of heads
// that are not multiples of 16, or that shared memory does not hold.
#include "activation.cuh"
#include "generated_mlp.h"
#include "generator_matmul.h"
#include "pack.cuh"
#include "block_tile.cuh"

namespace mixmas {
namespace {

constexpr int THREADS = 512, WARPS = THREADS / 32;
constexpr int FEW_TOKENS = 32;
constexpr int ROWS = 128;    // of hidden layer at a time
constexpr int COLUMNS = 64;  // of features at a time
// The number of blocks that fill a GPU (H100, H200). It is a constant, since the work must not depend on the GPU.
constexpr int MULTIPROCESSORS = 132;

using Hidden = Operand<COLUMNS, ROWS, Order::ACROSS>;

// Layout is the layout of shared memory. Strides are 8 more than a multiple of 32, as block_tile.cuh requires. Tokens
// are padded to fragments of 16 with rows of zeros, and so are features to whole columns.
struct Layout {
  int rows, stride_x, stride_w;
  int x, w[2], hidden, positioned, inner[2];
  int size;

  Layout(int tokens, int dk, int tk, int generators) {
    rows = int(round_up(tokens, 16));
    stride_x = int(round_up(dk, COLUMNS)) + 8;
    stride_w = int(round_up(tk, 32)) + 8;
    x = 0;
    w[0] = x + rows * stride_x;
    w[1] = generators == 2 ? w[0] + rows * stride_w : w[0];
    // The hidden layer takes the place of what the generators leave.
    hidden = positioned = w[1] + rows * stride_w;
    inner[0] = positioned + rows * stride_x;
    inner[1] = generators == 2 ? inner[0] + rows * stride_x : inner[0];
    const int generating = inner[1] + rows * stride_x, mixing = hidden + Hidden::SIZE;
    size = generating > mixing ? generating : mixing;
    // A tile of W1 may reach beyond its last row, one of W2 has 32 rows: the elements that they read there are not
    // used.
    const int reach = w[0] + (rows - 1) * stride_w + int(round_up(tk, ROWS)), reach2 = w[1] + FEW_TOKENS * stride_w;
    size = size > reach ? size : reach;
    size = size > reach2 ? size : reach2;
  }
};

template <bool ALIGNED>
__device__ __forceinline__ float4 four_of(const float *p) {
  if constexpr (ALIGNED) return *reinterpret_cast<const float4 *>(p);
  return make_float4(p[0], p[1], p[2], p[3]);
}

__device__ __forceinline__ float dot(const float4 &a, const float4 &b, float sum) {
  return sum + a.x * b.x + a.y * b.y + a.z * b.z + a.w * b.w;
}

// multiply_weights is a warp's product of 16 rows of `lines`, in shared memory, with 16 rows of `weights`, in global
// memory: sum[j] is its share of columns 8 j to 8 j + 7, laid out as by mma: lane 4 g + t has rows g and g + 8,
// columns 2 t and 2 t + 1. Nothing is staged: a lane's 16 bytes along k are what it feeds to the tensor cores itself.
// The tensor cores take element e of lane t as k = t, t+4 or 2t, 2t+1, ..., in both operands alike, and the order of
// k does not matter for the sum.
template <mixmas_numerics NUMERICS, bool ALIGNED>
__device__ __forceinline__ void multiply_weights(float (&sum)[2][4], const float *lines, int stride,
                                                 const float *weights, int depth) {
  const int group = threadIdx.x % 32 / 4, member = threadIdx.x % 4;
  lines += group * stride;
  if constexpr (NUMERICS == MIXMAS_FP32) {
#pragma unroll 4
    for (int k = 0; k < depth; k += 4) {
      const float4 above = *reinterpret_cast<const float4 *>(lines + k);
      const float4 below = *reinterpret_cast<const float4 *>(lines + 8 * stride + k);
#pragma unroll
      for (int j = 0; j < 2; ++j)
#pragma unroll
        for (int c = 0; c < 2; ++c) {
          const float4 w = four_of<ALIGNED>(weights + (8 * j + 2 * member + c) * depth + k);
          sum[j][c] = dot(above, w, sum[j][c]);
          sum[j][c + 2] = dot(below, w, sum[j][c + 2]);
        }
    }
  } else {
    lines += 4 * member;
    weights += group * depth + 4 * member;
#pragma unroll 4
    for (int k = 0; k < depth; k += 16) {
      const float4 above = *reinterpret_cast<const float4 *>(lines + k);
      const float4 below = *reinterpret_cast<const float4 *>(lines + 8 * stride + k);
#pragma unroll
      for (int j = 0; j < 2; ++j) {
        const float4 w = four_of<ALIGNED>(weights + 8 * j * depth + k);
        if constexpr (NUMERICS == MIXMAS_TF32) {
          mma_tf32(sum[j], {to_tf32(above.x), to_tf32(below.x), to_tf32(above.y), to_tf32(below.y)},
                   {to_tf32(w.x), to_tf32(w.y)});
          mma_tf32(sum[j], {to_tf32(above.z), to_tf32(below.z), to_tf32(above.w), to_tf32(below.w)},
                   {to_tf32(w.z), to_tf32(w.w)});
        } else {
          mma_bf16(sum[j],
                   {pack_bf16(above.x, above.y), pack_bf16(below.x, below.y), pack_bf16(above.z, above.w),
                    pack_bf16(below.z, below.w)},
                   {pack_bf16(w.x, w.y), pack_bf16(w.z, w.w)});
        }
      }
    }
  }
}

// One block for a sample and head (blockIdx.x) and every gridDim.y-th tile of features. ALIGNED: the generators'
// matrices begin at multiples of 16 bytes; the others do anyway.
template <mixmas_numerics NUMERICS, bool ALIGNED>
__global__ void __launch_bounds__(THREADS, 1)
    hyper_mixing(const __grid_constant__ mixmas_hyper_mixing op, const __grid_constant__ Layout at, int generators) {
  MIXMAS_DYNAMIC_SHARED(float, shared);
  const int tokens = int(op.tokens), width = int(op.width), hidden = int(op.hidden), heads = int(op.heads);
  const int dk = width / heads, tk = hidden / heads;
  const int sample = blockIdx.x / heads, head = blockIdx.x % heads;
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const bool keeps = blockIdx.y == 0;  // what the blocks of a sample have in common
  const int64_t at_x = int64_t(sample) * tokens * width + head * dk;
  const int64_t at_w = int64_t(sample) * tokens * hidden + head * tk;

  // x and x + positions.
  const int packs = (at.stride_x - 8) / PACK;
  for (int i = threadIdx.x; i < at.rows * packs; i += THREADS) {
    const int token = i / packs, feature = i % packs * PACK;
    Pack x = {}, positioned = {};
    if (token < tokens && feature < dk) {
      x = *reinterpret_cast<const Pack *>(op.x + at_x + token * width + feature);
      positioned = *reinterpret_cast<const Pack *>(op.positions + token * width + head * dk + feature);
#pragma unroll
      for (int e = 0; e < PACK; ++e) positioned.at[e] += x.at[e];
      if (keeps && op.positioned)
        *reinterpret_cast<Pack *>(op.positioned + at_x + token * width + feature) = positioned;
    }
    *reinterpret_cast<Pack *>(shared + at.x + token * at.stride_x + feature) = x;
    *reinterpret_cast<Pack *>(shared + at.positioned + token * at.stride_x + feature) = positioned;
  }
  __syncthreads();

  // A layer of the generators: each warp makes 16 rows of 16 of its `outputs`, and takes the next 16.
  // finish(generator, token, output, value) receives the results.
  const auto layer = [&](const float *input0, const float *input1, const float *const (&matrices)[2], int outputs,
                         auto finish) {
    const int across = outputs / 16, down = at.rows / 16;
#pragma unroll 1
    for (int item = warp; item < generators * down * across; item += WARPS) {
      const int column = item % across * 16, row = item / across % down * 16, generator = item / across / down;
      float sum[2][4] = {};
      multiply_weights<NUMERICS, ALIGNED>(sum, (generator ? input1 : input0) + row * at.stride_x, at.stride_x,
                                          matrices[generator] + (int64_t(head) * outputs + column) * dk, dk);
#pragma unroll
      for (int j = 0; j < 2; ++j)
#pragma unroll
        for (int e = 0; e < 4; ++e)
          finish(generator, row + lane / 4 + e / 2 * 8, column + 8 * j + lane % 4 * 2 + e % 2, sum[j][e]);
    }
    __syncthreads();
  };
  const float *const positioned = shared + at.positioned;
  layer(positioned, positioned, op.fc1, dk, [&](int generator, int token, int feature, float value) {
    const float inner = activate<MIXMAS_GELU>(value);
    shared[at.inner[generator] + token * at.stride_x + feature] = inner;
    if (!keeps || token >= tokens) return;
    if (op.pre[generator]) op.pre[generator][at_x + token * width + feature] = value;
    if (op.inner[generator]) op.inner[generator][at_x + token * width + feature] = inner;
  });
  layer(shared + at.inner[0], shared + at.inner[1], op.fc2, tk, [&](int generator, int token, int unit, float value) {
    shared[at.w[generator] + token * at.stride_w + unit] = value;
    if (keeps && token < tokens && op.weights[generator]) op.weights[generator][at_w + token * hidden + unit] = value;
  });

  // Mixing: a chunk of the hidden layer at a time.
  for (int from = blockIdx.y * COLUMNS; from < dk; from += gridDim.y * COLUMNS) {
    BlockMatmul<NUMERICS, FEW_TOKENS, COLUMNS, 2, 8, Order::ALONG, Order::ACROSS> z;
    z.clear();
#pragma unroll 1
    for (int chunk = 0; chunk < tk; chunk += ROWS) {
      BlockMatmul<NUMERICS, ROWS, COLUMNS, 8, 2, Order::ACROSS, Order::ACROSS> product;
      product.clear();
#pragma unroll 1
      for (int token = 0; token < tokens; token += 16)
        product.template multiply<16>(shared + at.w[0] + token * at.stride_w + chunk, at.stride_w,
                                      shared + at.x + token * at.stride_x + from, at.stride_x);
      __syncthreads();  // the last chunk has been used
      product.each([&](int row, int column, float &value) {
        shared[at.hidden + row * Hidden::STRIDE + column] = activate<MIXMAS_GELU>(value);
      });
      __syncthreads();
      const int rows = min(ROWS, tk - chunk);  // those beyond are not numbers
#pragma unroll 1
      for (int row = 0; row < rows; row += 16)
        z.template multiply<16>(shared + at.w[1] + chunk + row, at.stride_w,
                                shared + at.hidden + row * Hidden::STRIDE, Hidden::STRIDE);
    }
    z.each([&](int token, int column, float &value) {
      if (token < tokens && from + column < dk) op.z[at_x + token * width + from + column] = value;
    });
  }
}

// fused reports whether one kernel computes everything.
bool fused(const mixmas_hyper_mixing &op) {
  const int64_t dk = op.width / op.heads, tk = op.hidden / op.heads;
  return op.tokens <= FEW_TOKENS && dk % 16 == 0 && tk % 16 == 0 && dk <= 1024 && tk <= 4096 &&
         packable(op.x, op.positions, op.positioned) &&
         Layout(int(op.tokens), int(dk), int(tk), generators(op)).size * int(sizeof(float)) <= MAX_SHARED;
}

template <mixmas_numerics NUMERICS>
cudaError_t run_fused(cudaStream_t stream, const mixmas_hyper_mixing &op) {
  const int64_t dk = op.width / op.heads, tk = op.hidden / op.heads, blocks = op.batch * op.heads;
  if (blocks > INT32_MAX) return cudaErrorInvalidValue;
  const int count = generators(op);
  const Layout layout(int(op.tokens), int(dk), int(tk), count);
  const auto kernel = packable(op.fc1[0], op.fc1[1], op.fc2[0], op.fc2[1]) ? hyper_mixing<NUMERICS, true>
                                                                           : hyper_mixing<NUMERICS, false>;
  const cudaError_t status = cudaFuncSetAttribute(reinterpret_cast<const void *>(kernel),
                                                  cudaFuncAttributeMaxDynamicSharedMemorySize, MAX_SHARED);
  if (status != cudaSuccess) return status;
  int64_t slices = MULTIPROCESSORS / blocks;
  slices = slices < 1 ? 1 : slices > ceil_div(dk, COLUMNS) ? ceil_div(dk, COLUMNS) : slices;
  const dim3 grid{unsigned(blocks), unsigned(slices)};
  return launch(kernel, grid, dim3(THREADS), layout.size * sizeof(float), stream, op, layout, count);
}

// add_positions adds x and the positions, which repeat with every sample.
mixmas_binary add_positions(const mixmas_hyper_mixing &op, float *positioned) {
  mixmas_binary add = {};
  add.a = op.x, add.b = op.positions, add.y = positioned;
  add.arithmetic = MIXMAS_ADD;
  add.rank = 2;
  add.shape[0] = op.batch, add.shape[1] = op.tokens * op.width;
  add.strides_a[0] = add.shape[1];
  add.strides_a[1] = add.strides_b[1] = 1;
  return add;
}

// compose runs the operation as other operations. The generated weights are in the workspace if they are not kept.
void compose(Composition &c, const mixmas_hyper_mixing &op) {
  const int64_t rows = op.batch * op.tokens, dk = op.width / op.heads, tk = op.hidden / op.heads;
  const int count = generators(op);
  float *const positioned = c.kept_or_scratch(op.positioned, rows * op.width);
  GeneratorMatmul layers[2] = {};
  GeneratorMatmul &inner = layers[0], &weights = layers[1];
  for (int g = 0; g < count; ++g) {
    inner.a[g] = positioned, inner.b[g] = op.fc1[g];
    inner.c[g] = c.kept_or_scratch(op.inner[g], rows * op.width);
    inner.pre[g] = op.pre[g];
  }
  for (int g = 0; g < count; ++g) {
    weights.a[g] = inner.c[g], weights.b[g] = op.fc2[g];
    weights.c[g] = c.kept_or_scratch(op.weights[g], rows * op.hidden);
  }
  for (int i = 0; i < 2; ++i) {
    const int outputs = int(i == 0 ? dk : tk);
    mixmas_matmul &shape = layers[i].shape;
    shape.transpose_b = 1;
    shape.m = int(rows), shape.n = outputs, shape.k = int(dk);
    shape.lda = int(op.width), shape.ldb = int(dk), shape.ldc = int(op.heads) * outputs;
    shape.batch[1] = int(op.heads);
    shape.stride_a[1] = dk, shape.stride_b[1] = outputs * dk, shape.stride_c[1] = outputs;
    shape.activation = i == 0 ? MIXMAS_GELU : MIXMAS_IDENTITY;
  }
  c.queue(add_positions(op, positioned));
  for (const GeneratorMatmul &layer : layers) queue(c, layer, count);

  GeneratedMlp mlp = {};
  mlp.left[0] = weights.c[0], mlp.left[1] = weights.c[count - 1];
  mlp.right[0] = op.x;
  mlp.values = op.z;
  mlp.inner = int(tk), mlp.outer = int(dk);
  c.then([&](const Context &context) {
    return run_generated_mlp(context, mlp, nullptr, op.batch, op.tokens, op.heads);
  });
}

bool valid(const mixmas_hyper_mixing &op) {
  return op.heads > 0 && op.batch > 0 && op.tokens > 0 && op.width > 0 && op.hidden > 0 && op.width % op.heads == 0 &&
         op.hidden % op.heads == 0 && op.batch * op.tokens <= INT32_MAX && op.width <= INT32_MAX &&
         op.hidden <= INT32_MAX;
}

}  // namespace

int64_t workspace_size(const mixmas_hyper_mixing &op, mixmas_numerics numerics) {
  if (!valid(op) || fused(op)) return 0;
  Composition composition(numerics);
  compose(composition, op);
  return composition.needed();
}

cudaError_t run(const Context &context, const mixmas_hyper_mixing &op) {
  if (!valid(op)) return cudaErrorInvalidValue;
  if (fused(op))
    return context.numerics == MIXMAS_FP32   ? run_fused<MIXMAS_FP32>(context.stream, op)
           : context.numerics == MIXMAS_TF32 ? run_fused<MIXMAS_TF32>(context.stream, op)
                                             : run_fused<MIXMAS_BF16>(context.stream, op);
  Composition composition(context);
  compose(composition, op);
  return composition.failed();
}

}  // namespace mixmas
