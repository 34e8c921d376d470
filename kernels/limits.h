// limits.h: the largest sizes that the fused kernels support. mixmas_kernel_limits returns them to callers, which
// decide by them what a program keeps for its backward pass.
#pragma once

#include <cstdint>

namespace mixmas {

// The widest rows, and the most hidden units over tokens, for which the gradients of channel and token mixing are one
// kernel, which computes gelu(pre) itself. Larger ones are composed of matrix products.
constexpr int CHANNEL_MLP_WIDTH = 128;
constexpr int TOKEN_MLP_HIDDEN = 64;

// The widest head of attention. Wider ones are composed of matrix products and a softmax.
constexpr int ATTENTION_HEAD = 128;

// Keeping pre costs 8 bytes per element, to memory and back, and computing it again 256 FLOPs at 128 features. At 4 TB/s
// and 500 TFLOP/s that is two picoseconds against half a picosecond, so hidden layers with more elements than this are
// computed again. Smaller ones stay in the L2 cache (50 MB, shared with everything else) between the passes. In float32,
// products are too slow for that.
constexpr int64_t RECOMPUTE_ABOVE = 4 << 20;

}  // namespace mixmas
