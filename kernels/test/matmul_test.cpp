// matmul_test.cpp: the matrix product in all its shapes, orders, ways and epilogues against matmul_simple.h.
#include "matmul.h"

#include "check.h"
#include "matmul_simple.h"

using mixmas::MatmulPath;
using mixmas::MatmulPlan;

namespace {

enum Operands { BIAS = 1, BIAS_ROWS = 2, PRE = 4, GATE = 8, PLUS = 16, PLUS_IS_C = 32 };

struct Shape {
  int m, n, k;
  bool transpose_a = false, transpose_b = false;
  int operands = 0, activation = MIXMAS_IDENTITY;
  int batch[2] = {1, 1};
  bool shared_a = false, shared_b = false;  // one matrix for the whole batch
  bool sum[2] = {false, false};
  int gap = 0;    // elements between the lines of each matrix
  int shift = 0;  // elements before the first matrix
};

std::string describe(const Shape &s, const MatmulPlan *forced) {
  char text[200];
  snprintf(text, sizeof text,
           "%dx%dx%d %c%c operands %d activation %d batch %d%s %d%s gap %d shift %d path %d slices %d",
           s.m, s.n, s.k, s.transpose_a ? 'T' : 'N', s.transpose_b ? 'T' : 'N', s.operands, s.activation, s.batch[0],
           s.sum[0] ? " summed" : "", s.batch[1], s.sum[1] ? " summed" : "", s.gap, s.shift,
           forced ? int(forced->path) : -1, forced ? forced->slices : 0);
  return text;
}

// strided is the layout of a batch of matrices: the outer stride, the inner one, and the number of elements.
struct Strided {
  int64_t strides[2] = {0, 0}, size;
  Strided(int lines, int ld, const int (&batch)[2], bool outer, bool inner) {
    size = int64_t(lines) * ld;
    if (inner) strides[1] = size, size *= batch[1];
    if (outer) strides[0] = size, size *= batch[0];
  }
};

// in reads the part of an array from `shift` on.
std::vector<double> from(const test::Array &array, int shift) {
  std::vector<double> values = array.before();
  return {values.begin() + shift, values.end()};
}

// output is an array to write to: NaN, or values, where a matrix lies, and 7 in the gaps, which must stay.
test::Array output(const mixmas_matmul &op, int64_t size, int shift, bool values) {
  std::vector<float> filled(size + shift, 7);
  std::normal_distribution<float> normal;
  for (int o = 0; o < op.batch[0]; ++o)
    for (int i = 0; i < op.batch[1]; ++i)
      for (int row = 0; row < op.m; ++row)
        for (int column = 0; column < op.n; ++column)
          filled[shift + o * op.stride_c[0] + i * op.stride_c[1] + int64_t(row) * op.ldc + column] =
              values ? normal(test::generator) : NAN;
  return test::Array(std::move(filled));
}

void product(mixmas_numerics numerics, const Shape &s, const MatmulPlan *forced = nullptr) {
  mixmas_matmul op = {};
  op.transpose_a = s.transpose_a, op.transpose_b = s.transpose_b;
  op.m = s.m, op.n = s.n, op.k = s.k;
  op.lda = (s.transpose_a ? s.m : s.k) + s.gap;
  op.ldb = (s.transpose_b ? s.k : s.n) + s.gap;
  op.ldc = s.n + s.gap;
  const Strided a_layout(s.transpose_a ? s.k : s.m, op.lda, s.batch, !s.shared_a, !s.shared_a);
  const Strided b_layout(s.transpose_b ? s.n : s.k, op.ldb, s.batch, !s.shared_b, !s.shared_b);
  const Strided c_layout(s.m, op.ldc, s.batch, !s.sum[0], !s.sum[1]);
  for (int i = 0; i < 2; ++i) {
    op.batch[i] = s.batch[i];
    op.stride_a[i] = a_layout.strides[i], op.stride_b[i] = b_layout.strides[i], op.stride_c[i] = c_layout.strides[i];
  }
  op.activation = s.activation;

  test::Array a = test::random(a_layout.size + s.shift), b = test::random(b_layout.size + s.shift);
  const int64_t size = c_layout.size;
  test::Array bias = test::random(s.operands & BIAS_ROWS ? s.m : s.n), gate = test::random(size + s.shift),
               plus = test::random(size + s.shift);
  test::Array c = output(op, size, s.shift, s.operands & PLUS_IS_C), pre = output(op, size, s.shift, false);
  op.a = a + s.shift, op.b = b + s.shift, op.c = c + s.shift;
  if (s.operands & (BIAS | BIAS_ROWS)) op.bias = bias;
  op.bias_rows = (s.operands & BIAS_ROWS) != 0;
  if (s.operands & PRE) op.pre = pre + s.shift;
  if (s.operands & GATE) op.gate = gate + s.shift;
  if (s.operands & PLUS) op.plus = plus + s.shift;
  if (s.operands & PLUS_IS_C) op.plus = op.c;

  simple::Matmul want{from(a, s.shift), from(b, s.shift), bias.before(), from(gate, s.shift),
                      from(s.operands & PLUS_IS_C ? c : plus, s.shift), from(c, s.shift), from(pre, s.shift)};
  want.run(op);
  const auto padded = [&](std::vector<double> values) {
    values.insert(values.begin(), s.shift, 7.0);
    return values;
  };

  const std::string case_name = test::where;
  test::where += ", " + describe(s, forced);
  if (forced) {
    test::Array workspace(mixmas::workspace_size(op, *forced));
    test::must(mixmas::run(mixmas::Context{nullptr, numerics, nullptr, workspace}, op, *forced));
    test::must(cudaDeviceSynchronize());
  } else {
    test::run(op, numerics);
  }
  // The errors of k products of random signs add up to about their roundoff times √k, as the products themselves do.
  // Squares and gates multiply by what is drawn, at most about 4.
  const double tolerance = 6 * test::roundoff(numerics) + 1e-6 + std::sqrt(double(s.k)) * 1e-7;
  // A function that saturates keeps the errors of what it reads, but not its size.
  const bool saturates = op.activation == MIXMAS_SIGMOID || op.activation == MIXMAS_TANH || op.activation == MIXMAS_SILU;
  test::close("c", c, padded(want.c), tolerance, saturates ? want.read : 0);
  if (op.pre) test::close("pre", pre, padded(want.pre), tolerance);
  test::where = case_name;
}

void orders(mixmas_numerics numerics) {
  for (bool transpose_a : {false, true})
    for (bool transpose_b : {false, true})
      for (MatmulPath path : {MatmulPath::DIRECT, MatmulPath::SMALL, MatmulPath::MEDIUM, MatmulPath::LARGE})
        for (int gap : {0, 1, 4}) {
          const MatmulPlan plan{path, 1};
          const int operands = gap ? PLUS | PRE : 0;
          product(numerics, {20, 36, 40, transpose_a, transpose_b, operands, 0, {1, 1}, 0, 0, {0, 0}, gap}, &plan);
          if (path == MatmulPath::SMALL)  // the transposed product
            product(numerics, {36, 12, 40, transpose_a, transpose_b, operands, 0, {1, 1}, 0, 0, {0, 0}, gap}, &plan);
        }
}

// Several tiles, whole and not, with full and partial steps.
void sizes(mixmas_numerics numerics) {
  const struct { MatmulPath path; int m, n; } tiles[] = {
      {MatmulPath::SMALL, 33, 130},
      {MatmulPath::SMALL, 130, 15},
      {MatmulPath::MEDIUM, 128, 68},
      {MatmulPath::LARGE, 130, 132}};
  for (const auto &t : tiles) {
    const MatmulPlan plan{t.path, 1};
    product(numerics, {t.m, t.n, 67, false, true, BIAS}, &plan);
    product(numerics, {t.m, t.n, 64, true, false, BIAS_ROWS | GATE, MIXMAS_GELU}, &plan);
  }
  const MatmulPlan direct{MatmulPath::DIRECT, 1};
  product(numerics, {5, 7, 3, false, false}, &direct);
  product(numerics, {5, 8, 9, false, true, BIAS_ROWS}, &direct);
}

void epilogues(mixmas_numerics numerics) {
  const MatmulPlan plans[] = {{MatmulPath::DIRECT, 1}, {MatmulPath::SMALL, 1}, {MatmulPath::SMALL, 2}};
  for (const MatmulPlan &plan : plans) {
    for (int activation = MIXMAS_IDENTITY; activation <= MIXMAS_SILU; ++activation)
      for (int n : {9, 20})
        for (int operands : {0, int(BIAS), BIAS_ROWS | PRE, BIAS | PRE | PLUS, GATE | PLUS_IS_C, BIAS | GATE | PRE})
          product(numerics, {18, n, 64, false, n == 9, operands, activation}, &plan);
    product(numerics, {18, 20, 64, true, false, PLUS_IS_C, MIXMAS_GELU, {1, 1}, 0, 0, {0, 0}, 4, 1}, &plan);
  }
}

void batches(mixmas_numerics numerics) {
  const MatmulPlan plans[] = {{MatmulPath::DIRECT, 1}, {MatmulPath::SMALL, 1}, {MatmulPath::SMALL, 2}};
  for (const MatmulPlan &plan : plans) {
    const bool direct = plan.path == MatmulPath::DIRECT;
    product(numerics, {17, 12, 40, false, false, BIAS, 0, {3, 2}}, &plan);
    product(numerics, {4, 20, 40, false, false, BIAS_ROWS | PRE, MIXMAS_GELU, {3, 2}, true}, &plan);
    product(numerics, {4, 20, 40, false, true, BIAS, 0, {3, 2}, false, true}, &plan);   // folds into rows
    product(numerics, {4, 20, 40, true, false, PLUS, 0, {3, 2}, false, true, {}, 3}, &plan);
    if (direct) continue;
    // This one folds into a longer sum.
    product(numerics, {17, 12, 40, true, false, PLUS_IS_C, 0, {3, 2}, false, false, {true, true}}, &plan);
    product(numerics, {17, 12, 40, false, true, 0, 0, {3, 2}, false, false, {true, true}}, &plan);
    product(numerics, {17, 12, 40, false, true, PLUS, 0, {3, 2}, false, false, {true, false}}, &plan);
    product(numerics, {17, 12, 40, false, false, 0, 0, {3, 2}, false, false, {false, true}, 2, 3}, &plan);
  }
}

void slices(mixmas_numerics numerics) {
  for (int n : {8, 40})
    for (int count : {2, 5}) {
      const MatmulPlan plan{MatmulPath::SMALL, count};
      product(numerics, {21, n, 310, true, false, PLUS_IS_C}, &plan);
    }
  const MatmulPlan medium{MatmulPath::MEDIUM, 3};
  product(numerics, {66, 68, 96, true, false, BIAS | PRE, MIXMAS_GELU}, &medium);
}

// What the models have, smaller, in the way that the plan chooses.
void models(mixmas_numerics numerics) {
  product(numerics, {4, 64, 32, false, false, BIAS_ROWS | PLUS, 0, {3, 1}, true});
  product(numerics, {32, 64, 4, false, false, BIAS_ROWS | PRE, MIXMAS_GELU, {3, 1}, true});
  product(numerics, {32, 64, 4, true, false, GATE, MIXMAS_GELU, {3, 1}, true});
  product(numerics, {32, 4, 64, false, true, PLUS_IS_C, 0, {9, 1}, false, false, {true, true}});
  product(numerics, {70, 24, 600, true, false, PLUS_IS_C});
  product(numerics, {24, 101, 48, false, true, BIAS});
  product(numerics, {2, 16, 2, false, false, 0, 0, {5, 2}, true});
}

// The plans of known shapes: a change of the choice changes sums, and should be meant.
void plans(mixmas_numerics numerics) {
  if (numerics != MIXMAS_FP32) return;
  const MatmulPath direct = MatmulPath::DIRECT, small = MatmulPath::SMALL, medium = MatmulPath::MEDIUM;
  const struct { int m, n, k, batch; bool summed, shared_b; MatmulPath path; int slices; } expected[] = {
      {4096, 3072, 128, 1, false, false, MatmulPath::LARGE, 1},
      {256, 3072, 128, 1, false, false, medium, 1},
      {256, 128, 128, 1, false, false, small, 1},
      {256, 128, 3072, 1, false, false, medium, 24},
      {3072, 128, 4096, 1, false, false, medium, 3},
      {32, 32, 8192, 1, false, false, small, 64},
      {4, 128, 32, 64, false, false, direct, 1},
      {32, 4, 128, 64, true, false, small, 64},
      {12544, 64, 256, 1, false, false, medium, 1},
      {4, 128, 128, 64, false, true, small, 1},
  };
  for (const auto &x : expected) {
    mixmas_matmul op = {};
    op.m = x.m, op.n = x.n, op.k = x.k;
    op.lda = x.k, op.ldb = x.n, op.ldc = x.n;
    op.batch[0] = x.batch, op.batch[1] = 1;
    op.stride_a[0] = int64_t(x.m) * x.k;
    op.stride_b[0] = x.shared_b ? 0 : int64_t(x.k) * x.n;
    op.stride_c[0] = x.summed ? 0 : int64_t(x.m) * x.n;
    const MatmulPlan plan = mixmas::plan(op);
    if (plan.path != x.path || plan.slices != x.slices)
      test::fail("%d x %d x %d, batch %d: path %d with %d slices, want %d with %d", x.m, x.n, x.k, x.batch,
                  int(plan.path), plan.slices, int(x.path), x.slices);
  }
}

// Operands are rounded to nearest: were they cut off, sums of positive products would all be too small.
void rounding(mixmas_numerics numerics) {
  const int n = 16, k = 256;
  std::vector<float> values(n * k);
  std::uniform_real_distribution<float> uniform(1, 2);
  for (float &v : values) v = uniform(test::generator);
  test::Array a(values), b(values), c(n * n);
  mixmas_matmul op = {};
  op.a = a, op.b = b, op.c = c;
  op.transpose_b = true;
  op.m = op.n = n, op.k = k;
  op.lda = op.ldb = k, op.ldc = n;
  op.batch[0] = op.batch[1] = 1;
  test::run(op, numerics);
  simple::Matmul want{a.before(), b.before(), {}, {}, {}, std::vector<double>(n * n), {}};
  want.run(op);
  double excess = 0;
  const std::vector<float> got = c.after();
  for (int i = 0; i < n * n; ++i) excess += (got[i] / want.c[i] - 1) / (n * n);
  if (!(std::fabs(excess) <= 0.15 * test::roundoff(numerics) + 1e-7))
    test::fail("products are too large by %g on average, %g of the roundoff", excess,
                excess / test::roundoff(numerics));
}

}  // namespace

int main() {
  return test::check_main({{"orders", orders},
                            {"sizes", sizes},
                            {"epilogues", epilogues},
                            {"batches", batches},
                            {"slices", slices},
                            {"models", models},
                            {"plans", plans},
                            {"rounding", rounding}});
}
