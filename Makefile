# Every habit of this project is a target. `make demo` and `make test` need nothing typed before them:
# they make .venv when it is missing and install into it anew when setup.cfg has changed.
# Another interpreter: make venv PYTHON=python3.12

PYTHON ?= python3
BIN    := .venv/bin
ARGS   ?=

.PHONY: help venv demo test quick test-backends fuzz lint format wheel bench bench-layers ci clean

help:
	@echo "make demo    train, score and save a forecaster on bundled data"
	@echo "make test    run all tests but the slow ones (ARGS='-m slow' runs those)"
	@echo "make quick   run the tests of frames, inputs and evaluation, without TensorFlow"
	@echo "make test-backends   run the tests of custom_layers on each backend of Keras that is installed"
	@echo "make fuzz    load 10,000 mutated artifacts (ARGS='--count 500 --seed 1'); it takes half an hour"
	@echo "make lint    check style, format and types; make format mends the first two"
	@echo "make wheel   build the source distribution and the wheel into dist/"
	@echo "make bench   run the benchmarks one after another; it takes half an hour"
	@echo "make bench-layers   time a training step of every layer against keras.layers.LSTM"
	@echo "make ci      everything that must hold before a change is merged"
	@echo "make venv    only make .venv; make clean removes what was built, not .venv"

venv: .venv/installed

# pip is the last thing that venv writes: where it is missing, an earlier attempt was cut off.
.venv/installed: setup.cfg pyproject.toml
	@test -x $(BIN)/pip || $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or later is needed: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	test -x $(BIN)/pip || $(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@

demo: venv
	$(BIN)/forecaster demo

test: venv
	$(BIN)/python -m pytest -n auto -m "not slow" $(ARGS)

# The plugin leaves out the few tests there that need TensorFlow, and makes it impossible to import.
quick: venv
	$(BIN)/python -m pytest -n auto -p tests.helpers.block_tensorflow -m "not slow" $(ARGS) \
	  tests/forecaster/data tests/forecaster/inputs tests/forecaster/evaluation

# Keras takes its backend when it is imported: a process for each.
test-backends: venv
	@set -e; for backend in tensorflow jax torch; do \
	  $(BIN)/python -c "import $$backend" 2> /dev/null || { echo "$$backend: not installed"; continue; }; \
	  echo "$$backend:"; \
	  KERAS_BACKEND=$$backend $(BIN)/python -m pytest -n auto -q tests/custom_layers $(ARGS); \
	done

fuzz: venv
	$(BIN)/python -m tests.helpers.fuzz_artifacts --count 10000 $(ARGS)

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: venv
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

wheel: venv
	rm -rf dist
	$(BIN)/python -m build

bench: venv
	set -e; for script in benchmarks/[a-z]*.py; do $(BIN)/python $$script; done

bench-layers: venv
	$(BIN)/python benchmarks/layers.py $(ARGS)

ci:
	.ci/run

clean:
	rm -rf build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
