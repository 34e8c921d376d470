// tensor_cores.h: the emulation of the PTX in launch.cuh: matrix products of a warp, loads of their fragments, and
// asynchronous copies. Lanes hold the elements that the PTX manual assigns to them.
#pragma once

#include "warp.h"

// Optimises functions in all builds that would be slow otherwise.
#define EMULATOR_FAST EMULATOR_PLAIN __attribute__((optimize("O3")))

namespace emulator {

inline float as_float(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

inline uint32_t as_bits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

// One lane's part of D = A B + D, with A 16 rows by K, B K by 8 columns, and D 16 by 8.
struct Fragments {
  float *d;
  const uint32_t *a, *b;
};

// Operands are A and B as a whole.
template <int K>
struct Operands {
  float a[16][K];
  alignas(16) float b[K][8];
};

// multiply adds A B to the D that the lanes hold, from k = 0 upwards.
template <int K>
EMULATOR_FAST void multiply(Warp &warp, const Operands<K> &operands) {
  typedef float Four __attribute__((vector_size(16)));
  constexpr int ROWS = 4;  // at a time, in registers
  for (int from = 0; from < 16; from += ROWS) {
    float *d[ROWS][4];  // of the four lanes that hold a row, two elements each
    Four low[ROWS], high[ROWS];
    for (int i = 0; i < ROWS; ++i) {
      int row = from + i;
      for (int t = 0; t < 4; ++t) d[i][t] = static_cast<Fragments *>(warp.arguments[row % 8 * 4 + t])->d + row / 8 * 2;
      low[i] = Four{d[i][0][0], d[i][0][1], d[i][1][0], d[i][1][1]};
      high[i] = Four{d[i][2][0], d[i][2][1], d[i][3][0], d[i][3][1]};
    }
    for (int k = 0; k < K; ++k) {
      const Four *b = reinterpret_cast<const Four *>(operands.b[k]);
      for (int i = 0; i < ROWS; ++i) {
        low[i] += operands.a[from + i][k] * b[0];
        high[i] += operands.a[from + i][k] * b[1];
      }
    }
    for (int i = 0; i < ROWS; ++i) {
      for (int j = 0; j < 2; ++j) {
        d[i][0][j] = low[i][j];
        d[i][1][j] = low[i][2 + j];
        d[i][2][j] = high[i][j];
        d[i][3][j] = high[i][2 + j];
      }
    }
  }
}

inline void need_whole_warp(uint32_t lanes) {
  if (lanes != ~0u) die("an operation on tensor cores needs all 32 lanes of its warp");
}

// unpack makes two floats from a pair of bf16.
EMULATOR_FAST inline void unpack(uint32_t pair, float &low, float &high) {
  uint32_t low_bits = pair << 16, high_bits = pair & 0xffff0000u;
  __builtin_memcpy(&low, &low_bits, sizeof low);
  __builtin_memcpy(&high, &high_bits, sizeof high);
}

EMULATOR_FAST inline void complete_mma_bf16(Warp &warp, uint32_t lanes) {
  need_whole_warp(lanes);
  Operands<16> operands;
  for (int lane = 0; lane < 32; ++lane) {
    const auto *own = static_cast<Fragments *>(warp.arguments[lane]);
    int g = lane / 4, k = lane % 4 * 2;
    float(&a)[16][16] = operands.a, (&b)[16][8] = operands.b;
    unpack(own->a[0], a[g][k], a[g][k + 1]);
    unpack(own->a[1], a[g + 8][k], a[g + 8][k + 1]);
    unpack(own->a[2], a[g][k + 8], a[g][k + 9]);
    unpack(own->a[3], a[g + 8][k + 8], a[g + 8][k + 9]);
    unpack(own->b[0], b[k][g], b[k + 1][g]);
    unpack(own->b[1], b[k + 8][g], b[k + 9][g]);
  }
  multiply(warp, operands);
}

// tf32 returns an operand as the hardware sees it: without the lower 13 bits.
EMULATOR_FAST inline float tf32(uint32_t bits) {
  bits &= 0xffffe000u;
  float value;
  __builtin_memcpy(&value, &bits, sizeof value);
  return value;
}

EMULATOR_FAST inline void complete_mma_tf32(Warp &warp, uint32_t lanes) {
  need_whole_warp(lanes);
  Operands<8> operands;
  for (int lane = 0; lane < 32; ++lane) {
    const auto *own = static_cast<Fragments *>(warp.arguments[lane]);
    int g = lane / 4, k = lane % 4;
    float(&a)[16][8] = operands.a, (&b)[8][8] = operands.b;
    a[g][k] = tf32(own->a[0]);
    a[g + 8][k] = tf32(own->a[1]);
    a[g][k + 4] = tf32(own->a[2]);
    a[g + 8][k + 4] = tf32(own->a[3]);
    b[k][g] = tf32(own->b[0]);
    b[k + 4][g] = tf32(own->b[1]);
  }
  multiply(warp, operands);
}

// One lane's part of ldmatrix: the row that it points to, and the registers that it gets.
struct MatrixLoad {
  uint32_t *registers;
  const char *row;
};

// complete_ldmatrix loads 8 x 8 matrices of 16-bit elements. Lane i points to row i % 8 of matrix i / 8.
template <int Matrices, bool Transposed>
void complete_ldmatrix(Warp &warp, uint32_t lanes) {
  need_whole_warp(lanes);
  for (int matrix = 0; matrix < Matrices; ++matrix) {
    uint16_t elements[8][8];
    for (int row = 0; row < 8; ++row) {
      const char *from = static_cast<MatrixLoad *>(warp.arguments[8 * matrix + row])->row;
      if (reinterpret_cast<uintptr_t>(from) % 16) die("ldmatrix: a row is not aligned to 16 bytes");
      memcpy(elements[row], from, 16);
    }
    for (int lane = 0; lane < 32; ++lane) {
      int row = lane / 4, column = lane % 4 * 2;
      uint16_t low = Transposed ? elements[column][row] : elements[row][column];
      uint16_t high = Transposed ? elements[column + 1][row] : elements[row][column + 1];
      static_cast<MatrixLoad *>(warp.arguments[lane])->registers[matrix] = low | uint32_t(high) << 16;
    }
  }
}

template <int Matrices, bool Transposed>
EMULATOR_PLAIN void ldmatrix(uint32_t *registers, const void *row, const char *file, int line) {
  MatrixLoad lane{registers, static_cast<const char *>(row)};
  together(~0u, &lane, complete_ldmatrix<Matrices, Transposed>, file, line);
}

// copy_async starts a copy. The copy is done as late as the kernel allows, when the thread waits for it; until then
// the target reads as NaN.
template <int Bytes>
void copy_async(void *shared, const void *global, bool valid) {
  if ((reinterpret_cast<uintptr_t>(shared) | (valid ? reinterpret_cast<uintptr_t>(global) : 0)) % Bytes) {
    die("asynchronous copy of %d bytes: an address is not aligned to them", Bytes);
  }
  const char *at = static_cast<char *>(shared);
  if (at < shared_memory - 1024 || at >= shared_memory + MAX_SHARED + 1024) {
    die("asynchronous copy to an address that is not in dynamic shared memory");
  }
#ifdef __SANITIZE_ADDRESS__
  char probe[Bytes];  // so that a bad source is reported at the call
  if (valid) memcpy(probe, global, Bytes);
  asm volatile("" ::"r"(probe) : "memory");
#endif
  memset(shared, 0xff, Bytes);
  current->copies.push_back({shared, valid ? global : nullptr, Bytes, current->committed});
}

// finish_copies does the copies of all groups except the newest `pending` ones.
inline void finish_copies(int pending) {
  auto &copies = current->copies;
  size_t done = 0;
  while (done < copies.size() && copies[done].group < current->committed - pending) {
    const Copy &copy = copies[done++];
    if (copy.global) {
      memcpy(copy.shared, copy.global, copy.bytes);
    } else {
      memset(copy.shared, 0, copy.bytes);
    }
  }
  copies.erase(copies.begin(), copies.begin() + done);
}

}  // namespace emulator

namespace mixmas {

inline void copy_async16(void *shared, const void *global, bool valid = true) {
  emulator::copy_async<16>(shared, global, valid);
}
inline void copy_async8(void *shared, const void *global, bool valid = true) {
  emulator::copy_async<8>(shared, global, valid);
}
inline void copy_async4(void *shared, const void *global, bool valid = true) {
  emulator::copy_async<4>(shared, global, valid);
}
inline void copy_commit() { ++emulator::current->committed; }
template <int Pending>
inline void copy_wait() {
  emulator::finish_copies(Pending);
}

EMULATOR_PLAIN inline void mma_tf32(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], EMULATOR_PLACE) {
  emulator::Fragments lane{d, a, b};
  emulator::together(~0u, &lane, emulator::complete_mma_tf32, file, line);
}
EMULATOR_PLAIN inline void mma_bf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], EMULATOR_PLACE) {
  emulator::Fragments lane{d, a, b};
  emulator::together(~0u, &lane, emulator::complete_mma_bf16, file, line);
}

inline uint32_t to_tf32(float x) {
  uint32_t bits = emulator::as_bits(x);
  bool finite = (bits & 0x7f800000u) != 0x7f800000u;
  return finite ? (bits + 0x1000u) & 0xffffe000u : bits;
}

inline uint32_t pack_bf16(float low, float high) {
  auto round = [](float x) -> uint32_t {  // to nearest, ties to even
    uint32_t bits = emulator::as_bits(x);
    if (x != x) return 0x7fff;
    return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  };
  return round(low) | round(high) << 16;
}

inline void ldmatrix_x4(uint32_t (&r)[4], const void *row, EMULATOR_PLACE) {
  emulator::ldmatrix<4, false>(r, row, file, line);
}
inline void ldmatrix_x2(uint32_t (&r)[2], const void *row, EMULATOR_PLACE) {
  emulator::ldmatrix<2, false>(r, row, file, line);
}
inline void ldmatrix_x4_transposed(uint32_t (&r)[4], const void *row, EMULATOR_PLACE) {
  emulator::ldmatrix<4, true>(r, row, file, line);
}
inline void ldmatrix_x2_transposed(uint32_t (&r)[2], const void *row, EMULATOR_PLACE) {
  emulator::ldmatrix<2, true>(r, row, file, line);
}

}  // namespace mixmas
