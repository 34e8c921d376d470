// embedding_simple.h: the operations of embedding.cu, one row after the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace simple {

using Values = std::vector<double>;

inline int64_t token(double id, int64_t vocabulary) { return id >= 0 && id < double(vocabulary) ? int64_t(id) : 1; }

inline Values embedding(const Values &ids, const Values &table, int64_t vocabulary, int64_t width) {
  Values y(ids.size() * width);
  for (std::size_t row = 0; row < ids.size(); ++row)
    if (const int64_t t = token(ids[row], vocabulary))
      for (int64_t i = 0; i < width; ++i) y[row * width + i] = table[t * width + i];
  return y;
}

inline Values embedding_grad(const Values &ids, const Values &dy, int64_t vocabulary, int64_t width) {
  Values dtable(vocabulary * width);
  for (std::size_t row = 0; row < ids.size(); ++row)
    if (const int64_t t = token(ids[row], vocabulary))
      for (int64_t i = 0; i < width; ++i) dtable[t * width + i] += dy[row * width + i];
  return dtable;
}

}  // namespace simple
