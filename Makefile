# Everything starts from a clean clone: each target makes .venv first, with $(PYTHON) or the first Python that will do.
export PYTHON
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= auto
MINUTES ?= 20
# COVERAGE=1 measures while it tests, child processes included
RUN := $(if $(COVERAGE),$(BIN)/coverage run,$(BIN)/python)
COMPLETE := src/fand/wire/*,src/fand/control/*

.PHONY: demo test test-uvloop check lint types imports coverage coverage-report docs netns-test vm-test bench simulate \
  mutations soak hostile fuzz clean

# The demo needs the small set only.
$(VENV)/.demo: pyproject.toml
	.ci/venv $(VENV) server,cli
	touch $@

$(VENV)/.dev: pyproject.toml
	.ci/venv $(VENV) dev
	touch $@ $(VENV)/.demo

demo: $(VENV)/.demo
	$(BIN)/fand demo $(DEMO_ARGS)

test: $(VENV)/.dev
	rm -f .coverage .coverage.*
	$(RUN) -m pytest -n $(JOBS) $(TEST_ARGS)

# the tests that start servers, the hostile ones among them, on the other event loop
test-uvloop: $(VENV)/.dev
	FAND_LOOP=uvloop $(BIN)/python -m pytest -n $(JOBS) tests/server tests/hostile tests/faults $(TEST_ARGS)

check: lint types imports docs coverage

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

imports: $(VENV)/.dev
	$(BIN)/lint-imports

coverage:
	$(MAKE) test COVERAGE=1
	$(MAKE) coverage-report

# of a `make test COVERAGE=1` that went before
coverage-report: $(VENV)/.dev
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report
	$(BIN)/coverage report --include='$(COMPLETE)' --fail-under=100

docs: $(VENV)/.dev
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html
	$(BIN)/sphinx-build -W --keep-going -q -b doctest docs docs/_build/doctest

# hosts as network namespaces: as root
netns-test: $(VENV)/.dev
	$(BIN)/python -m pytest -m netns tests/netns

vm-test: $(VENV)/.dev
	tests/vm/vm-test

# SEED=n replays one; see docs/simulation.rst
SEEDS ?= 100
HOURS ?= 2
simulate: $(VENV)/.dev
	$(BIN)/python -m tests.simulation --hours $(HOURS) \
	  $(if $(SEED),--seed $(SEED),--seeds $(SEEDS) $(if $(filter-out auto,$(JOBS)),--jobs $(JOBS)))

# deliberate bugs, each of which the simulation must catch
mutations: $(VENV)/.dev
	$(BIN)/python -m tests.simulation --mutations $(MUTATIONS) $(if $(filter-out auto,$(JOBS)),--jobs $(JOBS))

# beside the real fand 0.1.1, from the package index; writes docs/performance.md, is never a verdict
bench: $(VENV)/.dev
	$(BIN)/python -m bench $(BENCH_ARGS)

# real processes in trouble; status 1 where a rule was violated or anything leaks
soak: $(VENV)/.dev
	$(BIN)/python -m tests.soak --minutes $(MINUTES) $(if $(SEED),--seed $(SEED)) $(SOAK_ARGS)

$(VENV)/.fuzz: pyproject.toml
	.ci/venv $(VENV) dev,fuzz
	touch $@ $(VENV)/.dev $(VENV)/.demo

# bytes that nobody thought of, MINUTES in all; goes on where it ended last time; status 1 where a promise was broken
fuzz: $(VENV)/.fuzz
	$(BIN)/python -m tests.fuzz --minutes $(MINUTES) $(FUZZ_ARGS)

# ten thousand hostile connections at once, at a plain port and where TLS is spoken, and how long fan clients wait
CONNECTIONS ?= 10000
hostile: $(VENV)/.dev
	$(BIN)/python -m tests.hostile --connections $(CONNECTIONS) $(HOSTILE_ARGS)

clean:
	rm -rf $(VENV) .cache docs/_build .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis \
	  .import_linter_cache
