// block.h: runs the threads of one block on one CPU thread, one after another: each until it must wait for others.
//
// A thread that never waits needs no separate stack: the fiber that ran the previous thread continues with the next
// one. MIXMAS_EMULATOR_ORDER sets the order of the threads: a kernel with a race gives different results in different
// orders.
#pragma once

#include <cuda_runtime.h>

#include <cstdarg>
#include <cstring>
#include <vector>

#include "fiber.h"

namespace emulator {

constexpr int WARP = 32;
constexpr int MAX_THREADS = 1024;
constexpr size_t MAX_SHARED = 163 << 10;  // of the smallest GPU that is supported, compute capability 8.0

// Place is the place in the source where a thread waits.
struct Place {
  const char *file;
  int line;
};
#define EMULATOR_PLACE const char *file = __builtin_FILE(), int line = __builtin_LINE()

// Copy is one asynchronous copy to shared memory that has not been waited for.
struct Copy {
  void *shared;
  const void *global;  // NULL: zeros
  int bytes;
  int group;
};

// What a thread waits for. A released thread keeps the value until it runs again.
enum class Waits { no, barrier, warp, exited };

struct Thread {
  uint3 index{};
  int lane = 0, warp = 0;
  Fiber *fiber = nullptr;  // what it was left on, or NULL where it has not started
  Waits waits = Waits::no;
  Place place{};
  std::vector<Copy> copies;  // in the order they were asked for
  int committed = 0;         // groups of copies
};

// WarpOperation is an operation that some lanes of a warp do together. The last of them to arrive does it for all.
struct WarpOperation {
  uint32_t lanes = 0;    // that take part
  uint32_t arrived = 0;  // of these
  void (*complete)(struct Warp &, uint32_t lanes) = nullptr;
};

struct Warp {
  uint32_t ready = 0;               // lanes that can run now
  uint32_t waiting = 0;             // lanes at the block's barrier
  void *arguments[WARP];           // of the lanes that take part in an operation
  WarpOperation operations[WARP];  // disjoint groups of lanes may work on their own: by a group's lowest lane
};

enum class Order { ascending, descending, shuffled };

struct Block {
  Thread threads[MAX_THREADS];
  Warp warps[MAX_THREADS / WARP];
  uint32_t ready_warps = 0;  // with lanes that are ready
  int warp = 0;              // that runs
  int size = 0, waiting = 0, exited = 0;
  int votes = 0, last_votes = 0;  // for __syncthreads_count
  Place barrier{};
  Order order = Order::ascending;
  uint32_t random = 2463534242;

  Fiber main;                     // of the caller, to which a finished block returns
  std::vector<Fiber *> free;      // fibers that no thread is left on
  void (*call)(const void *) = nullptr;  // runs the kernel's body with its arguments
  const void *arguments = nullptr;
  const void *kernel = nullptr;
};

inline Block *block = nullptr;
inline Thread *current = nullptr;  // the thread that runs

// blockIdx, blockDim and gridDim of kernels.
inline uint3 block_index;
inline dim3 block_size, grid_size;

// The block's dynamic shared memory.
inline char *shared_memory = nullptr;
inline size_t shared_size = 0;

inline void say_where() {
  if (!block || !block->kernel) return;
#ifdef __SANITIZE_ADDRESS__
  char name[256] = "";
  __sanitizer_symbolize_pc(const_cast<char *>(static_cast<const char *>(block->kernel)) + 1, "%f", name, sizeof name);
  fprintf(stderr, "  in kernel %s\n", name);
#endif
  fprintf(stderr, "  in block (%u, %u, %u)", block_index.x, block_index.y, block_index.z);
  if (current) fprintf(stderr, " thread (%u, %u, %u)", current->index.x, current->index.y, current->index.z);
  fprintf(stderr, "\n");
}

// die reports an error of a kernel and where its threads are, and aborts.
[[noreturn]] __attribute__((format(printf, 1, 2))) inline void die(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fprintf(stderr, "CUDA emulator: ");
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  say_where();
  int shown = 0;
  for (int i = 0; block && i < block->size; ++i) {
    const Thread &t = block->threads[i];
    bool waits = t.waits == Waits::barrier || t.waits == Waits::warp;
    if (!waits || block->warps[t.warp].ready >> t.lane & 1 || ++shown > 6) continue;
    fprintf(stderr, "  thread (%u, %u, %u) waits %s at %s:%d\n", t.index.x, t.index.y, t.index.z,
            t.waits == Waits::barrier ? "for the block" : "for its warp", t.place.file, t.place.line);
  }
  if (block) fprintf(stderr, "  %d of %d threads have exited\n", block->exited, block->size);
  abort();
}

// ---- which thread runs next ----

EMULATOR_PLAIN inline uint32_t next_random() {
  uint32_t x = block->random;
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  return block->random = x;
}

// choose picks one of the bits that are set.
EMULATOR_PLAIN inline int choose(uint32_t bits) {
  switch (block->order) {
    case Order::ascending:
      return __builtin_ctz(bits);
    case Order::descending:
      return 31 - __builtin_clz(bits);
    default:
      int from = next_random() % 32;
      uint32_t turned = from ? bits >> from | bits << (32 - from) : bits;
      return (__builtin_ctz(turned) + from) % 32;
  }
}

// next_thread returns a thread that can run, or NULL. It stays in the same warp as long as possible.
EMULATOR_PLAIN inline Thread *next_thread() {
  Block &b = *block;
  if (b.ready_warps == 0) return nullptr;
  bool elsewhere = b.order == Order::shuffled && next_random() % 4 == 0;
  if (elsewhere || !(b.ready_warps >> b.warp & 1)) b.warp = choose(b.ready_warps);
  Warp &w = b.warps[b.warp];
  int lane = choose(w.ready);
  w.ready &= ~(1u << lane);
  if (w.ready == 0) b.ready_warps &= ~(1u << b.warp);
  return &b.threads[b.warp * WARP + lane];
}

[[noreturn]] inline void report_deadlock() {
  const Block &b = *block;
  current = nullptr;
  if (b.waiting && b.waiting + b.exited == b.size) die("__syncthreads is reached by some threads after others exited");
  die("deadlock: not all threads reach the same barrier or warp operation");
}

inline void run_threads();

// yield switches from the current thread, which waits, to another one.
EMULATOR_PLAIN inline void yield() {
  Thread *self = current, *next = next_thread();
  if (!next) report_deadlock();
  current = next;
  if (next == self) return;
  self->fiber = running;
  Fiber *to = next->fiber;
  if (!to) {  // it has not started
    if (block->free.empty()) {
      to = new_fiber(run_threads);
    } else {
      to = block->free.back();
      block->free.pop_back();
    }
  }
  switch_to(to);
}

// run_threads is the main function of fibers: it runs threads that have not started, one after another, until there
// are none.
EMULATOR_PLAIN inline void run_threads() {
  arrived();
  for (;;) {
    Block &b = *block;
    b.call(b.arguments);
    current->waits = Waits::exited;
    ++b.exited;
    Thread *next = next_thread();
    if (next && !next->fiber) {
      current = next;
      continue;
    }
    if (!next && b.exited < b.size) report_deadlock();
    // The other threads wait on their own stacks, or the block is done. This fiber waits for a thread to start.
    current = next;
    b.free.push_back(running);
    switch_to(next ? next->fiber : &b.main);
  }
}

EMULATOR_PLAIN inline void run_block() {
  Block &b = *block;
  b.waiting = b.exited = b.votes = 0;
  b.ready_warps = 0;
  for (int i = 0; i < b.size; ++i) {
    Thread &t = b.threads[i];
    t.fiber = nullptr;
    t.waits = Waits::no;
    if (t.committed || !t.copies.empty()) {
      t.copies.clear();
      t.committed = 0;
    }
  }
  for (int w = 0; w * WARP < b.size; ++w) {
    int lanes = b.size - w * WARP;
    b.warps[w].ready = lanes < WARP ? (1u << lanes) - 1 : ~0u;
    b.ready_warps |= 1u << w;
  }
  b.warp = choose(b.ready_warps);
  current = next_thread();
  if (b.free.empty()) b.free.push_back(new_fiber(run_threads));
  Fiber *fiber = b.free.back();
  b.free.pop_back();
  running = &b.main;
  switch_to(fiber);
}

// ---- the barrier ----

// synchronise waits for all threads of the block, and returns how many of them gave a vote that is not 0.
EMULATOR_PLAIN inline int synchronise(int vote, const char *file, int line) {
  Block &b = *block;
  if (b.waiting == 0) {
    b.barrier = {file, line};
  } else if (line != b.barrier.line || strcmp(file, b.barrier.file) != 0) {
    die("threads of one block wait in different __syncthreads: at %s:%d and %s:%d", b.barrier.file, b.barrier.line, file, line);
  }
  Thread &self = *current;
  self.waits = Waits::barrier;
  self.place = {file, line};
  b.warps[self.warp].waiting |= 1u << self.lane;
  b.votes += vote != 0;
  if (++b.waiting == b.size) {
    for (int w = 0; w * WARP < b.size; ++w) {
      b.warps[w].ready = b.warps[w].waiting;
      b.warps[w].waiting = 0;
      b.ready_warps |= 1u << w;
    }
    b.last_votes = b.votes;
    b.votes = b.waiting = 0;
    b.warp = choose(b.ready_warps);
  }
  yield();
  self.waits = Waits::no;
  return b.last_votes;
}

// ---- warp operations ----

// together waits for all lanes of a mask; the last one to arrive completes the operation on the arguments of all.
EMULATOR_PLAIN inline void together(uint32_t lanes, void *argument, void (*complete)(Warp &, uint32_t), const char *file, int line) {
  Block &b = *block;
  Thread &self = *current;
  Warp &w = b.warps[self.warp];
  int present = b.size - self.warp * WARP;
  if (present < WARP) lanes &= (1u << present) - 1;
  if (!(lanes >> self.lane & 1)) die("a lane is not in its own mask at %s:%d", file, line);
  WarpOperation &operation = w.operations[__builtin_ctz(lanes)];
  if (operation.arrived == 0) {
    operation.lanes = lanes;
    operation.complete = complete;
  } else if (operation.lanes != lanes || operation.complete != complete) {
    die("lanes of one warp meet in different operations at %s:%d", file, line);
  }
  w.arguments[self.lane] = argument;
  operation.arrived |= 1u << self.lane;
  self.place = {file, line};
  if (operation.arrived != lanes) {
    self.waits = Waits::warp;
    yield();
    self.waits = Waits::no;
    return;
  }
  operation.arrived = 0;
  complete(w, lanes);
  uint32_t others = lanes & ~(1u << self.lane);
  w.ready |= others;
  if (others) b.ready_warps |= 1u << self.warp;
}

// ---- grids ----

// Grid is one launch: its shape, and how to run its kernel.
struct Grid {
  dim3 grid, block;
  size_t shared;
  const void *kernel;
  void (*call)(const void *);
  const void *arguments;
};

inline Order order_wanted() {
  const char *order = getenv("MIXMAS_EMULATOR_ORDER");
  if (!order || !*order || strcmp(order, "ascending") == 0) return Order::ascending;
  if (strcmp(order, "descending") == 0) return Order::descending;
  if (strcmp(order, "shuffled") == 0) return Order::shuffled;
  die("MIXMAS_EMULATOR_ORDER is '%s', but must be ascending, descending or shuffled", order);
}

// share gives blocks dynamic shared memory of the given size. The memory on either side must not be touched.
inline void share(size_t size) {
  const size_t margin = 1024;
  if (!shared_memory) shared_memory = static_cast<char *>(aligned_alloc(1024, margin + MAX_SHARED + margin)) + margin;
#ifdef __SANITIZE_ADDRESS__
  if (shared_size != size) {
    ASAN_POISON_MEMORY_REGION(shared_memory - margin, margin + MAX_SHARED + margin);
    ASAN_UNPOISON_MEMORY_REGION(shared_memory, size);
  }
#endif
  shared_size = size;
}

// run_grid runs the blocks of a launch one after another. Only one may run in the process.
inline void run_grid(const Grid &grid) {
  if (!block) block = new Block;
  Block &b = *block;
  int size = grid.block.x * grid.block.y * grid.block.z;
  if (b.size != size || block_size.x != grid.block.x || block_size.y != grid.block.y) {
    for (int i = 0; i < size; ++i) {
      Thread &t = b.threads[i];
      t.index = {i % grid.block.x, i / grid.block.x % grid.block.y, i / (grid.block.x * grid.block.y)};
      t.lane = i % WARP;
      t.warp = i / WARP;
    }
  }
  b.size = size;
  block_size = grid.block;
  grid_size = grid.grid;
  b.kernel = grid.kernel;
  b.call = grid.call;
  b.arguments = grid.arguments;
  b.order = order_wanted();
  if (grid.shared != shared_size || !shared_memory) share(grid.shared);
  for (unsigned z = 0; z < grid.grid.z; ++z)
    for (unsigned y = 0; y < grid.grid.y; ++y)
      for (unsigned x = 0; x < grid.grid.x; ++x) {
        block_index = {x, y, z};
        memset(shared_memory, 0xff, shared_size);  // NaN, so that reads before writes show
        run_block();
      }
  b.kernel = nullptr;
}

#ifdef __SANITIZE_ADDRESS__
// AddressSanitizer calls this before it reports an error.
extern "C" __attribute__((used)) inline void __asan_on_error() {
  if (!block || !block->kernel) return;
  fprintf(stderr, "CUDA emulator: the error below happened\n");
  say_where();
}
#endif

}  // namespace emulator
