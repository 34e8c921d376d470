// check.h: what the C++ tests of the kernels share. A test file has cases, each a function that runs operations and
// compares what they wrote with a simple version in double precision; check_main runs them all in every numerics.
#pragma once

#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "helper.h"
#include "operations.h"

namespace test {

inline int failures = 0;
inline std::string where;

inline void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fprintf(stderr, "FAIL %s: ", where.c_str());
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  ++failures;
}

inline void must(cudaError_t e) {
  if (e == cudaSuccess) return;
  fprintf(stderr, "%s: %s\n", where.c_str(), cudaGetErrorString(e));
  checkCudaErrors(e);
}

// Array is n floats in device memory, freed at the end of its scope. It starts as NaN unless it is random.
class Array {
 public:
  explicit Array(int64_t n) : host_(n, NAN) {
    void *p;
    must(cudaMalloc(&p, n * sizeof(float)));
    device_ = static_cast<float *>(p);
    upload();
  }
  explicit Array(std::vector<float> values) : Array(int64_t(values.size())) {
    host_ = std::move(values);
    upload();
  }
  Array(const Array &) = delete;
  Array(Array &&other) : host_(std::move(other.host_)), device_(other.device_) { other.device_ = nullptr; }
  ~Array() { cudaFree(device_); }
  operator float *() const { return device_; }
  // before are the values that the array was made of, in double precision for the simple versions.
  std::vector<double> before() const { return {host_.begin(), host_.end()}; }
  // after are the values on the device now.
  std::vector<float> after() const {
    std::vector<float> values(host_.size());
    must(cudaDeviceSynchronize());
    must(cudaMemcpy(values.data(), device_, values.size() * sizeof(float), cudaMemcpyDeviceToHost));
    return values;
  }

 private:
  void upload() { must(cudaMemcpy(device_, host_.data(), host_.size() * sizeof(float), cudaMemcpyHostToDevice)); }
  std::vector<float> host_;
  float *device_;
};

inline std::mt19937 generator{1};

// random is n normal values, times scale.
inline Array random(int64_t n, float scale = 1) {
  std::normal_distribution<float> normal(0, scale);
  std::vector<float> values(n);
  for (float &v : values) v = normal(generator);
  return Array(std::move(values));
}

// below is a random whole number of 1 to most.
inline int below(int most) { return int(generator() % unsigned(most)) + 1; }

// run runs one operation with a workspace of exactly the size it asks for.
template <class Operation>
void run(const Operation &op, mixmas_numerics numerics, mixmas_step step = {0.01, 42, 1, 3}) {
  Array workspace(mixmas::workspace_size(op, numerics));
  void *p;
  must(cudaMalloc(&p, sizeof step));
  must(cudaMemcpy(p, &step, sizeof step, cudaMemcpyHostToDevice));
  must(mixmas::run(mixmas::Context{nullptr, numerics, static_cast<mixmas_step *>(p), workspace}, op));
  must(cudaDeviceSynchronize());
  must(cudaGetLastError());
  cudaFree(p);
}

// roundoff is the unit roundoff of a product's operands.
inline double roundoff(mixmas_numerics numerics) {
  return numerics == MIXMAS_FP32 ? std::ldexp(1, -24) : numerics == MIXMAS_TF32 ? std::ldexp(1, -11) : std::ldexp(1, -8);
}

// close compares what was written with what is wanted: no element may be off by more than `tolerance` times the largest
// magnitude wanted, or that of the terms whose sum an element is. NaN is never close.
inline void close(const char *what, const Array &got, const std::vector<double> &want, double tolerance, double terms = 0) {
  std::vector<float> values = got.after();
  double largest = std::max(1e-30, terms), worst = 0;
  size_t at = 0;
  for (double w : want) largest = std::max(largest, std::fabs(w));
  for (size_t i = 0; i < want.size(); ++i) {
    double off = std::fabs(values[i] - want[i]) / largest;
    if (!(off <= worst)) worst = off, at = i;
  }
  if (!(worst <= tolerance))
    fail("%s: element %zu of %zu is %g, want %g: off by %.3g of the largest, allowed are %.3g", what, at, want.size(),
         values[at], want[at], worst, tolerance);
}

struct Case {
  const char *name;
  std::function<void(mixmas_numerics)> body;
};

inline int check_main(const std::vector<Case> &cases) {
  const char *names[] = {"fp32", "tf32", "bf16"};
  for (const Case &c : cases)
    for (int n = MIXMAS_FP32; n <= MIXMAS_BF16; ++n) {
      generator.seed(1);
      where = std::string(c.name) + " in " + names[n];
      c.body(mixmas_numerics(n));
    }
  printf("%zu cases, %d failures\n", cases.size(), failures);
  return failures != 0;
}

}  // namespace test
