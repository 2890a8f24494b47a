# Everything runs from the project's own virtual environment, made on first use.
PYTHON ?= python3
PIP_FLAGS ?=
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: setup test lint reproduce reproduce-smoke reproduce-full proofs soak bench clean

setup: $(STAMP)
	@echo "Environment ready: $(VENV) (next: make test, make reproduce)"

$(STAMP): pyproject.toml .ci/constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_FLAGS) -c .ci/constraints.txt -e ".[test,sweep]"
	@touch $(STAMP)

# One BLAS thread per worker: two workers fill two cores.
test: $(STAMP)
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile
	@echo "Tests passed. The ledger of claims: $(BIN)/verify ledger"

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

reproduce: $(STAMP)
	$(BIN)/verify reproduce --out results

reproduce-smoke: $(STAMP)
	$(BIN)/verify reproduce --smoke --out results/smoke

reproduce-full: $(STAMP)
	$(BIN)/verify reproduce --full --out results/full

proofs: $(STAMP)
	$(MAKE) -j2 -C proofs/coq
	$(MAKE) -C proofs/coq assumptions

soak: $(STAMP)
	$(BIN)/python -m property_tests.soak --minutes 30

bench: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_FLAGS) -c .ci/constraints.txt -e ".[bench]"
	$(BIN)/verify bench

clean:
	rm -rf $(VENV) build results .pytest_cache .mypy_cache .ruff_cache .hypothesis
