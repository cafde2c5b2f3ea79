# The face of the project: each target is a line or two, the engine is the Snakefile.
PYTHON ?= python3
PROFILE ?= quick
SCORED := $(if $(filter quick,$(PROFILE)),retrain,$(PROFILE))
BIN := .venv/bin
SNAKEMAKE := PYTHONPATH= $(BIN)/python -m snakemake --workflow-profile profiles/default

.DEFAULT_GOAL := help
.PHONY: help book page survey test lint inspect serve scorecard bench checks teaser clean publish

help:  ## list the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

.venv/.ready: requirements.lock pyproject.toml
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'astrounet needs Python 3.11 or newer; set PYTHON=')"
	$(PYTHON) -m venv .venv && $(BIN)/pip install -r requirements.lock && $(BIN)/pip install --no-deps -e . && touch $@

book: .venv/.ready  ## build the book at _build/html/index.html; PROFILE=smoke|quick|retrain|paper
	@$(SNAKEMAKE) --config profile=$(PROFILE)
	@echo "profile $(PROFILE): the book is at $(abspath _build/html/index.html)"

page: .venv/.ready  ## run one page: make page PAGE=noise_model
	@$(SNAKEMAKE) page --config profile=$(PROFILE) page=$(PAGE)

survey: .venv/.ready  ## denoise files of your own, one job each: make survey IMAGES='night/*.fits' OUT=denoised
	@$(SNAKEMAKE) survey --config images='$(IMAGES)' out='$(OUT)'

test: .venv/.ready  ## run the whole test suite
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

lint: .venv/.ready  ## ruff, check and format
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

inspect: .venv/.ready  ## open every built page in headless Chromium, network off
	@$(BIN)/python workflow/inspect_book.py

serve:  ## read the built book at http://localhost:8000
	@$(BIN)/python -m http.server 8000 --bind 127.0.0.1 --directory _build/html

scorecard: .venv/.ready  ## every method under every measure, hours: results/PROFILE/scorecard.json (PROFILE=retrain)
	@$(BIN)/astrounet evaluate --methods all --profile $(SCORED) && mkdir -p results/$(SCORED)
	@cp _build/results/$(SCORED)/scorecard.json results/$(SCORED)/

bench: .venv/.ready  ## speed and memory, as ratios in one run
	@$(BIN)/python benchmarks/inference.py
	@$(BIN)/python benchmarks/training.py

publish: .venv/.ready  ## copy finished runs to results/ (WEIGHTS="name ..." to weights/): make publish RUNS="network1 modern"
	@$(BIN)/astrounet publish $(RUNS) --profile $(PROFILE) $(if $(WEIGHTS),--weights $(WEIGHTS))

checks: .venv/.ready  ## measure again what results/checks holds, with the published networks (real data in ASTROUNET_DATA_DIR)
	@$(foreach module,cluster_figures counterparts real_images realistic_fields dusty_galaxies independent_check rounding large_apertures,$(BIN)/python -m astrounet_core.$(module) &&) true

teaser: .venv/.ready  ## the README's picture, from the quickstart page (with real data in ASTROUNET_DATA_DIR)
	@$(SNAKEMAKE) page --config profile=quick page=quickstart
	@cp _build/pages/quick/figures/quickstart-fig-quickstart.png book/_static/teaser.png

clean:  ## remove what the pipeline made (not .venv, not checkpoints of training runs)
	@rm -rf _build/html _build/site _build/pages _build/timings _build/logs book/_executed
