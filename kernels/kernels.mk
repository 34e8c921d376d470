# The CUDA kernels: for a GPU (make kernels), and for the emulator (make test-emu).

PYTHON ?= python3
PIP = $(PYTHON) -m pip install -q --disable-pip-version-check --root-user-action=ignore --no-deps --no-compile --upgrade --require-hashes --target
JOBS ?= $(shell getconf _NPROCESSORS_ONLN)
# SAN= builds the emulator without AddressSanitizer and UndefinedBehaviorSanitizer.
SAN ?= 1
WHEELS := .cuda/nvidia/cu13
# An installed toolkit comes first. Without one, or with NVCC=, a pinned compiler is fetched into the project's folder.
NVCC := $(or $(CUDACXX),$(wildcard $(CUDA_HOME)/bin/nvcc),$(shell command -v nvcc 2>/dev/null),$(wildcard /usr/local/cuda/bin/nvcc))
HEADERS := $(or $(wildcard $(CUDA_HOME)/include/cuda_bf16.h),$(wildcard /usr/local/cuda/include/cuda_bf16.h))

.cuda/.done: kernels/toolkit/cuda-toolkit.txt
	@$(PIP) .cuda -r $< || { echo "nvcc cannot be fetched: set CUDA_HOME to a CUDA toolkit, or make sure that pip works"; exit 1; }
	@ln -sfn lib $(WHEELS)/lib64 # nvcc looks in lib64, the wheels have lib
	@ln -sfn libcudart.so.13 $(WHEELS)/lib/libcudart.so
	@touch $@

# A separate folder, because pip replaces what it finds.
.cuda-headers/.done: kernels/toolkit/cuda-headers.txt
	@$(PIP) .cuda-headers -r $< || { echo "CUDA's headers cannot be fetched: set CUDA_HOME, or make sure that pip works"; exit 1; }
	@touch $@

.PHONY: cuda-toolkit
cuda-toolkit: $(if $(NVCC),,.cuda/.done) ## fetch a pinned nvcc into .cuda, unless the machine has one

# build runs CMake and is silent unless it fails: $(call build,FOLDER,OPTIONS,TARGETS).
define build
@mkdir -p build
@echo "cmake --build $(1) --target $(3)"
@{ cmake -S . -B $(1) $(2) $(CMAKE_ARGS) && cmake --build $(1) -j $(JOBS) --target $(3); } >$(1).log 2>&1 || { cat $(1).log; exit 1; }
endef

.PHONY: kernels-gpu
kernels-gpu: cuda-toolkit ## compile the kernels for all GPUs; TESTS=1: the C++ tests and the benchmark too
	$(call build,build/gpu,-DCMAKE_CUDA_COMPILER=$(or $(NVCC),$(CURDIR)/$(WHEELS)/bin/nvcc),$(if $(TESTS),all,archive))
	@sh kernels/toolkit/stamp.sh build/gpu/libmixmas_cuda.a cgo/stamp_gpu.h

.PHONY: kernels
kernels: kernels-gpu ## compile the kernels, and bin/mixmas with them
	CGO_ENABLED=1 $(GO) build -tags cuda -o $(BIN) ./cmd/mixmas
	@echo "$(BIN) can use a GPU; make install puts it on your PATH"

.PHONY: ptxinfo
ptxinfo: kernels-gpu ## list registers, spills and shared memory of every kernel; fails if one spills
	@find build/gpu/CMakeFiles/kernels.dir -name '*.cu.o.log' | sort | xargs cat | c++filt | awk -f kernels/toolkit/ptxinfo.awk

.PHONY: kernels-emu
kernels-emu: $(if $(HEADERS),,.cuda-headers/.done) ## compile the kernels and their tests for the emulator
	$(call build,build/emu,-DMIXMAS_EMULATOR=ON -DMIXMAS_SANITIZE=$(if $(SAN),ON,OFF),all)
	@sh kernels/toolkit/stamp.sh build/emu/libmixmas_cuda.a cgo/stamp_emu.h

comma := ,
# Go links the sanitizers' libraries itself, except UBSan's.
EMULATED := CGO_ENABLED=1 $(if $(SAN),CGO_LDFLAGS="-g -Wl$(comma)--no-as-needed -lubsan") \
  $(GO) test $(if $(SAN),-asan) -tags cuda,cudaemu

.PHONY: test-emu
test-emu: kernels-emu ## test the kernels and the CUDA device on the emulator, in three orders of threads
	@echo "ctest --test-dir build/emu"
	@ctest --test-dir build/emu -j $(JOBS) --output-on-failure --no-tests=error >build/ctest.log 2>&1 || { cat build/ctest.log; exit 1; }
	@grep 'tests passed' build/ctest.log
	$(EMULATED) -c -o build/emu/cgo.test ./cgo
	$(EMULATED) -c -o build/emu/cmd.test ./cmd
	@kernels/emu/test.sh $(JOBS)
