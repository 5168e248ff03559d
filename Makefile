# `make demo` and `make test` do everything on a machine with Python >= 3.11 and make.
PYTHON ?= python3
VENV ?= .venv
# One process of tests for each core, four at most (each takes about 1 GB); WORKERS=0 is none beside pytest's own.
WORKERS ?= logical
BIN := $(VENV)/bin
CORE := -p deepmr.mr -p deepmr.meta -p deepmr.inference -p deepmr.calibration -p deepmr.simulation -p deepmr.motifs -p deepmr.verdict -p deepmr.causal_graph -p deepmr.workflow \
	-m deepmr.anscombe -m deepmr.motif -m deepmr.estimate -m deepmr.effects -m deepmr.effect_sizes -m deepmr.moderated_variance -m deepmr.effect_shard -m deepmr.loci \
	-m deepmr.interrogation -m deepmr.interrogation_all -m deepmr.interrogation_result -m deepmr.notebook -m deepmr.networks -m deepmr.adapted \
	-m deepmr.instruments -m deepmr.genome -m deepmr.tasks -m deepmr.files

.PHONY: install demo demo-splicing test test-slow lint docs notebook clean

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml setup.py constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Deep MR needs Python 3.11 or later, this is " + sys.version.split()[0] + "; set PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt "$$(grep '^torch==' constraints.txt)"
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev,docs]'
	touch $@

demo: install
	$(BIN)/python train.py name=demo overwrite=true
	$(BIN)/python interrogate.py run=runs/train/demo exposure=GATA1 outcome=TAL1 overwrite=true

# Published weights on real exons (docs/tutorials/splicing.md): make demo-splicing WEIGHTS=DIR EXONS=exons.bed GENOME=genome.fa.gz
# Of the exons those of 100 to 240 bases: both sites in the 250 that are mutated, and beyond each other's 40 on either side.
CHOSEN := runs/splicing_exons.bed
SPLICING = $(BIN)/python interrogate.py model=openspliceai exposure=acceptor outcome=donor loci=bed loci.path=$(CHOSEN) loci.genome=$(GENOME) overwrite=true
demo-splicing: install
	@test -n "$(WEIGHTS)" && test -n "$(EXONS)" && test -n "$(GENOME)" || { echo "error: set WEIGHTS, EXONS and GENOME; docs/tutorials/splicing.md says where they come from"; exit 1; }
	@mkdir -p $(dir $(CHOSEN))
	awk -F '\t' '$$3 - $$2 >= 100 && $$3 - $$2 <= 240' $(EXONS) > $(CHOSEN)
	$(SPLICING) checkpoint='$(WEIGHTS)/400nt/*.pt' variants.region='[225,475]' name=splicing_400nt
	$(SPLICING) checkpoint='$(WEIGHTS)/80nt/*.pt' model.input.flank=40 variants.region='[65,315]' name=splicing_80nt

lint: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy $(CORE)
	$(BIN)/lint-imports --no-cache

test: lint
	$(BIN)/python -m pytest -q -m "not slow" -n $(WORKERS) --maxprocesses 4 --dist loadfile --no-loadscope-reorder

test-slow: install
	$(BIN)/python -m pytest -m slow

# The documentation site, into build/site; nothing is fetched.
docs: install
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# Run the notebooks, and store their outputs in them.
notebook: install
	$(BIN)/jupyter execute --inplace docs/notebooks/*.ipynb

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
