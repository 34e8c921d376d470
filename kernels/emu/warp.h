// warp.h: barriers, shuffles and votes, as kernels call them.
#pragma once

#include "block.h"

inline void __syncthreads(EMULATOR_PLACE) { emulator::synchronise(0, file, line); }
inline int __syncthreads_count(int vote, EMULATOR_PLACE) { return emulator::synchronise(vote, file, line); }
inline int __syncthreads_or(int vote, EMULATOR_PLACE) { return emulator::synchronise(vote, file, line) != 0; }
inline int __syncthreads_and(int vote, EMULATOR_PLACE) { return emulator::synchronise(!vote, file, line) == 0; }

namespace emulator {

inline void nothing(Warp &, uint32_t) {}

// Shuffle is the value that a lane gives and the one that it receives.
template <class T>
struct Shuffle {
  T value;
  int from;  // the source lane; the lane itself if there is none
  T result;
};

template <class T>
EMULATOR_PLAIN void complete_shuffle(Warp &warp, uint32_t lanes) {
  for (uint32_t rest = lanes; rest; rest &= rest - 1) {
    auto *lane = static_cast<Shuffle<T> *>(warp.arguments[__builtin_ctz(rest)]);
    if (lanes >> lane->from & 1) {
      lane->result = static_cast<Shuffle<T> *>(warp.arguments[lane->from])->value;
    } else {
      memset(static_cast<void *>(&lane->result), 0xff, sizeof lane->result);  // anything; here NaN
    }
  }
}

template <class T>
EMULATOR_PLAIN T shuffle(uint32_t lanes, T value, int from, const char *file, int line) {
  Shuffle<T> lane{value, from, value};
  together(lanes, &lane, complete_shuffle<T>, file, line);
  return lane.result;
}

struct Vote {
  bool yes;
  uint32_t result;
};

EMULATOR_PLAIN inline void complete_vote(Warp &warp, uint32_t lanes) {
  uint32_t result = 0;
  for (uint32_t rest = lanes; rest; rest &= rest - 1) {
    int lane = __builtin_ctz(rest);
    if (static_cast<Vote *>(warp.arguments[lane])->yes) result |= 1u << lane;
  }
  for (uint32_t rest = lanes; rest; rest &= rest - 1) {
    static_cast<Vote *>(warp.arguments[__builtin_ctz(rest)])->result = result;
  }
}

}  // namespace emulator

inline void __syncwarp(uint32_t lanes = ~0u, EMULATOR_PLACE) {
  emulator::together(lanes, nullptr, emulator::nothing, file, line);
}

EMULATOR_PLAIN inline uint32_t __ballot_sync(uint32_t lanes, int vote, EMULATOR_PLACE) {
  emulator::Vote lane{vote != 0, 0};
  emulator::together(lanes, &lane, emulator::complete_vote, file, line);
  return lane.result;
}
inline int __any_sync(uint32_t lanes, int vote, EMULATOR_PLACE) { return __ballot_sync(lanes, vote, file, line) != 0; }
inline int __all_sync(uint32_t lanes, int vote, EMULATOR_PLACE) { return __ballot_sync(lanes, !vote, file, line) == 0; }

// A lane that asks for one outside its segment of `width` lanes gets its own value.
template <class T>
EMULATOR_PLAIN T __shfl_sync(uint32_t lanes, T value, int from, int width = 32, EMULATOR_PLACE) {
  int segment = emulator::current->lane & -width;
  return emulator::shuffle(lanes, value, segment + (from & (width - 1)), file, line);
}
template <class T>
EMULATOR_PLAIN T __shfl_up_sync(uint32_t lanes, T value, unsigned by, int width = 32, EMULATOR_PLACE) {
  int lane = emulator::current->lane, from = lane - int(by);
  return emulator::shuffle(lanes, value, from < (lane & -width) ? lane : from, file, line);
}
template <class T>
EMULATOR_PLAIN T __shfl_down_sync(uint32_t lanes, T value, unsigned by, int width = 32, EMULATOR_PLACE) {
  int lane = emulator::current->lane, from = lane + int(by);
  return emulator::shuffle(lanes, value, from >= (lane & -width) + width ? lane : from, file, line);
}
template <class T>
EMULATOR_PLAIN T __shfl_xor_sync(uint32_t lanes, T value, int with, int width = 32, EMULATOR_PLACE) {
  int lane = emulator::current->lane, from = lane ^ with;
  return emulator::shuffle(lanes, value, from >= (lane & -width) + width ? lane : from, file, line);
}
