# Two commands need nothing but Python >= 3.11 and make:
#   make demo   sets up .venv, makes or fetches three short clips, scores them, writes reports
#   make test   sets up the same way and runs the tests

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# the checkout's folders (datasets, ...) must not be importable under those names
export PYTHONSAFEPATH := 1

.PHONY: demo test test-slow lint types check speed clean

demo: $(VENV)/.demo
	$(BIN)/python -m unswap.experiments.demo --out demo-output

# two processes, each with one thread: more threads than processors only wait for each other
test test-slow: export OMP_NUM_THREADS ?= 1

# files are shared out in the order of their names: the last ones (vendors) are quick, so that neither
# process waits long for the other
test: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --max-worker-restart 2

test-slow: $(VENV)/.dev
	$(BIN)/python -m pytest -m slow --timeout 3600

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# what is shipped is what is checked: installed into a folder of its own, not the checkout
types: $(VENV)/.dev
	rm -rf build/types
	$(BIN)/python -m pip install --quiet --no-deps --target build/types .
	cd build/types && MYPYPATH=. $(CURDIR)/$(BIN)/mypy --config-file $(CURDIR)/pyproject.toml -p unswap

check: lint types test

speed: $(VENV)/.dev
	$(BIN)/python -m unswap.experiments.speed score

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable ".[demo]"
	touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	touch $@

clean:
	rm -rf $(VENV) build dist demo-output *.egg-info
