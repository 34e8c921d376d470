// strided.cuh: the index arithmetic of strided operands. The host merges dimensions without gaps in any operand, and
// turns the remaining divisions into multiplications.
#pragma once

#include "launch.cuh"
#include "mixmas.h"

namespace mixmas {

// Divider divides numbers below 2^31 by a constant in a multiplication, an addition and a shift (Granlund and
// Montgomery 1994).
struct Divider {
  uint32_t divisor, factor, shift;

  Divider() = default;
  explicit Divider(int64_t d) : divisor(uint32_t(d)), shift(0) {
    while ((int64_t(1) << shift) < d) ++shift;
    factor = uint32_t(((uint64_t(1) << 32) * ((uint64_t(1) << shift) - divisor)) / divisor + 1);
  }

  __host__ __device__ __forceinline__ uint32_t divide(uint32_t n) const {
    return (uint32_t((uint64_t(n) * factor) >> 32) + n) >> shift;
  }

  // divide splits n into quotient and remainder.
  __host__ __device__ __forceinline__ uint32_t divide(uint32_t n, uint32_t &remainder) const {
    uint32_t quotient = divide(n);
    remainder = n - quotient * divisor;
    return quotient;
  }
};

// MAX_INDICES is the largest range of a Divider: operations over more elements are cut into parts.
constexpr int64_t MAX_INDICES = (int64_t(1) << 31) - 1;

// Axes are the dimensions that the operands share, outermost first: the number of steps, and how far each operand
// moves in one step. There is always at least one axis, perhaps of a single step.
template <int OPERANDS>
struct Axes {
  int rank = 1;
  int64_t count[MIXMAS_MAX_RANK] = {1};
  int64_t stride[MIXMAS_MAX_RANK][OPERANDS] = {};

  int64_t size() const {
    int64_t n = 1;
    for (int d = 0; d < rank; ++d) n *= count[d];
    return n;
  }

  // append adds an innermost axis, or extends the innermost one if it leaves no gap in any operand.
  void append(int64_t steps, const int64_t (&step)[OPERANDS]) {
    if (steps == 1) return;
    bool runs_on = true;
    for (int k = 0; k < OPERANDS; ++k) runs_on = runs_on && stride[rank - 1][k] == steps * step[k];
    const bool first = rank == 1 && count[0] == 1;
    if (!first && !runs_on) count[rank++] = 1;
    count[rank - 1] *= steps;
    for (int k = 0; k < OPERANDS; ++k) stride[rank - 1][k] = step[k];
  }
};

// in_parts calls run(axes, offsets) for parts of at most `most` elements each; offsets is where each operand begins.
template <int OPERANDS, class Run>
cudaError_t in_parts(const Axes<OPERANDS> &axes, const int64_t (&offset)[OPERANDS], int64_t most, const Run &run) {
  if (axes.size() <= most) return run(axes, offset);
  int longest = 0;
  for (int d = 1; d < axes.rank; ++d)
    if (axes.count[d] > axes.count[longest]) longest = d;
  Axes<OPERANDS> part = axes;
  part.count[longest] = axes.count[longest] / 2;
  if (cudaError_t e = in_parts(part, offset, most, run)) return e;
  int64_t second[OPERANDS];
  for (int k = 0; k < OPERANDS; ++k) second[k] = offset[k] + part.count[longest] * axes.stride[longest][k];
  part.count[longest] = axes.count[longest] - part.count[longest];
  return in_parts(part, second, most, run);
}

// Strided turns the number of an element, in row-major order of the axes, into each operand's offset.
template <int OPERANDS>
struct Strided {
  int rank;
  Divider count[MIXMAS_MAX_RANK];
  int64_t stride[MIXMAS_MAX_RANK][OPERANDS];

  explicit Strided(const Axes<OPERANDS> &axes) : rank(axes.rank) {
    for (int d = 0; d < rank; ++d) {
      count[d] = Divider(axes.count[d]);
      for (int k = 0; k < OPERANDS; ++k) stride[d][k] = axes.stride[d][k];
    }
  }

  __host__ __device__ __forceinline__ void offsets(uint32_t i, int64_t (&offset)[OPERANDS]) const {
#pragma unroll
    for (int k = 0; k < OPERANDS; ++k) offset[k] = 0;
    for (int d = rank - 1; d >= 0; --d) {
      uint32_t index = i;
      if (d > 0) i = count[d].divide(i, index);
#pragma unroll
      for (int k = 0; k < OPERANDS; ++k) offset[k] += index * stride[d][k];
    }
  }
};

}  // namespace mixmas
