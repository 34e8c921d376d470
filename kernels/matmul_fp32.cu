// matmul_fp32.cu: the tiled matrix product in exact float32, on the ordinary units. See matmul.cu.
#include "matmul.cuh"

namespace mixmas {

template <>
cudaError_t run_matmul_tiles<MIXMAS_FP32>(cudaStream_t stream, MatmulPath path, bool transpose_a, bool transpose_b,
                                          const MatmulFactors &f, const MatmulEpilogue &e) {
  // Eight warps of 32 x 64, 4 x 16 sums per thread: 8 x 8 would spill.
  using Large = MatmulTiling<128, 128, 4, 2, 3, 2>;
  return run_matmul_tilings<MIXMAS_FP32, Large>(stream, path, transpose_a, transpose_b, f, e);
}

}  // namespace mixmas
