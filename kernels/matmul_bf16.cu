// matmul_bf16.cu: the tiled matrix product on tensor cores, operands rounded to bf16. See matmul.cu.
#include "matmul.cuh"

namespace mixmas {

template <>
cudaError_t run_matmul_tiles<MIXMAS_BF16>(cudaStream_t stream, MatmulPath path, bool transpose_a, bool transpose_b,
                                         const MatmulFactors &f, const MatmulEpilogue &e) {
  // Four warps of 64 x 64: a fragment that is read from shared memory is used four or eight times.
  using Large = MatmulTiling<128, 128, 2, 2, 3, 2>;
  return run_matmul_tilings<MIXMAS_BF16, Large>(stream, path, transpose_a, transpose_b, f, e);
}

}  // namespace mixmas
