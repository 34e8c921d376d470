// activation.cuh: the activations of device.Activation and their derivatives, in float32, for all kernels.
//
//   identity      x               1
//   gelu          x Φ(x)          Φ(x) + x φ(x)      Φ the exact normal distribution function, φ its density
//   relu          max(x, 0)       1 where x > 0, else 0
//   squared relu  max(x, 0)²      2 max(x, 0)
//   sigmoid       σ(x)            σ(x) σ(-x)         σ(x) = 1/(1 + exp(-x))
//   tanh          tanh(x)         4 σ(2x) σ(-2x)
//   silu          x σ(x)          σ(x) (1 + x σ(-x))
//
// Each comes with the activation as a template argument, for kernels that are compiled for one, and as an ordinary
// argument, for kernels that choose at run time: all threads take the same branch, which costs almost nothing.
#pragma once

#include "launch.cuh"
#include "mixmas.h"

namespace mixmas {

// normal_distribution is Φ(x) = (1 + erf(x/√2)) / 2.
__device__ __forceinline__ float normal_distribution(float x) {
  return 0.5f * (1.0f + erff(x * 0.70710678118654752f));
}

// normal_density is φ(x) = exp(-x²/2) / √(2π).
__device__ __forceinline__ float normal_density(float x) { return 0.39894228040143268f * expf(-0.5f * x * x); }

// sigmoid is σ(x), exact to a few units in the last place for every x: exp(-x) may be infinite.
__device__ __forceinline__ float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }

// near keeps x where σ(x) and σ(-x) are not 0, so that x σ(-x) is no NaN for an infinity. A NaN stays one.
__device__ __forceinline__ float near(float x) { return x < -87.0f ? -87.0f : x > 87.0f ? 87.0f : x; }

template <int ACTIVATION>
__device__ __forceinline__ float activate(float x) {
  if constexpr (ACTIVATION == MIXMAS_GELU) return x * normal_distribution(x);
  // Not fmaxf: the maximum of NaN and 0 would be 0, which would hide that a model diverges.
  if constexpr (ACTIVATION == MIXMAS_RELU) return x < 0.0f ? 0.0f : x;
  if constexpr (ACTIVATION == MIXMAS_SQUARED_RELU) return x < 0.0f ? 0.0f : x * x;
  if constexpr (ACTIVATION == MIXMAS_SIGMOID) return sigmoid(x);
  if constexpr (ACTIVATION == MIXMAS_TANH) return tanhf(x);
  if constexpr (ACTIVATION == MIXMAS_SILU) return (x < -87.0f ? -87.0f : x) * sigmoid(x);
  return x;
}

template <int ACTIVATION>
__device__ __forceinline__ float activate_grad(float x) {
  if constexpr (ACTIVATION == MIXMAS_GELU) return normal_distribution(x) + x * normal_density(x);
  if constexpr (ACTIVATION == MIXMAS_RELU) return x > 0.0f ? 1.0f : 0.0f;
  if constexpr (ACTIVATION == MIXMAS_SQUARED_RELU) return x < 0.0f ? 0.0f : 2.0f * x;
  if constexpr (ACTIVATION == MIXMAS_SIGMOID) return sigmoid(x) * sigmoid(-x);
  if constexpr (ACTIVATION == MIXMAS_TANH) return 4.0f * sigmoid(2.0f * x) * sigmoid(-2.0f * x);
  if constexpr (ACTIVATION == MIXMAS_SILU) return sigmoid(x) * (1.0f + near(x) * sigmoid(-x));
  return 1.0f;
}

__device__ __forceinline__ float activate(int activation, float x) {
  switch (activation) {
    case MIXMAS_GELU: return activate<MIXMAS_GELU>(x);
    case MIXMAS_RELU: return activate<MIXMAS_RELU>(x);
    case MIXMAS_SQUARED_RELU: return activate<MIXMAS_SQUARED_RELU>(x);
    case MIXMAS_SIGMOID: return activate<MIXMAS_SIGMOID>(x);
    case MIXMAS_TANH: return activate<MIXMAS_TANH>(x);
    case MIXMAS_SILU: return activate<MIXMAS_SILU>(x);
    default: return x;
  }
}

__device__ __forceinline__ float activate_grad(int activation, float x) {
  switch (activation) {
    case MIXMAS_GELU: return activate_grad<MIXMAS_GELU>(x);
    case MIXMAS_RELU: return activate_grad<MIXMAS_RELU>(x);
    case MIXMAS_SQUARED_RELU: return activate_grad<MIXMAS_SQUARED_RELU>(x);
    case MIXMAS_SIGMOID: return activate_grad<MIXMAS_SIGMOID>(x);
    case MIXMAS_TANH: return activate_grad<MIXMAS_TANH>(x);
    case MIXMAS_SILU: return activate_grad<MIXMAS_SILU>(x);
    default: return 1.0f;
  }
}

}  // namespace mixmas
