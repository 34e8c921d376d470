# Predictions beside onnxruntime, on one core each, in turns. onnxruntime is installed as for make test-export.

BENCH_SERVE := build/serve
# Seconds of each measurement, and how many there are of each.
SECONDS_SERVE ?= 0.3
ROUNDS_SERVE ?= 15

.PHONY: bench-serve
bench-serve: build $(EXPORT_VENV)/.done ## time predictions alternating with onnxruntime, on one core, and write docs/benchmarks-serve.md (minutes)
	@mkdir -p $(BENCH_SERVE)
	$(GO) build -o $(BENCH_SERVE)/ours ./testdata/serve
	$(BIN) run --out $(BENCH_SERVE)/builtin --store $(BENCH_SERVE)/scores.db
	$(BENCH_SERVE)/ours --write $(BENCH_SERVE)/avmnist.safetensors --preset searched-avmnist
	$(BIN) export $(BENCH_SERVE)/builtin/model.safetensors --onnx $(BENCH_SERVE)/builtin.onnx
	$(BIN) export $(BENCH_SERVE)/avmnist.safetensors --onnx $(BENCH_SERVE)/avmnist.onnx
	$(EXPORT_VENV)/bin/python testdata/serve/bench.py --ours $(BENCH_SERVE)/ours --seconds $(SECONDS_SERVE) --rounds $(ROUNDS_SERVE) \
	  --out docs/benchmarks-serve.md "searched model of the built-in run=$(BENCH_SERVE)/builtin/model.safetensors=$(BENCH_SERVE)/builtin.onnx" \
	  "model of AV-MNIST's size=$(BENCH_SERVE)/avmnist.safetensors=$(BENCH_SERVE)/avmnist.onnx"
