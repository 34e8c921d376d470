// fiber.h: stacks that a CUDA thread can be left on in the middle of a kernel, and the switch from one to another.
#pragma once

#include <sys/mman.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#if !defined(__x86_64__) && !defined(MIXMAS_EMULATOR_UCONTEXT)
#define MIXMAS_EMULATOR_UCONTEXT
#endif
#ifdef MIXMAS_EMULATOR_UCONTEXT
#include <ucontext.h>
#endif

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

// The emulator's own inner functions are not instrumented: they are tested, and run once per thread.
#define EMULATOR_PLAIN __attribute__((no_sanitize("address", "undefined")))

namespace emulator {

#ifdef __SANITIZE_ADDRESS__
constexpr size_t STACK_SIZE = 256 << 10;  // frames are larger with red zones
#else
constexpr size_t STACK_SIZE = 64 << 10;
#endif

// Fiber is one stack and where its code was left.
struct Fiber {
#ifdef MIXMAS_EMULATOR_UCONTEXT
  ucontext_t context;
#else
  void *stack_pointer = nullptr;
#endif
  const void *stack = nullptr;  // its lowest address
  size_t stack_size = 0;
  void *fake_stack = nullptr;  // AddressSanitizer's
};

// The fiber that runs, and the one that was left for it.
inline Fiber *running = nullptr;
inline Fiber *left = nullptr;

#ifndef MIXMAS_EMULATOR_UCONTEXT
// swap_stacks saves the registers that a call must preserve on the old stack, and continues where the new stack was
// left.
__attribute__((naked, noinline)) inline void swap_stacks(void ** /*old*/, void * /*next*/) {
  asm("pushq %rbp\n pushq %rbx\n pushq %r12\n pushq %r13\n pushq %r14\n pushq %r15\n"
      "movq %rsp, (%rdi)\n"
      "movq %rsi, %rsp\n"
      "popq %r15\n popq %r14\n popq %r13\n popq %r12\n popq %rbx\n popq %rbp\n"
      "ret\n");
}
#endif

// arrived must be called first on a stack after a switch to it. It records the bounds of the stack that was left;
// this is how the bounds of the operating system's thread become known.
EMULATOR_PLAIN inline void arrived() {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(running->fake_stack, &left->stack, &left->stack_size);
#endif
}

EMULATOR_PLAIN inline void switch_to(Fiber *next) {
  left = running;
  running = next;
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_start_switch_fiber(&left->fake_stack, next->stack, next->stack_size);
#endif
#ifdef MIXMAS_EMULATOR_UCONTEXT
  swapcontext(&left->context, &next->context);
#else
  swap_stacks(&left->stack_pointer, next->stack_pointer);
#endif
  arrived();
}

// new_fiber makes a fiber that will run main, which never returns. Below its stack is a guard page.
inline Fiber *new_fiber(void (*main)()) {
  const size_t guard = 4096;
  void *memory = mmap(nullptr, guard + STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED || mprotect(memory, guard, PROT_NONE) != 0) {
    fprintf(stderr, "CUDA emulator: no memory for the stack of a thread\n");
    abort();
  }
  char *stack = static_cast<char *>(memory) + guard;
  Fiber *fiber = new Fiber;
  fiber->stack = stack;
  fiber->stack_size = STACK_SIZE;
#ifdef MIXMAS_EMULATOR_UCONTEXT
  getcontext(&fiber->context);
  fiber->context.uc_stack.ss_sp = stack;
  fiber->context.uc_stack.ss_size = STACK_SIZE;
  fiber->context.uc_link = nullptr;
  makecontext(&fiber->context, main, 0);
#else
  // What swap_stacks pops: six registers, main, and 0 as main's return address.
  void **top = reinterpret_cast<void **>(stack + STACK_SIZE - 64);
  *--top = nullptr;
  *--top = reinterpret_cast<void *>(main);
  for (int i = 0; i < 6; ++i) *--top = nullptr;
  fiber->stack_pointer = top;
#endif
  return fiber;
}

}  // namespace emulator
