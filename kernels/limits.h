// limits.h: up to which sizes the fused kernels take an operation. mixmas_kernel_limits tells callers, who decide by it
// what a program keeps for its backward pass.
#pragma once

#include <cstdint>

namespace mixmas {

// The widest rows, and the most hidden units over tokens, that the gradients of channel and token mixing take in one
// kernel, which makes gelu(pre) as it goes. Larger ones are composed of matrix products.
constexpr int CHANNEL_MLP_WIDTH = 128;
constexpr int TOKEN_MLP_HIDDEN = 64;

// Keeping pre costs 8 bytes per element, to memory and back, and computing it again 256 FLOPs at 128 features. At 4 TB/s
// and 500 TFLOP/s that is two picoseconds against half of one, so hidden layers of more elements than this are computed
// again: smaller ones stay in the L2 cache (50 MB, shared with all else) from one pass to the other. In float32 products are
// too slow for that.
constexpr int64_t RECOMPUTE_ABOVE = 4 << 20;

}  // namespace mixmas
