# Every target works from nothing but Python 3.11 and make: what it needs is installed first, into
# one virtual environment that grows as needed. `make serve` alone never installs PyTorch.

PYTHON ?= python3
VENV ?= .venv
CONFIG ?= training/configs/en.toml

BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet
SOURCES := service training bench tests scripts
# What goes into the compiled search; numba itself would miss a change in another file.
COMPILED := $(addprefix service/engine/,beam_rows.py beams.py boosting.py compiled.py \
	frame_step.py language_model.py lexicon.py log_sums.py ngram_file.py ngram_search.py \
	pcm.py prefix_search.py pronunciation_beams.py pronunciation_search.py pronunciation_step.py \
	pruning.py rows.py said_boosts.py text_fit.py text_scores.py tries.py word_scores.py)

# Read by pip itself, so that what builds the package is pinned as well as what runs it.
export PIP_CONSTRAINT := constraints.txt
export PIP_BUILD_CONSTRAINT := constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# ONNX Runtime's wheels report their use to their maker unless told not to before they are loaded.
export ORT_DISABLE_TELEMETRY := 1

.PHONY: serve test check train install-serve install-train install-dev clean

serve: install-serve
	$(BIN)/longwave serve

test: install-dev $(VENV)/.compiled
	$(BIN)/python -m pytest

check: install-dev
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy --strict $(SOURCES)

train: install-train
	$(BIN)/longwave train $(CONFIG)

install-serve: $(VENV)/.installed-serve $(VENV)/.compiled
install-train: $(VENV)/.installed-train
install-dev: $(VENV)/.installed-dev

clean:
	rm -rf $(VENV)

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed-serve: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP_INSTALL) --editable '.[cpu]'
	touch $@

$(VENV)/.compiled: $(COMPILED) | $(VENV)/.installed-serve
	rm -f service/engine/__pycache__/*.nb?
	$(BIN)/python -m service.engine.compiled
	touch $@

$(VENV)/.installed-train: $(VENV)/.installed-torch
	$(PIP_INSTALL) --editable '.[cpu,train]'
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed-torch
	$(PIP_INSTALL) --editable '.[cpu,train,dev]'
	touch $@

# torchaudio goes in without its dependencies: it must not choose another PyTorch.
$(VENV)/.installed-torch: pyproject.toml constraints.txt scripts/torchaudio_beside_cpu_torch.py | $(BIN)/python
	$(PIP_INSTALL) torch numpy
	$(PIP_INSTALL) --no-deps torchaudio
	$(BIN)/python scripts/torchaudio_beside_cpu_torch.py
	touch $@
