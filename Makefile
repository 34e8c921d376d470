# mixmas: make help lists the targets. Building and running need only Go.

GO ?= go
BIN := bin/mixmas
# ALL=1 makes every check mandatory. Without it, checks that need a C compiler or a network are skipped if there is none,
# and named.
ALL ?=

# The version that mixmas --version says.
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo development)
STAMP = -ldflags '-X mixmas/cmd.stamp=$(VERSION)'

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/mixmas, without C
	CGO_ENABLED=0 $(GO) build $(STAMP) -o $(BIN) ./cmd/mixmas

# With the CUDA kernels if they were compiled: $(call with-kernels,build) and so on.
with-kernels = $(if $(wildcard build/gpu/libmixmas_cuda.a),CGO_ENABLED=1 $(GO) $(1) $(STAMP) -tags cuda,CGO_ENABLED=0 $(GO) $(1) $(STAMP))

.PHONY: install
install: ## install mixmas into Go's bin folder, with the CUDA kernels if they were compiled
	$(call with-kernels,install) ./cmd/mixmas

# bin/mixmas with the CUDA kernels if they were compiled.
.PHONY: program
program:
	$(call with-kernels,build) -o $(BIN) ./cmd/mixmas

.PHONY: run
run: program ## search and train on the built-in data, in about half a minute; with the CUDA kernels if they were compiled
	$(BIN) run

.PHONY: man
man: build ## write the man pages into build/man
	rm -rf build/man && $(BIN) __man build/man && ls build/man/mixmas.1

.PHONY: dist
dist: ## make the archives of a release in dist/: linux, darwin and windows on amd64 and arm64, with checksums (VERSION=0.3.0)
	$(GO) run ./cmd/dist --version '$(VERSION)' --to dist

# The systems of which dist-check compares the programs.
SYSTEMS ?= linux/amd64

.PHONY: dist-check
dist-check: ## make archives from copies of the tree in two folders, with separate build caches, and compare their checksums
	GO='$(GO)' .ci/dist-check '$(SYSTEMS)'

# The page of how often choices are right, from recorded trainings (mixmas study record).
RECORDINGS ?= $(wildcard testdata/choosing/*.npz)
.PHONY: choosing
choosing: ## write docs/results/choosing.md from the recorded trainings in RECORDINGS, in seconds
	@mkdir -p build
	$(GO) run ./cmd/mixmas study choosing $(RECORDINGS) > build/choosing.md
	( echo '<!-- Made by `make choosing`, with the text of choosing.note. -->'; cat docs/results/choosing.note build/choosing.md ) > docs/results/choosing.md

# The page of the defaults by the data. DEFAULTS_DATA are configurations that name data and nothing else; without any, only the rule
# on the page is written anew.
DEFAULTS_DATA ?=
.PHONY: defaults
defaults: ## write docs/defaults.md; DEFAULTS_DATA="A.yaml B.yaml" measures the defaults on these data, in some hours
	@mkdir -p build
	$(GO) run ./search/defaults/measure --to docs/defaults.md --store build/defaults.db $(DEFAULTS_DATA)

# The page of all encoders and fusion functions. DATA are configurations that name data and nothing else; without any, what was measured
# on data stays on the page. ENCODER_FLAGS are flags of search/defaults/measure, such as --vary mlp_mixer,ramlp for other sizes and trainings
# of these (without them a section that is measured again has none), --modalities picture, or --stored to train nothing.
DATA ?=
ENCODER_SEEDS ?= 3
ENCODER_FLAGS ?=
.PHONY: encoders
encoders: ## write docs/encoders.md; DATA="A.yaml B.yaml" scores every encoder alone on these data with ENCODER_SEEDS=3 seeds, in some hours (resumes)
	@mkdir -p build
	$(GO) run ./search/defaults/measure --encoders --to docs/encoders.md --store build/encoders.db --repeats $(ENCODER_SEEDS) \
		--note "$$(cat docs/encoders.note)" $(ENCODER_FLAGS) $(DATA)

.PHONY: test
test: format vet lint generated portable-build dist-check unit purego race test-export test-browser kernels-tests ## run the checks that this machine can run, in about 20 minutes; ALL=1: all of them, or fail

.PHONY: ci
ci: ## run all checks, and fail if a tool is missing
	$(MAKE) test ALL=1

.PHONY: format
format: ## check that the code is formatted
	@files=$$(gofmt -l $$(git ls-files '*.go' 2>/dev/null || find . -name '*.go')); \
	if [ -n "$$files" ]; then echo "not formatted with gofmt:"; echo "$$files"; exit 1; fi
	@echo "format: ok"

.PHONY: vet
vet: ## vet for amd64, for the portable kernels, for arm64, for CUDA without C, and for other systems
	GOOS=linux GOARCH=amd64 $(GO) vet ./...
	$(GO) vet -tags purego ./...
	GOOS=linux GOARCH=arm64 CGO_ENABLED=0 $(GO) vet ./...
	CGO_ENABLED=0 $(GO) vet -tags cuda ./...
	GOOS=darwin GOARCH=arm64 CGO_ENABLED=0 $(GO) vet ./...
	GOOS=windows GOARCH=amd64 CGO_ENABLED=0 $(GO) vet ./...

.PHONY: lint
lint: ## run the version of staticcheck that .ci/tools pins
	@if $(GO) tool -modfile=.ci/tools/go.mod staticcheck -version >/dev/null 2>&1; then \
		echo "$(GO) tool staticcheck ./..."; $(GO) tool -modfile=.ci/tools/go.mod staticcheck ./...; \
	elif [ -n "$(ALL)" ]; then echo "lint: staticcheck cannot be built"; exit 1; \
	else echo "skipped: lint (staticcheck is missing and cannot be fetched)"; fi

.PHONY: generated
generated: ## check that the assembly matches its generator
	@if (cd nn/cpu/gen && $(GO) build -o /dev/null .) >/dev/null 2>&1; then $(GO) -C nn/cpu/gen test ./...; \
	elif [ -n "$(ALL)" ]; then echo "generated: the generator's modules cannot be fetched"; exit 1; \
	else echo "skipped: generated (the generator's modules are missing and cannot be fetched)"; fi

.PHONY: portable-build
portable-build: ## check that everything builds without C
	CGO_ENABLED=0 $(GO) build ./...

.PHONY: unit
unit: ## test with the native kernels of this processor
	$(GO) test ./... ./testdata/physionet2012

# The target race runs all tests with the portable kernels. These are the ones that it leaves out or cuts short.
.PHONY: purego
purego: ## test with the portable kernels what takes the race detector too long
	$(GO) test -tags purego ./nn/...
	$(GO) test -tags purego -run Pinned ./cmd

.PHONY: race
race: ## test under the race detector, with the portable kernels (it cannot check assembly)
	@if command -v $${CC:-cc} >/dev/null; then \
		echo "$(GO) test -race -tags purego ./..."; CGO_ENABLED=1 $(GO) test -race -tags purego ./...; \
	elif [ -n "$(ALL)" ]; then echo "race: the race detector needs a C compiler"; exit 1; \
	else echo "skipped: the race detector, which needs a C compiler"; $(GO) test -tags purego ./...; fi

has-browser = for b in chromium chromium-browser google-chrome google-chrome-stable; do command -v $$b >/dev/null && break; done

.PHONY: test-browser
test-browser: ## test the pages in Chromium: no network, no errors, keyboard, dark, narrow, print, hostile data
	@if [ -n "$(ALL)" ] && ! { $(has-browser); }; then .ci/debian-install chromium fonts-dejavu-core || true; fi; \
	if $(has-browser); then \
		echo "$(GO) test (in testdata/browser)"; $(GO) -C testdata/browser vet . && $(GO) -C testdata/browser test -count=1 .; \
	elif [ -n "$(ALL)" ]; then echo "test-browser: Chromium is needed, such as Debian's package chromium"; exit 1; \
	else echo "skipped: test-browser (Chromium is missing)"; fi

# Pictures of the report of the built-in search.
.PHONY: report-pictures
report-pictures: ## write screenshots of the built-in search's report to docs/pictures (needs Chromium)
	@mkdir -p docs/pictures
	$(GO) -C testdata/browser test -count=1 -run '^TestPictures$$' -timeout 20m . -args -pictures $(CURDIR)/docs/pictures

# The reports of these searches are shown in docs/results/reports.md. The comments of testdata/configs/NAME.yaml say which files data/NAME
# needs; BUDGET is that of each search.
REPORTS ?= physionet2012 mdi_icons spsw_har
BUDGET ?= 4m

.PHONY: results-pictures
results-pictures: program ## search the data of REPORTS="physionet2012 mdi_icons spsw_har" within BUDGET=4m each, and write screenshots of the reports to docs/results/pictures (needs Chromium)
	@mkdir -p build/reports docs/results/pictures
	for name in $(REPORTS); do \
		$(BIN) run testdata/configs/$$name.yaml --budget $(BUDGET) --store build/reports/$$name.db --out build/reports/$$name --force && \
		$(GO) -C testdata/browser test -count=1 -run '^TestResultPictures$$' -timeout 20m . \
			-args -report $(CURDIR)/build/reports/$$name/report.html -pictures $(CURDIR)/docs/results/pictures || exit 1; \
	done

# How many times make soak kills or stops a process.
SOAK ?= 200

.PHONY: soak
soak: ## kill and stop processes that share a store and a folder, SOAK=200 times, and compare with an undisturbed run (takes minutes)
	$(GO) test ./cmd -run '^TestSoak$$' -count=1 -v -timeout 60m -soak $(SOAK)

.PHONY: kernels-tests
kernels-tests: ## compile the kernels, their tests and their benchmarks for all GPUs, and test them on the emulator
	@if command -v $${CXX:-c++} >/dev/null && command -v cmake >/dev/null; then \
		$(MAKE) gpu-bundle && CGO_ENABLED=1 $(GO) vet -tags cuda ./... && $(MAKE) ptxinfo && $(MAKE) test-emu; \
	elif [ -n "$(ALL)" ]; then echo "kernels-tests: CMake and a C++ compiler are needed"; exit 1; \
	else echo "skipped: kernels-tests (CMake and a C++ compiler are needed)"; fi

include kernels/kernels.mk kernels/bench/bench.mk testdata/peer/peer.mk testdata/export/export.mk testdata/serve/serve.mk

.PHONY: bench
bench: ## run the micro-benchmarks
	$(GO) test -run '^$$' $(if $(wildcard build/gpu/libmixmas_cuda.a),-tags cuda) -bench . ./cgo/... ./nn/cpu/...

.PHONY: bench-guard
bench-guard: ## compare the operations' costs, memory and allocations with the baseline; GUARD=update: rewrite the baseline
	$(GO) test ./nn/cpu -run '^TestGuard$$' -count=1 $(if $(filter update,$(GUARD)),-update)

BASE ?= HEAD~1
# The benchmarks to compare, and how many times to run them.
BENCH ?= BenchmarkDevice/avmnist/image
COUNT ?= 8

.PHONY: bench-base
bench-base: ## benchmark this tree alternating with BASE=HEAD~1, and compare with benchstat (BENCH=regular expression, COUNT=8)
	.ci/bench-base "$(BASE)" "$(BENCH)" $(COUNT)

.PHONY: lines
lines: ## print the lines of code per top-level folder at BASE=HEAD~1 and now, with and without tests
	docs/lines.sh "$(BASE)" HEAD

PAPER := testdata/configs/avmnist.yaml --store bin/avmnist.db --json

.PHONY: results
results: program ## run the paper's candidates on data/avmnist and write docs/results/avmnist.md (a quarter of an hour)
	$(BIN) search $(PAPER) > bin/search.json
	$(BIN) search $(PAPER) > bin/again.json
	$(BIN) train $(PAPER) --epochs 5 --out bin/avmnist > bin/train.json
	$(MAKE) page

.PHONY: page
page: ## rewrite docs/results/avmnist.md from the output of make results
	$(BIN) report --title 'AV-MNIST, with the candidates and trainings of the paper' \
	  --note "$$(cat docs/results/avmnist.note)" bin/search.json bin/again.json bin/train.json > docs/results/avmnist.md

# The data sets are those of docs/results/settings; the comments of testdata/configs/NAME.yaml say which files data/NAME needs.
SEEDS ?= 5
.PHONY: results-settings
results-settings: program ## compare both settings on the data sets in data/ with SEEDS=5 seeds and write docs/results/settings.md (some hours; resumes)
	$(GO) run ./docs/results/settings --program $(BIN) --to docs/results/settings.md --work build/settings --seeds $(SEEDS)

.PHONY: results-paper
results-paper: program ## run the paper's experiments on data/avmnist and write docs/results/paper.md (a day; resumes)
	$(BIN) reproduce avmnist --store build/paper.db --work build/paper --to docs/results/paper.md

.PHONY: readme-run
readme-run: build ## update the run in README.md
	docs/readme.sh $(BIN) README.md

.PHONY: profile-page
profile-page: build ## update the run in docs/profiling.md
	docs/profiling.sh $(BIN) docs/profiling.md

.PHONY: generate
generate: ## regenerate the assembly
	$(GO) generate ./nn/cpu/simd

.PHONY: clean
clean: ## remove what was built
	rm -rf bin build dist cgo/stamp_*.h
