// main.cpp: the C++ tests as one program, in a GPU build: each alone would have most of the kernels in it again.
//
//   kernel_tests         names them
//   kernel_tests NAME    runs one
//
// KERNEL_TESTS is TEST(name) for each; CMake gives the main function of each file the file's name.
#include <cstdio>
#include <cstring>

#define TEST(name) int name();
KERNEL_TESTS
#undef TEST

int main(int argc, char **argv) {
#define TEST(name) {#name, name},
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
