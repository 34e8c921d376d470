# Comparisons with PyTorch on this machine's CPU. PyTorch is installed in a virtual environment outside the source tree.

PEER_VENV ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/mixmas/peer
PEER := $(PEER_VENV)/bin/python
# AVMNIST is the folder that `mixmas data build avmnist` made.
AVMNIST ?= data/avmnist
PAIRS ?= 5
ROUNDS ?= 2

$(PEER_VENV)/.done: testdata/peer/requirements.txt
	$(PYTHON) -m venv $(PEER_VENV)
	$(PEER) -m pip install -q --disable-pip-version-check -r $<
	@touch $@

.PHONY: bench-peer
bench-peer: build $(PEER_VENV)/.done ## time all models alternating with PyTorch, and write docs/benchmarks-cpu.md (PAIRS=5; an hour)
	$(PEER) testdata/peer/compare.py --mixmas $(BIN) --pairs $(PAIRS) --out docs/benchmarks-cpu.md $(CASES)

.PHONY: bench-search
bench-search: build $(PEER_VENV)/.done ## time a search alternating with a loop in PyTorch, and write docs/benchmarks-search.md (hours)
	$(PEER) testdata/peer/search.py --data $(AVMNIST) --mixmas $(BIN) --rounds $(ROUNDS) $(if $(EPOCHS),--epochs $(EPOCHS)) \
	  --out docs/benchmarks-search.md
