// composition.h: operations that are composed of others, for sizes that their own kernels do not support, and how
// they share the workspace.
#pragma once

#include "integers.cuh"
#include "operations.h"

namespace mixmas {

// Composition runs operations one after the other or, without a context, only counts the workspace that they need.
// All scratch memory is taken before the first one is queued: the operations' own workspace follows it.
class Composition {
 public:
  explicit Composition(const Context &context) : context_(context), runs_(true) {}
  // Scratch memory is not read or written here; only the distances between arrays matter, so any address will do.
  explicit Composition(mixmas_numerics numerics)
      : context_{nullptr, numerics, nullptr, reinterpret_cast<float *>(uintptr_t(4096))}, runs_(false) {}

  float *scratch(int64_t n) {
    float *const at = context_.workspace + used_;
    used_ += round_up(n, 16);  // vector loads stay possible
    return at;
  }
  // kept_or_scratch is for values that the caller may want to keep.
  float *kept_or_scratch(float *kept, int64_t n) { return kept ? kept : scratch(n); }

  template <class Operation>
  void queue(const Operation &operation) {
    const int64_t size = workspace_size(operation, context_.numerics);
    most_ = size > most_ ? size : most_;
    then([&](const Context &context) { return run(context, operation); });
  }

  // then calls f with the context of the parts, unless something has failed.
  template <class F>
  void then(F f) {
    if (!runs_ || failed_ != cudaSuccess) return;
    Context context = context_;
    context.workspace += used_;
    failed_ = f(context);
  }

  int64_t needed() const { return used_ + most_; }
  cudaError_t failed() const { return failed_; }

 private:
  Context context_;
  bool runs_;
  int64_t used_ = 0, most_ = 0;
  cudaError_t failed_ = cudaSuccess;
};

}  // namespace mixmas
