# Benchmarks on a machine with a GPU (kernels/bench/METHOD.md).

BUNDLE := build/gpu-bundle
# What a rented machine takes is about 64 MiB.
BUNDLE_MIB := 56

.PHONY: gpu-bundle
gpu-bundle: ## make build/gpu-bundle, a folder with tests and benchmarks for a machine with a GPU
	$(MAKE) kernels-gpu TESTS=1
	rm -rf $(BUNDLE)
	mkdir -p $(BUNDLE)/peer
	CGO_ENABLED=1 $(GO) build -tags cuda -ldflags '-s -w' -o $(BUNDLE)/mixmas ./cmd/mixmas
	CGO_ENABLED=1 $(GO) test -c -tags cuda -ldflags '-s -w' -o $(BUNDLE)/cgo.test ./cgo
	cp build/gpu/kernel_tests kernels/bench/check.sh kernels/bench/METHOD.md kernels/bench/sharing.yaml $(BUNDLE)/
	strip $(BUNDLE)/kernel_tests
	cp testdata/peer/*.py testdata/peer/requirements.txt $(BUNDLE)/peer/
	cp -r testdata/golden $(BUNDLE)/golden
	git describe --always --abbrev=12 --dirty=' with changes' --exclude '*' >$(BUNDLE)/commit 2>/dev/null || true
	@size=$$(du -sm $(BUNDLE) | cut -f1); echo "$(BUNDLE): $$size MiB"; \
	if [ $$size -gt $(BUNDLE_MIB) ]; then echo "$(BUNDLE) must not be larger than $(BUNDLE_MIB) MiB"; exit 1; fi

.PHONY: gpu-report
gpu-report: ## write docs/benchmarks-gpu.md from the results of check.sh: RESULTS="folder..."
	@[ -n "$(RESULTS)" ] || { echo "gpu-report: set RESULTS to the folders that check.sh wrote"; exit 2; }
	$(GO) run ./kernels/bench/report $(RESULTS) >docs/benchmarks-gpu.md.new
	mv docs/benchmarks-gpu.md.new docs/benchmarks-gpu.md
