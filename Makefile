# Two commands do all the set-up themselves: `make bench` and `make test`.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.installed
PYTEST := $(BIN)/python -m pytest
# Most tests wait for processes; `loadfile` keeps a file's running deployment in one worker, and
# tests/conftest.py says which files begin.
SPREAD := -n 2 --dist loadfile --no-loadscope-reorder --durations 25

.PHONY: bench test test-slow test-soak check format install lock clean

install: $(READY)

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $(READY)

bench: $(READY)
	$(BIN)/shopbench run latency capacity floor failure consistency redeploy footprint complexity \
	  --profile quick \
	  --spec bench --kills 4 --points 6

test: $(READY)
	$(PYTEST) $(SPREAD) -m "not slow and not soak" tests

test-slow: $(READY)
	$(PYTEST) $(SPREAD) -m "slow and not soak" tests

test-soak: $(READY)
	$(PYTEST) $(SPREAD) -m soak tests

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(PYTEST) -q $(SPREAD) tests/unit

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Names, versions and hashes only: no index address may stand in the lock.
lock:
	uv pip compile --universal --python-version 3.11 --extra dev --generate-hashes --no-emit-index-url \
	  --no-annotate --no-header --upgrade pyproject.toml requirements.build -o requirements.lock

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache results/runs
