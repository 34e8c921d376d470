// bench.cu: a stand-alone benchmark of the kernels, as JSON.
//
//   bench [--seconds S] [--small] [OUT.json]          on the emulator; in a GPU build kernel_tests bench ...
//
// It measures the GPU's peaks (the bandwidth of a copy; a matrix product of order 8192 in each numerics, by cuBLAS if the
// library is found) and then the fused operations and the matrix products of the published models. Like the Go program it
// goes through mixmas.h and replays a captured program. of_peak is the least time that the peaks allow, as a fraction of
// the time taken. FLOPs and bytes are the necessary ones: what a kernel computes twice or keeps for a backward pass does
// not count.
//
// Operations run one after the other on the same memory, as in a training step: what fits the L2 cache stays there.
// --small shrinks everything, so that the program can be tested on the emulator.
#include <dlfcn.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "helper.h"
#include "launch.cuh"
#include "mixmas.h"

namespace {

const char *const NUMERICS_NAMES[] = {"fp32", "tf32", "bf16"};

void fail(const std::string &what) {
  fprintf(stderr, "bench: %s\n", what.c_str());
  exit(1);
}

void must(mixmas_status status, const mixmas_message &message) {
  if (status != MIXMAS_OK) fail(message.text);
}

// Session is one session of mixmas.h.
class Session {
 public:
  explicit Session(mixmas_numerics numerics) : numerics_(numerics) {
    mixmas_message message;
    must(mixmas_session_open(0, numerics, 1, &session_, &message), message);
  }
  Session(const Session &) = delete;
  ~Session() { mixmas_session_close(session_); }

  // array is n elements of device memory with small random values. It lives as long as the session.
  float *array(int64_t n) {
    static std::vector<float> values;
    static std::minstd_rand random(1);
    std::uniform_real_distribution<float> uniform(-1, 1);
    while (int64_t(values.size()) < n) values.push_back(uniform(random));
    return upload(values.data(), n);
  }

  // bf16_array is n bfloat16 numbers, n even: two halves of each float's word, both the upper half of a random float.
  const void *bf16_array(int64_t n) {
    std::minstd_rand random(1);
    std::uniform_real_distribution<float> uniform(-1, 1);
    std::vector<float> pairs(n / 2);
    for (float &pair : pairs) {
      const float x = uniform(random);
      uint32_t bits;
      memcpy(&bits, &x, sizeof bits);
      bits = (bits & 0xffff0000u) | bits >> 16;
      memcpy(&pair, &bits, sizeof bits);
    }
    return upload(pairs.data(), n / 2);
  }

  // time is how many seconds the operations take: the median over replays of a program that repeats them several times.
  double time(const std::vector<mixmas_operation> &operations, double seconds, int copies) {
    std::vector<mixmas_operation> repeated;
    for (int i = 0; i < copies; ++i) repeated.insert(repeated.end(), operations.begin(), operations.end());
    const int32_t n = int32_t(repeated.size());
    const int64_t size = mixmas_program_workspace(repeated.data(), n, numerics_);
    float *workspace = size ? array(size) : nullptr;
    mixmas_message message;
    mixmas_program *program = nullptr;
    must(mixmas_program_load(session_, repeated.data(), n, workspace, nullptr, 0, nullptr, &program, &message),
         message);
    const auto replay = [&] {
      const mixmas_step step = {1e-3, 1, 1, 1};
      float value;
      const auto began = std::chrono::steady_clock::now();
      must(mixmas_program_run(program, &step, nullptr, 0, nullptr, 0, &message), message);
      must(mixmas_session_read(session_, mixmas_session_state(session_), &value, 1, &message), message);
      return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    };
    replay();
    std::vector<double> times;
    for (double total = 0; times.size() < 5 || total < seconds; total += times.back()) times.push_back(replay());
    mixmas_program_unload(program);
    std::nth_element(times.begin(), times.begin() + times.size() / 2, times.end());
    return times[times.size() / 2] / copies;
  }

 private:
  float *upload(const float *values, int64_t n) {
    mixmas_message message;
    float *device;
    must(mixmas_session_upload(session_, values, n, &device, &message), message);
    return device;
  }

  mixmas_numerics numerics_;
  mixmas_session *session_;
};

// Case is what is timed: operations, with the FLOPs and bytes that they need.
struct Case {
  std::string name;
  std::vector<mixmas_operation> operations;
  double flops = 0, bytes = 0;

  mixmas_operation &add(int32_t kind, const char *operation) {
    operations.push_back({});
    operations.back().kind = kind;
    operations.back().name = operation;
    return operations.back();
  }
};

// Builder makes the arrays of a case: those that must be read or written count towards its bytes.
class Builder {
 public:
  Builder(Session &session, Case &c) : session_(session), case_(c) {}
  float *moved(int64_t n) {
    case_.bytes += 4.0 * n;
    return session_.array(n);
  }
  float *kept(int64_t n) { return session_.array(n); }
  mixmas_target gradient(int64_t n) { return {moved(n), nullptr}; }

 private:
  Session &session_;
  Case &case_;
};

template <class... Size>
std::string name_of(const char *what, Size... sizes) {
  std::string text = what;
  const char *separator = " ";
  for (long long size : {(long long)sizes...}) {
    text += separator + std::to_string(size);
    separator = "x";
  }
  return text;
}

Case matmul(Session &session, int m, int n, int k, bool transpose_b, mixmas_activation activation, bool pre) {
  Case c;
  c.name = name_of("matmul", m, n, k) + (transpose_b ? " NT" : " NN") + (activation == MIXMAS_GELU ? " gelu" : "") +
           (pre ? " pre" : "");
  Builder b(session, c);
  mixmas_matmul &o = c.add(MIXMAS_OP_MATMUL, "matmul").of.matmul;
  o.a = b.moved(int64_t(m) * k);
  o.b = b.moved(int64_t(n) * k);
  o.c = b.moved(int64_t(m) * n);
  if (pre) o.pre = b.moved(int64_t(m) * n);
  if (activation != MIXMAS_IDENTITY) o.bias = b.moved(n);
  o.transpose_b = transpose_b;
  o.m = m, o.n = n, o.k = k;
  o.lda = k, o.ldb = transpose_b ? k : n, o.ldc = n;
  o.batch[0] = o.batch[1] = 1;
  o.activation = activation;
  c.flops = 2.0 * m * n * k;
  return c;
}

// mlp is the fused MLP of channel mixing forward and backward: its hidden layer is kept between them, or recomputed.
Case mlp(Session &session, int64_t rows, int64_t width, int64_t hidden, bool keep) {
  Case c;
  c.name = name_of("mlp forward+backward", rows, width, hidden) + (keep ? " keeping" : " recomputing");
  Builder b(session, c);
  const int64_t size = rows * width, weight = width * hidden;
  mixmas_channel_mixing f = {};
  f.x = b.moved(size), f.y = b.moved(size);
  f.norm_weight = b.moved(width), f.norm_bias = b.moved(width);
  f.w1 = b.moved(weight), f.b1 = b.moved(hidden), f.w2 = b.moved(weight), f.b2 = b.moved(width);
  f.normed = b.kept(size), f.statistics = b.kept(2 * rows);
  if (keep) f.pre = b.kept(rows * hidden), f.hidden_values = b.kept(rows * hidden);
  f.rows = rows, f.width = width, f.hidden = hidden, f.eps = 1e-5f;
  c.add(MIXMAS_OP_CHANNEL_MIXING, "channel_mixing").of.channel_mixing = f;
  mixmas_channel_mlp_grad g = {};
  g.normed = f.normed, g.w1 = f.w1, g.b1 = f.b1, g.w2 = f.w2, g.pre = f.pre, g.hidden_values = f.hidden_values;
  g.dy = b.moved(size);
  g.dnormed = b.gradient(size), g.dw1 = b.gradient(weight), g.db1 = b.gradient(hidden);
  g.dw2 = b.gradient(weight), g.db2 = b.gradient(width);
  g.rows = rows, g.width = width, g.hidden = hidden;
  c.add(MIXMAS_OP_CHANNEL_MLP_GRAD, "channel_mlp_grad").of.channel_mlp_grad = g;
  c.flops = 12.0 * rows * width * hidden;  // two products forward, four backward
  return c;
}

Case token_mixing(Session &session, int64_t batch, int64_t tokens, int64_t width, int64_t hidden) {
  Case c;
  c.name = name_of("token mixing forward+backward", batch, tokens, width, hidden);
  Builder b(session, c);
  const int64_t size = batch * tokens * width, weight = tokens * hidden;
  mixmas_token_mixing f = {};
  f.x = b.moved(size), f.y = b.moved(size);
  f.norm_weight = b.moved(width), f.norm_bias = b.moved(width);
  f.w1 = b.moved(weight), f.b1 = b.moved(hidden), f.w2 = b.moved(weight), f.b2 = b.moved(tokens);
  f.normed = b.kept(size), f.statistics = b.kept(2 * batch * tokens);
  f.pre = b.kept(batch * hidden * width), f.hidden_values = b.kept(batch * hidden * width);
  f.batch = batch, f.tokens = tokens, f.width = width, f.hidden = hidden, f.eps = 1e-5f;
  c.add(MIXMAS_OP_TOKEN_MIXING, "token_mixing").of.token_mixing = f;
  mixmas_token_mlp_grad g = {};
  g.normed = f.normed, g.w1 = f.w1, g.b1 = f.b1, g.w2 = f.w2, g.pre = f.pre, g.hidden_values = f.hidden_values;
  g.dy = b.moved(size);
  g.dnormed = b.gradient(size), g.dw1 = b.gradient(weight), g.db1 = b.gradient(hidden);
  g.dw2 = b.gradient(weight), g.db2 = b.gradient(tokens);
  g.batch = batch, g.tokens = tokens, g.width = width, g.hidden = hidden;
  c.add(MIXMAS_OP_TOKEN_MLP_GRAD, "token_mlp_grad").of.token_mlp_grad = g;
  c.flops = 12.0 * batch * width * weight;
  return c;
}

Case hyper_mixing(Session &session, int64_t batch, int64_t tokens, int64_t width, int64_t hidden) {
  Case c;
  c.name = name_of("hyper mixing forward+backward", batch, tokens, width, hidden);
  Builder b(session, c);
  const int64_t size = batch * tokens * width, weights = batch * tokens * hidden;
  mixmas_hyper_mixing f = {};
  f.x = b.moved(size), f.z = b.moved(size), f.positions = b.moved(tokens * width);
  f.positioned = b.kept(size);
  f.batch = batch, f.tokens = tokens, f.width = width, f.hidden = hidden, f.heads = 1;
  mixmas_hyper_mixing_grad g = {};
  g.x = f.x, g.positioned = f.positioned;
  g.dz = b.moved(size), g.dx = b.gradient(size);
  for (int i = 0; i < 2; ++i) {
    g.fc1[i] = f.fc1[i] = b.moved(width * width);
    g.fc2[i] = f.fc2[i] = b.moved(hidden * width);
    g.pre[i] = f.pre[i] = b.kept(size);
    g.inner[i] = f.inner[i] = b.kept(size);
    g.weights[i] = f.weights[i] = b.kept(weights);
    g.dfc1[i] = b.gradient(width * width);
    g.dfc2[i] = b.gradient(hidden * width);
  }
  g.batch = batch, g.tokens = tokens, g.width = width, g.hidden = hidden, g.heads = 1;
  c.add(MIXMAS_OP_HYPER_MIXING, "hyper_mixing").of.hyper_mixing = f;
  c.add(MIXMAS_OP_HYPER_MIXING_GRAD, "hyper_mixing_grad").of.hyper_mixing_grad = g;
  // Twice, for W1 and W2: the two layers of the generator, and the product with the weights. Each has two backward.
  c.flops = 3 * 2 * (2.0 * size * width + 2.0 * weights * width + 2.0 * weights * width);
  return c;
}

Case monarch(Session &session, int64_t batch, int64_t p, int64_t q, int64_t width) {
  Case c;
  c.name = name_of("monarch forward+backward", batch, p, q, width);
  Builder b(session, c);
  const int64_t size = batch * p * q * width;
  mixmas_monarch f = {};
  f.x = b.moved(size), f.l = b.moved(p * q * q), f.r = b.moved(q * p * p), f.y = b.moved(size);
  f.batch = batch, f.p = p, f.q = q, f.width = width;
  c.add(MIXMAS_OP_MONARCH, "monarch").of.monarch = f;
  mixmas_monarch_grad g = {};
  g.x = f.x, g.l = f.l, g.r = f.r, g.dy = b.moved(size);
  g.dx = b.gradient(size), g.dl = b.gradient(p * q * q), g.dr = b.gradient(q * p * p);
  g.batch = batch, g.p = p, g.q = q, g.width = width;
  c.add(MIXMAS_OP_MONARCH_GRAD, "monarch_grad").of.monarch_grad = g;
  c.flops = 3 * 2.0 * size * (p + q);
  return c;
}

Case attention(Session &session, int64_t batch, int64_t tokens, int64_t width, int64_t heads) {
  Case c;
  c.name = name_of("attention forward+backward", batch, tokens, width, heads);
  Builder b(session, c);
  const int64_t size = batch * tokens * width;
  mixmas_attention f = {};
  f.q = b.moved(size), f.k = b.moved(size), f.v = b.moved(size), f.y = b.moved(size);
  f.log_sum = b.kept(batch * heads * tokens);
  f.batch = batch, f.queries = f.keys = tokens, f.width = width, f.heads = heads;
  c.add(MIXMAS_OP_ATTENTION, "attention").of.attention = f;
  mixmas_attention_grad g = {};
  g.q = f.q, g.k = f.k, g.v = f.v, g.y = f.y, g.log_sum = f.log_sum, g.dy = b.moved(size);
  g.dq = b.gradient(size), g.dk = b.gradient(size), g.dv = b.gradient(size);
  g.batch = batch, g.queries = g.keys = tokens, g.width = width, g.heads = heads;
  c.add(MIXMAS_OP_ATTENTION_GRAD, "attention_grad").of.attention_grad = g;
  c.flops = 3 * 4.0 * size * tokens;
  return c;
}

// Cublas is NVIDIA's library, found at run time: $MIXMAS_CUBLAS, or on the loader's path.
class Cublas {
 public:
  Cublas() {
    const char *named = getenv("MIXMAS_CUBLAS");
    for (const char *file : {named ? named : "", "libcublas.so.13", "libcublas.so.12", "libcublas.so.11"})
      if (*file && !library_) library_ = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (!library_) return;
    const auto create = reinterpret_cast<int (*)(void **)>(dlsym(library_, "cublasCreate_v2"));
    multiply_ = reinterpret_cast<Multiply>(dlsym(library_, "cublasGemmEx"));
    if (!create || !multiply_ || create(&handle_) != 0) multiply_ = nullptr;
  }
  explicit operator bool() const { return multiply_ != nullptr; }

  // time is the seconds that one product of order n takes, or 0 if the library refuses.
  double time(mixmas_numerics numerics, int n, const void *a, const void *b, float *c) {
    // Values of cudaDataType_t and cublasComputeType_t, which are part of the library's binary interface.
    constexpr int FLOAT = 0, BFLOAT16 = 14, COMPUTE_32F = 68, COMPUTE_TF32 = 77, DEFAULT_ALGORITHM = -1;
    const int type = numerics == MIXMAS_BF16 ? BFLOAT16 : FLOAT;
    const int compute = numerics == MIXMAS_TF32 ? COMPUTE_TF32 : COMPUTE_32F;
    const float one = 1, zero = 0;
    double best = 0;
    for (int i = 0; i < 12; ++i) {
      const auto began = std::chrono::steady_clock::now();
      const int status = multiply_(handle_, 0, 0, n, n, n, &one, a, type, n, b, type, n, &zero, c, FLOAT, n, compute,
                                   DEFAULT_ALGORITHM);
      checkCudaErrors(cudaDeviceSynchronize());
      const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
      if (status != 0) return 0;
      if (i > 1 && (best == 0 || seconds < best)) best = seconds;
    }
    return best;
  }

 private:
  using Multiply = int (*)(void *, int, int, int, int, int, const void *, const void *, int, int, const void *, int,
                           int, const void *, void *, int, int, int, int);
  void *library_ = nullptr, *handle_ = nullptr;
  Multiply multiply_ = nullptr;
};

// copy_rate is the number of bytes that a large copy reads and writes per second.
double copy_rate(int64_t n) {
  void *from, *to;
  checkCudaErrors(cudaMalloc(&from, n));
  checkCudaErrors(cudaMalloc(&to, n));
  checkCudaErrors(cudaMemset(from, 0, n));
  double best = 0;
  for (int i = 0; i < 12; ++i) {
    checkCudaErrors(cudaDeviceSynchronize());
    const auto began = std::chrono::steady_clock::now();
    checkCudaErrors(cudaMemcpyAsync(to, from, n, cudaMemcpyDeviceToDevice, 0));
    checkCudaErrors(cudaDeviceSynchronize());
    best = std::max(best, 2.0 * n / std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
  }
  checkCudaErrors(cudaFree(from));
  checkCudaErrors(cudaFree(to));
  return best;
}

// Peak is the rate of a large matrix product, and the library that computes it.
struct Peak {
  double flops;
  const char *library;
};

Peak peak(Cublas &cublas, mixmas_numerics numerics, int order, double seconds) {
  Session session(numerics);
  Case own = matmul(session, order, order, order, true, MIXMAS_IDENTITY, false);
  const mixmas_matmul &o = own.operations[0].of.matmul;
  if (cublas) {
    const void *a = o.a, *b = o.b;
    if (numerics == MIXMAS_BF16) a = b = session.bf16_array(int64_t(order) * order);
    const double time = cublas.time(numerics, order, a, b, o.c);
    if (time > 0) return {own.flops / time, "cublas"};
  }
  return {own.flops / session.time(own.operations, seconds, 1), "mixmas"};
}

using Make = std::function<Case(Session &)>;

// cases are what is timed.
std::vector<Make> cases(bool small) {
  if (small) {
    return {
        [](Session &s) { return matmul(s, 33, 17, 20, true, MIXMAS_GELU, true); },
        [](Session &s) { return mlp(s, 20, 16, 40, true); },
        [](Session &s) { return mlp(s, 20, 16, 40, false); },
        [](Session &s) { return token_mixing(s, 2, 5, 8, 7); },
        [](Session &s) { return hyper_mixing(s, 2, 4, 8, 16); },
        [](Session &s) { return monarch(s, 2, 3, 4, 5); },
        [](Session &s) { return attention(s, 2, 5, 8, 2); },
    };
  }
  std::vector<Make> list;
  for (bool keep : {true, false}) {
    list.push_back([=](Session &s) { return mlp(s, 4096, 128, 3072, keep); });
    list.push_back([=](Session &s) { return mlp(s, 256, 128, 3072, keep); });
    list.push_back([=](Session &s) { return mlp(s, 4096, 256, 3072, keep); });
  }
  list.push_back([](Session &s) { return token_mixing(s, 32, 4, 128, 32); });
  list.push_back([](Session &s) { return token_mixing(s, 32, 8, 128, 32); });
  list.push_back([](Session &s) { return token_mixing(s, 8, 512, 256, 32); });
  list.push_back([](Session &s) { return hyper_mixing(s, 32, 4, 128, 256); });
  list.push_back([](Session &s) { return hyper_mixing(s, 32, 8, 128, 256); });
  list.push_back([](Session &s) { return hyper_mixing(s, 8, 512, 256, 256); });
  list.push_back([](Session &s) { return monarch(s, 32, 2, 2, 128); });
  list.push_back([](Session &s) { return monarch(s, 1, 8, 16, 128); });
  list.push_back([](Session &s) { return monarch(s, 8, 16, 32, 256); });
  list.push_back([](Session &s) { return monarch(s, 1, 16, 16, 4096); });
  list.push_back([](Session &s) { return attention(s, 64, 49, 128, 4); });
  list.push_back([](Session &s) { return attention(s, 8, 512, 256, 8); });
  list.push_back([](Session &s) { return matmul(s, 128, 128, 196, true, MIXMAS_IDENTITY, false); });
  list.push_back([](Session &s) { return matmul(s, 128, 128, 3136, true, MIXMAS_IDENTITY, false); });
  list.push_back([](Session &s) { return matmul(s, 256, 3072, 128, true, MIXMAS_GELU, true); });
  list.push_back([](Session &s) { return matmul(s, 256, 128, 3072, true, MIXMAS_IDENTITY, false); });
  list.push_back([](Session &s) { return matmul(s, 4096, 3072, 256, true, MIXMAS_GELU, true); });
  list.push_back([](Session &s) { return matmul(s, 1024, 1024, 1024, true, MIXMAS_IDENTITY, false); });
  list.push_back([](Session &s) { return matmul(s, 4096, 4096, 4096, true, MIXMAS_IDENTITY, false); });
  return list;
}

void run(FILE *out, bool small, double seconds) {
  mixmas_message message;
  if (mixmas_device_count(&message) == 0) fail(message.text);
  mixmas_device device;
  must(mixmas_device_describe(0, &device, &message), message);
  int driver = 0, runtime = 0;
  checkCudaErrors(cudaDriverGetVersion(&driver));
  checkCudaErrors(cudaRuntimeGetVersion(&runtime));
  Cublas cublas;
  const int order = small ? 48 : 8192;
  const double copied = copy_rate(small ? 1 << 20 : 1 << 30);
  fprintf(out, "{\"gpu\": \"%s\", \"compute_capability\": \"%d.%d\",\n", device.name, device.major, device.minor);
  fprintf(out, " \"multiprocessors\": %d, \"memory_bytes\": %lld,\n", device.multiprocessors, (long long)device.memory);
  fprintf(out, " \"cuda_driver\": %d, \"cuda_runtime\": %d,\n", driver, runtime);
  fprintf(out, " \"copy_bytes_per_second\": %.4g,\n \"peaks\": {", copied);
  double flops[3];
  for (int i = 0; i < 3; ++i) {
    const Peak found = peak(cublas, mixmas_numerics(i), order, seconds);
    flops[i] = found.flops;
    fprintf(out, "%s\n  \"%s\": {\"order\": %d, \"library\": \"%s\", \"flops_per_second\": %.4g}", i ? "," : "",
            NUMERICS_NAMES[i], order, found.library, found.flops);
    fflush(out);
  }
  fprintf(out, "},\n \"cases\": [");
  const char *separator = "\n";
  for (int i = 0; i < 3; ++i) {
    for (const Make &make : cases(small)) {
      Session session{mixmas_numerics(i)};
      const Case c = make(session);
      const double time = session.time(c.operations, seconds, small ? 2 : 20);
      const double least = std::max(c.flops / flops[i], c.bytes / copied);
      fprintf(out,
              "%s  {\"name\": \"%s\", \"numerics\": \"%s\", \"seconds\": %.4g, \"flops\": %.6g, \"bytes\": %.6g, "
              "\"of_peak\": %.4g}",
              separator, c.name.c_str(), NUMERICS_NAMES[i], time, c.flops, c.bytes, least / time);
      fflush(out);
      separator = ",\n";
    }
  }
  fprintf(out, "\n ]}\n");
}

}  // namespace

int main(int argc, char **argv) {
  bool small = false;
  double seconds = 0.2;
  FILE *out = stdout;
  for (int i = 1; i < argc; ++i) {
    if (!strcmp(argv[i], "--small")) {
      small = true;
    } else if (!strcmp(argv[i], "--seconds") && i + 1 < argc) {
      seconds = atof(argv[++i]);
    } else if (argv[i][0] == '-' || out != stdout) {
      fail("usage: bench [--seconds S] [--small] [OUT.json]");
    } else if (!(out = fopen(argv[i], "w"))) {
      fail(std::string("cannot write ") + argv[i]);
    }
  }
  run(out, small, small ? 0 : seconds);
  return fclose(out) == 0 ? 0 : 1;
}
