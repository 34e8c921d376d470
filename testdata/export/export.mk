# Exported models in the programs that they are for, beside our own predictions. These programs are installed in a virtual
# environment outside the source tree.

EXPORT_VENV ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/mixmas/export
EXPORT_CASES := build/export

$(EXPORT_VENV)/.done: testdata/export/requirements.txt
	$(PYTHON) -m venv $(EXPORT_VENV)
	$(EXPORT_VENV)/bin/python -m pip install -q --disable-pip-version-check -r $<
	@touch $@

.PHONY: test-export
test-export: ## run exported models in onnxruntime and PyTorch, and compare with our predictions
	@rm -rf $(EXPORT_CASES) $(EXPORT_CASES)-other && $(GO) run ./testdata/export --to $(EXPORT_CASES)
	@if $(MAKE) -s $(EXPORT_VENV)/.done >/dev/null 2>&1; then \
		$(EXPORT_VENV)/bin/python testdata/export/check_onnx.py $(EXPORT_CASES) $(EXPORT_CASES)-other; \
	elif [ -n "$(ALL)" ]; then echo "test-export: Python's venv is missing, or onnx and onnxruntime cannot be fetched"; exit 1; \
	else echo "skipped: test-export in onnxruntime (Python's venv is missing, or onnx and onnxruntime cannot be fetched)"; fi
	@if python=$$(ALL=$(ALL) testdata/export/find-torch.sh $(PYTHON)); then \
		$$python testdata/export/check_torch.py $(EXPORT_CASES); \
	elif [ -n "$(ALL)" ]; then echo "test-export: no Python has PyTorch and numpy, and Debian's python3-torch cannot be installed"; exit 1; \
	else echo "skipped: test-export in PyTorch (no Python has PyTorch and numpy: install Debian's python3-torch, or set PYTHON)"; fi
