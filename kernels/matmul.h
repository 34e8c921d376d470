// matmul.h: how a matrix product is cut up. The choice depends only on the sizes and strides of the operation, since
// it determines the order of sums. Tests force each choice on small matrices.
#pragma once

#include "operations.h"

namespace mixmas {

enum class MatmulPath {
  DIRECT,  // a thread for 4 x 4 or 4 x 1 elements, operands straight from the caches: tiny sums
  SMALL,   // tiles of 16 x 64, transposed where the columns are few
  MEDIUM,  // tiles of 64 x 64
  LARGE,   // tiles of 128 x 128
};

struct MatmulPlan {
  MatmulPath path;
  int slices;  // of the summed dimension, each computed by its own blocks; 1 if it is not cut
};

MatmulPlan plan(const mixmas_matmul &);
int64_t workspace_size(const mixmas_matmul &, const MatmulPlan &);
cudaError_t run(const Context &, const mixmas_matmul &, const MatmulPlan &);

}  // namespace mixmas
