# Everything runs from the project's own virtual environment, made on first use.
PYTHON ?= python3
PIP_FLAGS ?=
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

CHECK_VENV := .venv-check
LOWEST_VENV := .venv-lowest
PIP := -m pip install --quiet --disable-pip-version-check $(PIP_FLAGS)
PINS := .ci/constraints.txt .ci/torch.txt

.PHONY: setup test test-lowest lint docs check checker artifact artifact-dry reproduce reproduce-smoke reproduce-full proofs proofs-networks soak bench clean

setup: $(STAMP)
	@echo "Environment ready: $(VENV) (next: make test, make reproduce)"

# Everything but torch by hash; torch by version (.ci/torch.txt says why); then this package, without its dependencies.
$(STAMP): pyproject.toml $(PINS)
	@echo "Installing into $(VENV): some minutes, without a word"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python $(PIP) --require-hashes --no-deps -r .ci/constraints.txt
	$(BIN)/python $(PIP) -r .ci/torch.txt
	$(BIN)/python $(PIP) --no-deps --no-build-isolation -e .
	$(BIN)/python -m pip check
	@touch $(STAMP)

# One BLAS thread per worker: two workers fill two cores.
test: $(STAMP)
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile
	@echo "Tests passed. The ledger of claims: $(BIN)/verify ledger"

# The lower bounds of pyproject.toml, on what rests on them: arithmetic, reading, certificates, scopes, report. Old releases stand beside
# today's releases of what they need themselves (matplotlib's pyparsing, typer's click), which warn of them.
test-lowest: $(LOWEST_VENV)/.installed
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 $(LOWEST_VENV)/bin/python -m pytest -n 2 --dist loadfile -W ignore::DeprecationWarning $(LOWEST_TESTS)

LOWEST_TESTS := verify/arrays verify/networks verify/certificates verify/regions verify/report verify/sweeps verify/tests

$(LOWEST_VENV)/.installed: pyproject.toml .ci/lowest.txt
	$(PYTHON) -m venv $(LOWEST_VENV)
	$(LOWEST_VENV)/bin/python $(PIP) -c .ci/lowest.txt -e ".[test]"
	@touch $@

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# API reference from the docstrings; formulas are Unicode text, so no network is needed to read them.
docs: $(STAMP)
	rm -rf results/docs
	$(BIN)/python -m verify.artifact docs results/docs

reproduce: $(STAMP)
	$(BIN)/verify reproduce --out results

reproduce-smoke: $(STAMP)
	$(BIN)/verify reproduce --smoke --out results/smoke

reproduce-full: $(STAMP)
	$(BIN)/verify reproduce --full --out results/full

proofs: $(STAMP)
	$(MAKE) -j2 -C proofs/coq
	$(MAKE) -C proofs/coq assumptions

# The example certificates, in an environment that holds python-flint and nothing else.
check: $(CHECK_VENV)/.installed
	$(CHECK_VENV)/bin/python -m verify.checker.examples

$(CHECK_VENV)/.installed: .ci/constraints.txt
	$(PYTHON) -m venv $(CHECK_VENV)
	sed -n '/^python-flint==/,/[^\\]$$/p' .ci/constraints.txt > $(CHECK_VENV)/python-flint.txt
	$(CHECK_VENV)/bin/python $(PIP) --require-hashes --no-deps -r $(CHECK_VENV)/python-flint.txt
	@touch $@

# The checker as one file, the same bytes wherever it is built.
checker: $(STAMP)
	$(BIN)/python -m verify.artifact checker build/lplr-checker.pyz

# One archive for a repository with a DOI; it holds the wheels, some gigabytes. artifact-dry: the same without them.
artifact: build/artifact/sbom.json
	sed -n 's/^\([A-Za-z0-9._-]*==[^ ]*\).*/\1/p' .ci/constraints.txt > build/pins.txt
	$(BIN)/python $(subst install,download,$(PIP)) -d build/artifact/wheels --require-hashes --no-deps -r .ci/constraints.txt
	$(BIN)/python $(subst install,download,$(PIP)) -d build/artifact/wheels -r .ci/torch.txt -c build/pins.txt
	$(BIN)/python -m verify.artifact archive build/artifact build/lplr-verify-artifact.tar

artifact-dry: build/artifact/sbom.json
	$(BIN)/python -m verify.artifact archive --dry build/artifact build/lplr-verify-artifact-dry.tar

build/artifact/sbom.json: $(STAMP)
	rm -rf build/artifact build/sbom
	mkdir -p build/artifact
	$(PYTHON) -m venv build/sbom
	build/sbom/bin/python $(PIP) cyclonedx-bom==7.5.0
	build/sbom/bin/cyclonedx-py environment --output-reproducible --output-file $@ $(BIN)/python

# 100 handwritten digits at width 1,024, and 10-64-1 from its random initialisation, inside Coq, against the recorded statements and axioms: minutes, 1.4 GiB.
proofs-networks: $(STAMP)
	$(BIN)/python -m verify.formal.examples digits build

soak: $(STAMP)
	$(BIN)/python -m property_tests.soak --minutes 30 --workers 2
	$(BIN)/python -m verify.arrays.tests.branches 100000
	$(BIN)/python -m property_tests.fuzzing --inputs 100000
	$(BIN)/python -m property_tests.altered

bench: $(STAMP)
	$(BIN)/python $(PIP) -e ".[bench]"
	$(BIN)/verify bench

clean:
	rm -rf $(VENV) $(CHECK_VENV) $(LOWEST_VENV) build results .pytest_cache .mypy_cache .ruff_cache .hypothesis
