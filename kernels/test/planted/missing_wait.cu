// The host reads what a stream has not written yet.
#include "planted.h"

namespace missing_wait {

__global__ void add_one(float *x) { x[threadIdx.x] += 1; }

int run() {
  const int n = 32;
  Array x(n);
  float *result;
  cudaStream_t stream;
  must(cudaMallocHost(&result, n * sizeof(float)));
  must(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  must(mixmas::launch(add_one, 1, n, 0, stream, x.data));
  must(cudaMemcpyAsync(result, x.data, n * sizeof(float), cudaMemcpyDeviceToHost, stream));
  if (!planted) must(cudaStreamSynchronize(stream));
  int failed = compare(std::vector<float>(result, result + n), [](int i) { return i + 1; });
  must(cudaStreamDestroy(stream));
  must(cudaFreeHost(result));
  return failed;
}

Program program("missing_wait", run);

}  // namespace missing_wait
