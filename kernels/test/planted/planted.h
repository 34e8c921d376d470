// planted.h: what the kernels with planted bugs share. Each file of this folder has one kernel with one bug, and runs it
// with the bug and without. They are for the emulator only.
#pragma once

#include <cmath>
#include <cstdio>
#include <vector>

#include "launch.cuh"

// Whether the bug is there.
extern bool planted;

// Program is one file: it returns 0 where the result is right.
struct Program {
  Program(const char *name, int (*run)()) : name(name), run(run), next(first) { first = this; }

  const char *name;
  int (*run)();
  Program *next;
  static Program *first;
};

inline void must(cudaError_t e) {
  if (e == cudaSuccess) return;
  fprintf(stderr, "%s\n", cudaGetErrorString(e));
  exit(2);
}

// Array is memory on the device that starts as 0, 1, 2, ...
struct Array {
  explicit Array(int n) : n(n) {
    std::vector<float> values(n);
    for (int i = 0; i < n; ++i) values[i] = float(i);
    must(cudaMalloc(&data, n * sizeof(float)));
    must(cudaMemcpy(data, values.data(), n * sizeof(float), cudaMemcpyHostToDevice));
  }
  ~Array() { must(cudaFree(data)); }

  std::vector<float> read() const {
    std::vector<float> values(n);
    must(cudaDeviceSynchronize());
    must(cudaMemcpy(values.data(), data, n * sizeof(float), cudaMemcpyDeviceToHost));
    return values;
  }

  int n;
  float *data;
};

// compare says whether element i is want(i), for all of them. It returns what main returns.
template <class Want>
int compare(const std::vector<float> &got, Want want) {
  for (size_t i = 0; i < got.size(); ++i) {
    if (got[i] == want(int(i))) continue;
    printf("wrong result: element %zu is %g, want %g\n", i, got[i], double(want(int(i))));
    return 1;
  }
  return 0;
}
