// main.cpp: the C++ tests and the stand-alone benchmark as one program, in a GPU build: each alone would have most of the kernels in
// it again.
//
//   kernel_tests            names the tests
//   kernel_tests NAME       runs one
//   kernel_tests bench ...  runs kernels/bench/bench.cu with the further arguments
//
// KERNEL_TESTS is TEST(name) for each; CMake gives the main function of each file the file's name.
#include <cstdio>
#include <cstring>

#define TEST(name) int name();
KERNEL_TESTS
#undef TEST
int bench(int argc, char **argv);

int main(int argc, char **argv) {
#define TEST(name) {#name, name},
  if (argc > 1 && !strcmp(argv[1], "bench")) return bench(argc - 1, argv + 1);
  const struct {
    const char *name;
    int (*run)();
  } tests[] = {KERNEL_TESTS};
  for (const auto &test : tests) {
    if (argc < 2) puts(test.name);
    if (argc == 2 && !strcmp(argv[1], test.name)) return test.run();
  }
  if (argc < 2) return 0;
  fprintf(stderr, "kernel_tests: there is no test %s\n", argv[1]);
  return 2;
}
