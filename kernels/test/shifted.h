// shifted.h: arrays that begin a few floats behind a 16-byte boundary, to test that kernels do without aligned accesses
// where they must.
#pragma once

#include "check.h"

namespace test {

class Shifted {
 public:
  // Shifted is n values, or NaN where there are none, behind `by` zeros, which must stay.
  Shifted(int64_t n, int by, bool values, float scale = 1) : array_(make(n, by, values, scale)), by_(by) {}
  Shifted(std::vector<float> values, int by = 0) : array_(make(std::move(values), by)), by_(by) {}

  operator float *() const { return array_ + by_; }
  // when is the array, or NULL for an operand that is absent.
  float *when(bool present) const { return present ? *this + 0 : nullptr; }
  std::vector<double> before() const { return drop(array_.before()); }
  std::vector<float> after() const { return drop(array_.after()); }

  // close compares as test::close does.
  void close(const char *what, std::vector<double> want, double tolerance, double terms = 0) const {
    want.insert(want.begin(), by_, 0);
    test::close(what, array_, want, tolerance, terms);
  }

 private:
  static Array make(int64_t n, int by, bool values, float scale) {
    std::normal_distribution<float> normal(0, scale);
    std::vector<float> list(n, NAN);
    if (values)
      for (float &v : list) v = normal(generator);
    return make(std::move(list), by);
  }
  static Array make(std::vector<float> values, int by) {
    values.insert(values.begin(), by, 0);
    return Array(std::move(values));
  }
  template <class T>
  std::vector<T> drop(std::vector<T> values) const {
    values.erase(values.begin(), values.begin() + by_);
    return values;
  }
  Array array_;
  int by_;
};

// output is what an operation writes: NaN at first.
inline Shifted output(int64_t n, int by = 0) { return Shifted(n, by, false); }

// input is random values that an operation reads.
inline Shifted input(int64_t n, int by = 0, float scale = 1) { return Shifted(n, by, true, scale); }

inline std::vector<float> narrow(const std::vector<double> &x) { return {x.begin(), x.end()}; }

}  // namespace test
