# The face of the project: each target is a line or two, the engine is the Snakefile.
PYTHON ?= python3
PROFILE ?= quick
SCORED := $(if $(filter quick,$(PROFILE)),retrain,$(PROFILE))
BIN := .venv/bin
SNAKEMAKE := PYTHONPATH= $(BIN)/python -m snakemake --workflow-profile profiles/default

.DEFAULT_GOAL := help
.PHONY: help book page figure labs survey test lint links inspect serve zip pdf release timings scorecard bench checks teaser clean publish

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

figure: .venv/.ready  ## make one figure or table anew and say where it is: make figure F=fig6
	@$(BIN)/python -m workflow.figure "$(F)" --profile $(PROFILE)

labs: .venv/.ready  ## the labs as notebooks for students, with solutions, and with notes: _build/labs
	@$(BIN)/python -m workflow.labs

survey: .venv/.ready  ## denoise files of your own, one job each: make survey IMAGES='night/*.fits' OUT=denoised
	@$(SNAKEMAKE) survey --config images='$(IMAGES)' out='$(OUT)'

test: .venv/.ready  ## run the whole test suite
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

lint: .venv/.ready  ## ruff, check and format; codespell
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/codespell

links: .venv/.ready  ## ask every outside link of the built book's sources whether it answers (needs a network)
	@$(BIN)/python -m workflow.links

inspect: .venv/.ready node_modules  ## open every built page in headless Chromium: errors, network, accessibility, widths
	@$(BIN)/python -m workflow.inspect_book

node_modules: package-lock.json
	@if command -v npm > /dev/null; then npm ci --silent && touch $@; else echo "no npm here, so no axe-core"; fi

serve:  ## read the built book at http://localhost:8000
	@$(BIN)/python -m http.server 8000 --bind 127.0.0.1 --directory _build/html

zip: .venv/.ready  ## the built book as one file that reads without a network
	@$(BIN)/python -m workflow.release zip

pdf: .venv/.ready  ## the built book as one PDF, printed by headless Chromium
	@$(BIN)/python -m workflow.print_book

release: zip pdf  ## collect in _build/release what a release would publish; publishes nothing
	@$(BIN)/python -m workflow.release collect

timings: .venv/.ready  ## note what running the pages took, for their openings: book/timings.json
	@$(BIN)/python -m workflow.running --profile $(PROFILE)

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
	@rm -rf _build/html _build/site _build/pages _build/timings _build/logs _build/release _build/*.zip _build/*.pdf book/_executed
