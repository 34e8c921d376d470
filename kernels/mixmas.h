/* mixmas.h: the C ABI between the CUDA device (Go package mixmas/cgo) and the kernels.
 *
 * A session is one model's memory on one GPU: its state, an arena, a stream. A program is an array of operation
 * descriptors with device pointers in them; loading it captures one CUDA graph, and running it replays that graph.
 * Values that change between runs (mixmas_step, which rows form the batch) are passed to each run, and the graph reads
 * them from device memory.
 *
 * All tensors are float32, row-major. Sizes count elements. Functions return a mixmas_status; on failure they write a
 * line of text to the message of the same call. None exits the process. Functions of one session must not overlap.
 */
#ifndef MIXMAS_H
#define MIXMAS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  MIXMAS_OK = 0,
  MIXMAS_FAILED = 1,
  MIXMAS_OUT_OF_MEMORY = 2, /* of the GPU or the host: the same call may work when other sessions have closed */
  MIXMAS_REFUSED = 3,       /* no kernel or launch takes the sizes of one of the program's operations: none ever will */
} mixmas_status;

typedef struct {
  char text[512];
} mixmas_message;

/* How matrix products treat their operands. Sums are always float32. */
typedef enum {
  MIXMAS_FP32 = 0, /* float32 products on the ordinary units */
  MIXMAS_TF32 = 1, /* operands rounded to 11 significant bits, on tensor cores */
  MIXMAS_BF16 = 2, /* operands rounded to 8 significant bits, on tensor cores */
} mixmas_numerics;

typedef enum {
  MIXMAS_IDENTITY = 0,
  MIXMAS_GELU = 1,
  MIXMAS_RELU = 2,
  MIXMAS_SQUARED_RELU = 3,
  MIXMAS_SIGMOID = 4,
  MIXMAS_TANH = 5,
  MIXMAS_SILU = 6
} mixmas_activation;
typedef enum { MIXMAS_ADD = 0, MIXMAS_MUL = 1, MIXMAS_DIV = 2 } mixmas_arithmetic;
typedef enum { MIXMAS_SUM = 0, MIXMAS_MAX = 1 } mixmas_reduction;

enum { MIXMAS_MAX_RANK = 8 };

/* ---- operations: Go package nn/device defines each under the same name, with these exceptions: fill and copy are
        Assemble, bce is BCEWithLogits, depthwise is DepthwiseConv, and channel_mlp_grad and token_mlp_grad are
        ChannelMixingGrad and TokenMixingGrad, whose Inner is hidden_values. NULL is an absent operand. ---- */

/* C = plus + act(op(A) op(B) + bias), or plus + (op(A) op(B) + bias) act'(gate) if gate is present. */
typedef struct {
  const float *a, *b;
  float *c;
  int32_t transpose_a, transpose_b; /* a is stored k x m, b is stored n x k */
  int32_t m, n, k;
  int32_t lda, ldb, ldc;
  int32_t batch[2];
  int64_t stride_a[2], stride_b[2], stride_c[2]; /* where stride_c is 0 and batch above 1, products are summed */
  const float *bias;                             /* n elements, or m with bias_rows */
  int32_t bias_rows;
  int32_t activation;
  float *pre;        /* receives op(A) op(B) + bias */
  const float *gate; /* a kept pre-activation */
  const float *plus; /* may be c itself */
} mixmas_matmul;

typedef struct {
  float *y;
  int64_t n;
  float value;
} mixmas_fill;

/* target[i . target_strides] (+)= scale source[i . source_strides]; source and target already point at their offsets. */
typedef struct {
  const float *source;
  float *target;
  int32_t rank;
  int32_t accumulate;
  float scale;
  int64_t shape[MIXMAS_MAX_RANK], source_strides[MIXMAS_MAX_RANK], target_strides[MIXMAS_MAX_RANK];
} mixmas_copy;

typedef struct {
  const float *x;
  float *y;
  int64_t n;
  int32_t activation;
} mixmas_map;

typedef struct {
  const float *x, *dy, *plus;
  float *dx;
  int64_t n;
  int32_t activation;
} mixmas_map_grad;

typedef struct {
  const float *a, *b, *plus;
  float *y; /* contiguous, as plus */
  int32_t arithmetic;
  int32_t rank;
  int64_t shape[MIXMAS_MAX_RANK], strides_a[MIXMAS_MAX_RANK], strides_b[MIXMAS_MAX_RANK];
} mixmas_binary;

/* x (outer, axis, inner) to y (outer, inner): plus + scale * sum, or max with the index of the first largest. */
typedef struct {
  const float *x, *plus;
  float *y, *index;
  int64_t outer, axis, inner;
  float scale;
  int32_t reduction;
} mixmas_reduce;

typedef struct {
  const float *dy, *index;
  float *dx;
  int64_t outer, axis, inner;
} mixmas_max_grad;

/* Element i is dropped when word i mod 4 of Philox4x32-10(counter (i/4, 0, step.counter, number), key step.seed) is
 * below threshold = round(p 2^32); the others are multiplied by scale = 1/(1-p). */
typedef struct {
  const float *x;
  float *y;
  int64_t n;
  uint32_t threshold, number;
  float scale;
} mixmas_dropout;

typedef struct {
  const float *x, *weight, *bias;
  float *y, *statistics; /* statistics: rows means, then rows 1/sqrt(variance + eps) */
  int64_t rows, width;
  float eps;
} mixmas_layer_norm;

typedef struct {
  const float *x, *weight, *statistics, *dy;
  float *dx, *dweight, *dbias;
  const float *plus, *plus_weight, *plus_bias;
  int64_t rows, width;
} mixmas_layer_norm_grad;

typedef struct {
  const float *x, *weight, *bias;
  float *y, *statistics, *running_mean, *running_variance;
  int64_t outer, channels, inner;
  float eps, momentum;
  int32_t train;
} mixmas_batch_norm;

typedef struct {
  const float *x, *weight, *statistics, *dy;
  float *dx, *dweight, *dbias;
  const float *plus, *plus_weight, *plus_bias;
  int64_t outer, channels, inner;
  int32_t train;
} mixmas_batch_norm_grad;

/* Maps are channels-last: (batch, height, width, channels). */
typedef struct {
  int32_t batch, height, width, channels;
  int32_t kernel, stride, padding;
  int32_t out_height, out_width;
} mixmas_maps;

typedef struct {
  const float *x;
  float *y;
  mixmas_maps maps;
} mixmas_im2col;

typedef struct {
  const float *y;
  float *x;
  mixmas_maps maps;
} mixmas_col2im;

/* A convolution of maps (batch, height, width, channels) to (batch, out_height, out_width, out); pairs are down and across. */
typedef struct {
  int32_t batch, height, width, channels, out;
  int32_t kernel[2], stride[2], padding[2], dilation[2];
  int32_t out_height, out_width;
} mixmas_windows;

/* y = plus + act(conv(x) + bias): weight (out, channels, kernel), bias (out). */
typedef struct {
  const float *x, *weight, *bias, *plus;
  float *y, *pre;
  int32_t activation;
  mixmas_windows windows;
} mixmas_conv;

typedef struct {
  const float *dy, *weight, *plus;
  float *dx;
  mixmas_windows windows;
} mixmas_conv_input_grad;

typedef struct {
  const float *x, *dy, *plus;
  float *dweight;
  mixmas_windows windows;
} mixmas_conv_weight_grad;

typedef struct {
  const float *x, *weight, *plus; /* weight (channels, kernel, kernel) */
  float *y;
  mixmas_maps maps;
  int32_t flip;
} mixmas_depthwise;

typedef struct {
  const float *x, *dy, *plus;
  float *dweight;
  mixmas_maps maps;
} mixmas_depthwise_grad;

typedef struct {
  const float *logits, *labels; /* labels: one class index per row */
  float *loss, *delta;
  int64_t rows, classes;
} mixmas_cross_entropy;

typedef struct {
  const float *logits, *labels, *pos_weight;
  float *loss, *delta;
  int64_t rows, classes;
} mixmas_bce;

typedef struct {
  const float *logits, *targets; /* targets: 0 or more for each class, of any sum in a row */
  float *loss, *delta;
  int64_t rows, classes;
} mixmas_soft_cross_entropy;

/* y = softmax of each row of x (batch, repeat, width). mask (batch, width), or NULL, is 0 for elements that are
 * ignored in each of the sample's `repeat` rows; y is 0 there, and in rows that are masked completely. y may be x. */
typedef struct {
  const float *x, *mask;
  float *y;
  int64_t batch, repeat, width;
} mixmas_softmax;

/* dx = plus + y (dy - sum(y dy)) for each row of y (rows, width). dx may be y, dy or plus. */
typedef struct {
  const float *y, *dy, *plus;
  float *dx;
  int64_t rows, width;
} mixmas_softmax_grad;

/* Row r of y (rows, width) is the row of table (vocabulary, width) that ids[r] names: the whole part of it, or 1 if the table
 * has no such row. Id 0 is padding: zeros. */
typedef struct {
  const float *ids, *table;
  float *y;
  int64_t rows, width, vocabulary;
} mixmas_embedding;

/* dtable[t] = plus[t] + the sum of the rows of dy (rows, width) whose id names t; nothing for t = 0. dtable may be plus. */
typedef struct {
  const float *ids, *dy, *plus;
  float *dtable;
  int64_t rows, width, vocabulary;
} mixmas_embedding_grad;

typedef struct {
  float *parameters;
  const float *gradients;
  float *moments, *variances;
  int64_t n;
  double beta1, beta2, eps, weight_decay;
  int32_t decoupled;
} mixmas_adam;

typedef struct {
  float *parameters;
  const float *gradients;
  float *velocity;
  int64_t n;
  double momentum, weight_decay;
} mixmas_sgd;

/* ---- fused operations ---- */

/* The target of a gradient: d = plus + ...; plus may be d itself. Both are NULL if the gradient is not needed. */
typedef struct {
  float *d;
  const float *plus;
} mixmas_target;

/* y = x + mlp(LN(x)) with mlp(z) = gelu(z W1' + b1) W2' + b2 on each row. x, y, normed (rows, width); w1 (hidden, width);
 * w2 (width, hidden). normed, statistics, pre and hidden_values (rows, hidden) are kept for the backward pass
 * if present. */
typedef struct {
  const float *x, *norm_weight, *norm_bias, *w1, *b1, *w2, *b2;
  float *y, *normed, *statistics, *pre, *hidden_values;
  int64_t rows, width, hidden;
  float eps;
} mixmas_channel_mixing;

/* The gradient of the mlp of channel mixing: dz for z = normed, dW1, db1, dW2, db2. pre and hidden_values are NULL
 * if they must be computed again from normed, w1 and b1. */
typedef struct {
  const float *normed, *w1, *b1, *w2, *pre, *hidden_values, *dy;
  mixmas_target dnormed, dw1, db1, dw2, db2;
  int64_t rows, width, hidden;
} mixmas_channel_mlp_grad;

/* y = x + W2 gelu(W1 LN(x) + b1) + b2 for each sample: x, y, normed (batch, tokens, width); w1 (hidden, tokens), b1 (hidden);
 * w2 (tokens, hidden), b2 (tokens); pre, hidden_values (batch, hidden, width); statistics of batch*tokens rows. */
typedef struct {
  const float *x, *norm_weight, *norm_bias, *w1, *b1, *w2, *b2;
  float *y, *normed, *statistics, *pre, *hidden_values;
  int64_t batch, tokens, width, hidden;
  float eps;
} mixmas_token_mixing;

typedef struct {
  const float *normed, *w1, *b1, *w2, *pre, *hidden_values, *dy;
  mixmas_target dnormed, dw1, db1, dw2, db2;
  int64_t batch, tokens, width, hidden;
} mixmas_token_mlp_grad;

/* z = concat over heads of W2 gelu(W1' x), W1 and W2 generated from x + positions (Mai et al. 2023): with dk = width/heads
 * and tk = hidden/heads, Wi = gelu((x + positions) fc1') fc2' for each head, i = 1, 2. x, z (batch, tokens, width); positions
 * (tokens, width); fc1 (heads, dk, dk); fc2 (heads, tk, dk). Tied: both generators are the same pointers.
 * Kept for the backward pass if present: positioned (batch, tokens, width); pre[i] and inner[i] (batch, tokens, width), the
 * generators' hidden layers before and after gelu; weights[i] (batch, tokens, hidden), W1 and W2. */
typedef struct {
  const float *x, *positions;
  const float *fc1[2], *fc2[2];
  float *z, *positioned, *pre[2], *inner[2], *weights[2];
  int64_t batch, tokens, width, hidden, heads;
} mixmas_hyper_mixing;

/* Its gradient, to x and to the generators. For tied generators only dfc1[0] and dfc2[0] are used; they sum both. */
typedef struct {
  const float *x, *positioned, *pre[2], *inner[2], *weights[2];
  const float *fc1[2], *fc2[2];
  const float *dz;
  mixmas_target dx, dfc1[2], dfc2[2];
  int64_t batch, tokens, width, hidden, heads;
} mixmas_hyper_mixing_grad;

/* y = R P L x for the vectors of order p*q along the middle axis of x (batch, p*q, width) (Dao et al. 2022): seen as a p x q
 * matrix, l (p, q, q) multiplies each row by its own block, then r (q, p, p) each column. */
typedef struct {
  const float *x, *l, *r;
  float *y;
  int64_t batch, p, q, width;
} mixmas_monarch;

typedef struct {
  const float *x, *l, *r, *dy;
  mixmas_target dx, dl, dr;
  int64_t batch, p, q, width;
} mixmas_monarch_grad;

/* All steps of a GRU or, with lstm, an LSTM: x (batch, steps, gates*width) is the input's share of the gates, weight (gates*width,
 * width) and bias make the state's; y, before and cell_before (batch, steps, width), mask (batch, steps). kept (batch, steps,
 * 4*width) are r, z, n and the state's share of n, or i, f, g and o. */
typedef struct {
  const float *x, *weight, *bias, *mask;
  float *y, *kept, *before, *cell_before;
  int64_t batch, steps, width;
  int32_t lstm, reverse;
} mixmas_recurrent;

/* dx and, of a GRU, dhidden (batch, steps, gates*width). */
typedef struct {
  const float *weight, *mask, *dy, *kept, *before, *cell_before;
  float *dx, *dhidden;
  int64_t batch, steps, width;
  int32_t lstm, reverse;
} mixmas_recurrent_grad;

/* y = softmax(q k' / sqrt(width/heads)) v for each sample and head, which has its share of the columns (Vaswani et al. 2017): q,
 * y (batch, queries, width); k, v (batch, keys, width); no query attends to a key whose mask (batch, keys) is 0, and a sample
 * without others gets zeros. log_sum (batch, heads, queries), the logarithm of the sum of each row's exponentials, is kept for
 * the backward pass if present. */
typedef struct {
  const float *q, *k, *v, *mask;
  float *y, *log_sum;
  int64_t batch, queries, keys, width, heads;
} mixmas_attention;

typedef struct {
  const float *q, *k, *v, *mask, *y, *log_sum, *dy;
  mixmas_target dq, dk, dv;
  int64_t batch, queries, keys, width, heads;
} mixmas_attention_grad;

/* The operations: X(KIND, name, WORKSPACE) for each, whose descriptor is mixmas_name. WORKSPACE says whether its kernels need
 * scratch memory: NONE, or SOME, as workspace_size says (operations.h). All lists of operations are made from this one; an
 * operation without a kernel or without its workspace_size does not link. Add new ones at the end. */
#define MIXMAS_OPERATIONS(X) \
  X(MATMUL, matmul, SOME) \
  X(FILL, fill, NONE) \
  X(COPY, copy, NONE) \
  X(MAP, map, NONE) \
  X(MAP_GRAD, map_grad, NONE) \
  X(BINARY, binary, NONE) \
  X(REDUCE, reduce, SOME) \
  X(MAX_GRAD, max_grad, NONE) \
  X(DROPOUT, dropout, NONE) \
  X(LAYER_NORM, layer_norm, NONE) \
  X(LAYER_NORM_GRAD, layer_norm_grad, SOME) \
  X(BATCH_NORM, batch_norm, SOME) \
  X(BATCH_NORM_GRAD, batch_norm_grad, SOME) \
  X(IM2COL, im2col, NONE) \
  X(COL2IM, col2im, NONE) \
  X(DEPTHWISE, depthwise, NONE) \
  X(DEPTHWISE_GRAD, depthwise_grad, SOME) \
  X(CROSS_ENTROPY, cross_entropy, SOME) \
  X(BCE, bce, SOME) \
  X(ADAM, adam, NONE) \
  X(SGD, sgd, NONE) \
  X(CHANNEL_MIXING, channel_mixing, SOME) \
  X(CHANNEL_MLP_GRAD, channel_mlp_grad, SOME) \
  X(TOKEN_MIXING, token_mixing, SOME) \
  X(TOKEN_MLP_GRAD, token_mlp_grad, SOME) \
  X(HYPER_MIXING, hyper_mixing, SOME) \
  X(HYPER_MIXING_GRAD, hyper_mixing_grad, SOME) \
  X(MONARCH, monarch, SOME) \
  X(MONARCH_GRAD, monarch_grad, SOME) \
  X(SOFTMAX, softmax, NONE) \
  X(SOFTMAX_GRAD, softmax_grad, NONE) \
  X(EMBEDDING, embedding, NONE) \
  X(EMBEDDING_GRAD, embedding_grad, SOME) \
  X(SOFT_CROSS_ENTROPY, soft_cross_entropy, SOME) \
  X(RECURRENT, recurrent, NONE) \
  X(RECURRENT_GRAD, recurrent_grad, NONE) \
  X(CONV, conv, SOME) \
  X(CONV_INPUT_GRAD, conv_input_grad, SOME) \
  X(CONV_WEIGHT_GRAD, conv_weight_grad, SOME) \
  X(ATTENTION, attention, NONE) \
  X(ATTENTION_GRAD, attention_grad, NONE)

#define MIXMAS_KIND(KIND, name, WORKSPACE) MIXMAS_OP_##KIND,
typedef enum { MIXMAS_NO_OP = 0, MIXMAS_OPERATIONS(MIXMAS_KIND) } mixmas_kind;
#undef MIXMAS_KIND

/* One operation of a program. source is the index of the operation of the Go program that it came from, for errors,
 * profiles and NVTX ranges; name points to its name and must outlive the program. */
typedef struct {
  int32_t kind, source;
  const char *name;
  union {
#define MIXMAS_DESCRIPTOR(KIND, name, WORKSPACE) mixmas_##name name;
    MIXMAS_OPERATIONS(MIXMAS_DESCRIPTOR)
#undef MIXMAS_DESCRIPTOR
  } of;
} mixmas_operation;

/* The largest sizes that fused kernels support, which determine what a program has to keep for them. */
typedef struct {
  /* Up to this width, or this many hidden units over tokens, the gradient of channel or token mixing is one kernel. It does
   * not read hidden_values, and reads pre if it is given. Beyond, it reads both. */
  int64_t channel_mlp_width, token_mlp_hidden;
  int64_t attention_head; /* wider heads of attention need its parts */
  int64_t recompute_above; /* where that kernel computes pre again faster than it reads it: layers of more elements */
} mixmas_limits;

mixmas_limits mixmas_kernel_limits(mixmas_numerics numerics);

/* ---- devices ---- */

typedef struct {
  char name[256];
  int32_t major, minor; /* compute capability */
  int32_t multiprocessors;
  int64_t memory; /* bytes */
} mixmas_device;

/* The number of GPUs; 0 if none of them can be used, with a message that says why. */
int32_t mixmas_device_count(mixmas_message *message);
/* Describes a GPU. It fails if the GPU cannot be used. */
mixmas_status mixmas_device_describe(int32_t ordinal, mixmas_device *device, mixmas_message *message);

/* ---- sessions ---- */

typedef struct mixmas_session mixmas_session;
typedef struct mixmas_program mixmas_program;

/* Opens a session with zeroed state. */
mixmas_status mixmas_session_open(int32_t device, mixmas_numerics numerics, int64_t state, mixmas_session **session,
                                  mixmas_message *message);
/* Frees everything that belongs to the session: programs, tables, constants. */
void mixmas_session_close(mixmas_session *session);
float *mixmas_session_state(mixmas_session *session);
/* Gives the session an arena of at least n elements. Programs that were loaded for another address must be loaded again. */
mixmas_status mixmas_session_reserve(mixmas_session *session, int64_t n, float **arena, mixmas_message *message);
/* The bytes of the GPU's memory that are free, and all of them. */
mixmas_status mixmas_session_memory(mixmas_session *session, int64_t *free, int64_t *total, mixmas_message *message);
/* Copies n elements to a new allocation that lives as long as the session: constants, and tables of samples. If host is
 * NULL, mixmas_session_write fills the allocation. */
mixmas_status mixmas_session_upload(mixmas_session *session, const float *host, int64_t n, float **device,
                                    mixmas_message *message);
/* Frees what mixmas_session_upload gave, before the session closes. NULL does nothing. */
void mixmas_session_free(mixmas_session *session, float *device);
/* Copies between host and device in stream order. Write returns when host may be used again (it goes through a ring of two
 * pinned buffers); read waits for everything that was queued. */
mixmas_status mixmas_session_write(mixmas_session *session, float *device, const float *host, int64_t n,
                                   mixmas_message *message);
mixmas_status mixmas_session_read(mixmas_session *session, const float *device, float *host, int64_t n,
                                  mixmas_message *message);

/* ---- programs ---- */

/* The values that change between runs. */
typedef struct {
  double learning_rate;
  uint64_t seed;
  int32_t update;
  uint32_t counter;
} mixmas_step;

/* An input of n elements that can be gathered from a table on the device. */
typedef struct {
  float *target;
  int64_t n;
} mixmas_input;

/* Fills input number `input` of a run with n / width rows of a table on the device, of `width` elements each. The row
 * numbers are those from `first` on in an array that is passed with all gathers of the run. The caller has checked that
 * the table has these rows. */
typedef struct {
  int32_t input;
  const float *table;
  int64_t width, first;
} mixmas_gather;

/* The number of elements of scratch memory that the operations need. All programs of a session may share it. */
int64_t mixmas_program_workspace(const mixmas_operation *operations, int32_t n, mixmas_numerics numerics);
/* Captures a program; the operations are copied, their names are not. workspace has the size that mixmas_program_workspace
 * says, or is NULL for 0. The inputs are those that a run may gather. `kept` is one element that every run appends to the
 * session's log, or NULL. If *program is not NULL, its memory has moved and it is captured again; the number of inputs
 * must be the same. */
mixmas_status mixmas_program_load(mixmas_session *session, const mixmas_operation *operations, int32_t n, float *workspace,
                                  const mixmas_input *inputs, int32_t n_inputs, const float *kept, mixmas_program **program,
                                  mixmas_message *message);
void mixmas_program_unload(mixmas_program *program);
/* Queues one replay and returns. Inputs that are not gathered stay as they are. */
mixmas_status mixmas_program_run(mixmas_program *program, const mixmas_step *step, const mixmas_gather *gathers,
                                 int32_t n_gathers, const int32_t *rows, int64_t n_rows, mixmas_message *message);
/* Runs the operations one by one without a graph, waits, and adds each one's time in milliseconds to `milliseconds`
 * (n elements, or NULL). Before operation i (0: the first) it fills the spans that follow from the poison list with NaN. */
typedef struct {
  int32_t before; /* fill before this operation runs; n: after the last */
  float *from;
  int64_t n;
} mixmas_poison;
mixmas_status mixmas_program_trace(mixmas_program *program, const mixmas_step *step, const mixmas_gather *gathers,
                                   int32_t n_gathers, const int32_t *rows, int64_t n_rows, float *milliseconds,
                                   const mixmas_poison *poison, int32_t n_poison, mixmas_message *message);
/* Waits for all runs, copies the values that they have appended to the log since the last call, oldest first, and empties
 * it; *count is their number. It fails if there are more than `capacity`. The log holds MIXMAS_LOG values; a run that would
 * overflow it fails. */
enum { MIXMAS_LOG = 65536 };
mixmas_status mixmas_session_log(mixmas_session *session, float *values, int64_t capacity, int64_t *count,
                                 mixmas_message *message);

#ifdef __cplusplus
}
#endif
#endif
