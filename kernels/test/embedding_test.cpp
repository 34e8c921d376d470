// embedding_test.cpp: lookups in a table and their gradient against embedding_simple.h.
#include "embedding_simple.h"
#include "shifted.h"

namespace {

using test::input;
using test::output;
using test::Shifted;

struct Shape {
  int64_t rows, width, vocabulary;
};

// Around packs and blocks; small tables, in which many rows have a token, and large ones, in which most have none.
const Shape shapes[] = {{1, 1, 2}, {7, 3, 5}, {33, 4, 2}, {64, 12, 300}, {300, 5, 7}, {3, 1030, 4}, {1000, 64, 40}};

// ids_of are tokens, one of which is in many rows, and ids that are none.
Shifted ids_of(const Shape &s, int shift) {
  const float odd[] = {0.0f, -0.0f, -1.0f, 1.5f, float(s.vocabulary), NAN, INFINITY, -INFINITY, 3e9f};
  std::vector<float> ids(s.rows);
  for (float &id : ids) {
    const int kind = test::below(4);
    id = kind == 1 ? odd[test::below(9) - 1] : kind == 2 ? float(s.vocabulary - 1) : float(test::below(int(s.vocabulary)) - 1);
  }
  return Shifted(ids, shift);
}

void forward(mixmas_numerics numerics) {
  for (const Shape &s : shapes)
    for (int shift : {0, 1}) {
      const Shifted ids = ids_of(s, shift), table = input(s.vocabulary * s.width, shift), y = output(s.rows * s.width, shift);
      test::run(mixmas_embedding{ids, table, y, s.rows, s.width, s.vocabulary}, numerics);
      y.close("y", simple::embedding(ids.before(), table.before(), s.vocabulary, s.width), 0);
    }
}

// Elements as large and as small as float32 has them are added up as precisely as others.
void gradient(mixmas_numerics numerics) {
  for (const Shape &s : shapes)
    for (float scale : {1.0f, 1e-38f, 1e30f})
      for (int shift : {0, 1})
        for (int added = 0; added < 3; ++added) {  // nothing, another array, the target
          const int64_t n = s.vocabulary * s.width;
          const Shifted ids = ids_of(s, shift), dy = input(s.rows * s.width, shift, scale);
          const Shifted plus = input(n, 0, scale), dtable = added == 2 ? input(n, shift, scale) : output(n, shift);
          std::vector<double> want = simple::embedding_grad(ids.before(), dy.before(), s.vocabulary, s.width);
          for (int64_t i = 0; i < n && added > 0; ++i) want[i] += (added == 1 ? plus : dtable).before()[i];
          const float *from = added == 1 ? plus + 0 : added == 2 ? dtable + 0 : nullptr;
          double largest = 0;
          for (double w : want) largest = std::max(largest, std::fabs(w));
          test::run(mixmas_embedding_grad{ids, dy, from, dtable, s.rows, s.width, s.vocabulary}, numerics);
          const std::vector<float> got = dtable.after();
          for (int64_t i = 0; i < n; ++i)
            if (!(std::fabs(got[i] - want[i]) <= 1e-6 * largest + 1e-45))
              test::fail("element %d of dtable is %g, want %g", int(i), got[i], want[i]);
        }
}

// The sums are the same in every order of the rows.
void any_order(mixmas_numerics numerics) {
  const Shape s = {500, 8, 3};
  const Shifted ids = ids_of(s, 0), dy = input(s.rows * s.width);
  std::vector<float> turned_ids, turned;
  for (int64_t row = s.rows - 1; row >= 0; --row) {
    turned_ids.push_back(float(ids.before()[row]));
    for (int64_t i = 0; i < s.width; ++i) turned.push_back(float(dy.before()[row * s.width + i]));
  }
  const Shifted a = output(s.vocabulary * s.width), b = output(s.vocabulary * s.width);
  test::run(mixmas_embedding_grad{ids, dy, nullptr, a, s.rows, s.width, s.vocabulary}, numerics);
  test::run(mixmas_embedding_grad{Shifted(turned_ids), Shifted(turned), nullptr, b, s.rows, s.width, s.vocabulary}, numerics);
  for (int64_t i = 0; i < s.vocabulary * s.width; ++i)
    if (a.after()[i] != b.after()[i]) test::fail("element %d is %.9g or %.9g", int(i), a.after()[i], b.after()[i]);
}

void not_finite(mixmas_numerics numerics) {
  for (float value : {NAN, INFINITY, -INFINITY}) {
    const Shifted dtable = output(6);
    test::run(mixmas_embedding_grad{Shifted(std::vector<float>{1, 2}), Shifted(std::vector<float>{1, value, 3, 4}), nullptr, dtable,
                                    2, 2, 3},
              numerics);
    if (!std::isnan(dtable.after()[3])) test::fail("dy with %g gives %g", value, dtable.after()[3]);
  }
}

}  // namespace

int main() {
  return test::check_main(
      {{"forward", forward}, {"gradient", gradient}, {"any order", any_order}, {"not finite", not_finite}});
}
