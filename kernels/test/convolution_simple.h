// convolution_simple.h: the operations of convolution.cu, one element after the other.
#pragma once

#include <cstdint>
#include <vector>

#include "mixmas.h"

namespace simple {

using Values = std::vector<double>;

// each_tap calls f(x element, y element, channel, place) for all elements of the patches y that lie within x.
template <class F>
void each_tap(const mixmas_maps &m, const F &f) {
  for (int b = 0; b < m.batch; ++b)
    for (int down = 0; down < m.out_height; ++down)
      for (int across = 0; across < m.out_width; ++across)
        for (int i = 0; i < m.kernel; ++i)
          for (int j = 0; j < m.kernel; ++j) {
            const int row = down * m.stride - m.padding + i, column = across * m.stride - m.padding + j;
            if (row < 0 || row >= m.height || column < 0 || column >= m.width) continue;
            const int64_t x = (int64_t(b) * m.height + row) * m.width + column;
            const int64_t patch = (int64_t(b) * m.out_height + down) * m.out_width + across;
            for (int c = 0; c < m.channels; ++c) f(x * m.channels + c, patch, c, i * m.kernel + j);
          }
}

inline int64_t cells(const mixmas_maps &m) { return int64_t(m.batch) * m.height * m.width * m.channels; }

inline int64_t patch_elements(const mixmas_maps &m) {
  return int64_t(m.batch) * m.out_height * m.out_width * m.kernel * m.kernel * m.channels;
}

inline int64_t in_patch(const mixmas_maps &m, int64_t patch, int channel, int place) {
  return (patch * m.kernel * m.kernel + place) * m.channels + channel;
}

inline Values im2col(const mixmas_maps &m, const Values &x) {
  Values y(patch_elements(m));
  each_tap(m, [&](int64_t at, int64_t patch, int c, int place) { y[in_patch(m, patch, c, place)] = x[at]; });
  return y;
}

inline Values col2im(const mixmas_maps &m, const Values &y) {
  Values x(cells(m));
  each_tap(m, [&](int64_t at, int64_t patch, int c, int place) { x[at] += y[in_patch(m, patch, c, place)]; });
  return x;
}

inline Values depthwise(const mixmas_maps &m, const Values &x, const Values &weight, bool flip) {
  Values y(cells(m));
  const int places = m.kernel * m.kernel;
  each_tap(m, [&](int64_t at, int64_t cell, int c, int place) {
    y[cell * m.channels + c] += x[at] * weight[c * places + (flip ? places - 1 - place : place)];
  });
  return y;
}

inline Values depthwise_grad(const mixmas_maps &m, const Values &x, const Values &dy) {
  Values dweight(m.channels * m.kernel * m.kernel);
  each_tap(m, [&](int64_t at, int64_t cell, int c, int place) {
    dweight[c * m.kernel * m.kernel + place] += x[at] * dy[cell * m.channels + c];
  });
  return dweight;
}

// each_window calls f(x element, y element, weight element) for all products of a convolution.
template <class F>
void each_window(const mixmas_windows &w, const F &f) {
  for (int b = 0; b < w.batch; ++b)
    for (int down = 0; down < w.out_height; ++down)
      for (int across = 0; across < w.out_width; ++across)
        for (int i = 0; i < w.kernel[0]; ++i)
          for (int j = 0; j < w.kernel[1]; ++j) {
            const int row = down * w.stride[0] - w.padding[0] + i * w.dilation[0];
            const int column = across * w.stride[1] - w.padding[1] + j * w.dilation[1];
            if (row < 0 || row >= w.height || column < 0 || column >= w.width) continue;
            const int64_t cell = (int64_t(b) * w.height + row) * w.width + column;
            const int64_t result = (int64_t(b) * w.out_height + down) * w.out_width + across;
            for (int o = 0; o < w.out; ++o)
              for (int c = 0; c < w.channels; ++c)
                f(cell * w.channels + c, result * w.out + o, ((int64_t(o) * w.channels + c) * w.kernel[0] + i) * w.kernel[1] + j);
          }
}

}  // namespace simple
