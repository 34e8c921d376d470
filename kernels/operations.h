// operations.h: what every operation of mixmas.h is on the inside, one function each, in the file of its name.
#pragma once

#include "launch.cuh"
#include "mixmas.h"

namespace mixmas {

// Context is what an operation gets besides its descriptor.
struct Context {
  cudaStream_t stream;
  mixmas_numerics numerics;
  const mixmas_step *step;  // in device memory: it differs from replay to replay
  float *workspace;         // at least workspace_size(operation) elements, shared by all operations of a stream
};

// run queues the kernels of one operation on the context's stream.
cudaError_t run(const Context &, const mixmas_matmul &);
cudaError_t run(const Context &, const mixmas_fill &);
cudaError_t run(const Context &, const mixmas_copy &);
cudaError_t run(const Context &, const mixmas_map &);
cudaError_t run(const Context &, const mixmas_map_grad &);
cudaError_t run(const Context &, const mixmas_binary &);
cudaError_t run(const Context &, const mixmas_reduce &);
cudaError_t run(const Context &, const mixmas_max_grad &);
cudaError_t run(const Context &, const mixmas_dropout &);
cudaError_t run(const Context &, const mixmas_layer_norm &);
cudaError_t run(const Context &, const mixmas_layer_norm_grad &);
cudaError_t run(const Context &, const mixmas_batch_norm &);
cudaError_t run(const Context &, const mixmas_batch_norm_grad &);
cudaError_t run(const Context &, const mixmas_im2col &);
cudaError_t run(const Context &, const mixmas_col2im &);
cudaError_t run(const Context &, const mixmas_depthwise &);
cudaError_t run(const Context &, const mixmas_depthwise_grad &);
cudaError_t run(const Context &, const mixmas_cross_entropy &);
cudaError_t run(const Context &, const mixmas_bce &);
cudaError_t run(const Context &, const mixmas_adam &);
cudaError_t run(const Context &, const mixmas_sgd &);
cudaError_t run(const Context &, const mixmas_channel_mixing &);
cudaError_t run(const Context &, const mixmas_channel_mlp_grad &);
cudaError_t run(const Context &, const mixmas_token_mixing &);
cudaError_t run(const Context &, const mixmas_token_mlp_grad &);
cudaError_t run(const Context &, const mixmas_hyper_mixing &);
cudaError_t run(const Context &, const mixmas_hyper_mixing_grad &);
cudaError_t run(const Context &, const mixmas_monarch &);
cudaError_t run(const Context &, const mixmas_monarch_grad &);
cudaError_t run(const Context &, const mixmas_softmax &);
cudaError_t run(const Context &, const mixmas_softmax_grad &);

// workspace_size is the number of elements of scratch memory that an operation needs. Those that are not named need none.
template <class Operation>
inline int64_t workspace_size(const Operation &, mixmas_numerics) { return 0; }
int64_t workspace_size(const mixmas_matmul &, mixmas_numerics);
int64_t workspace_size(const mixmas_reduce &, mixmas_numerics);
int64_t workspace_size(const mixmas_layer_norm_grad &, mixmas_numerics);
int64_t workspace_size(const mixmas_batch_norm &, mixmas_numerics);
int64_t workspace_size(const mixmas_batch_norm_grad &, mixmas_numerics);
int64_t workspace_size(const mixmas_depthwise_grad &, mixmas_numerics);
int64_t workspace_size(const mixmas_cross_entropy &, mixmas_numerics);
int64_t workspace_size(const mixmas_bce &, mixmas_numerics);
int64_t workspace_size(const mixmas_channel_mixing &, mixmas_numerics);
int64_t workspace_size(const mixmas_channel_mlp_grad &, mixmas_numerics);
int64_t workspace_size(const mixmas_token_mixing &, mixmas_numerics);
int64_t workspace_size(const mixmas_token_mlp_grad &, mixmas_numerics);
int64_t workspace_size(const mixmas_hyper_mixing &, mixmas_numerics);
int64_t workspace_size(const mixmas_hyper_mixing_grad &, mixmas_numerics);
int64_t workspace_size(const mixmas_monarch &, mixmas_numerics);
int64_t workspace_size(const mixmas_monarch_grad &, mixmas_numerics);

}  // namespace mixmas
