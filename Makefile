# Two commands on a fresh machine with Python 3.11 and make: `make demo`, `make test`.
PYTHON ?= python3.11
BIN := .venv/bin
DEMO := demo

.PHONY: demo app pages browser test check fast model clean

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

# A child's legs and a spine from nothing as DICOM series, segmented by the shipped models, compared with their truth.
demo: .venv/installed
	rm -rf $(DEMO)
	$(BIN)/osteon phantom make --task leg-bones --age 9 --contrast dixon-water --seed 4 --out $(DEMO)/legs-phantom
	$(BIN)/osteon segment $(DEMO)/legs-phantom/dicom --model leg-bones --out $(DEMO)/legs
	$(BIN)/osteon evaluate $(DEMO)/legs/dicom/segmentation.nii.gz $(DEMO)/legs-phantom/labels.nii.gz --task leg-bones --out $(DEMO)/legs.csv
	$(BIN)/osteon phantom make --task lumbar-spine --seed 7 --out $(DEMO)/phantom
	$(BIN)/osteon segment $(DEMO)/phantom/dicom --out $(DEMO)/result
	$(BIN)/osteon evaluate $(DEMO)/result/dicom/segmentation.nii.gz $(DEMO)/phantom/labels.nii.gz --structures 'vertebra-*' --out $(DEMO)/evaluation.csv
	@echo "Open $(DEMO)/legs/dicom/report.html and $(DEMO)/result/dicom/report.html in a browser."

# The app, from a clone: builds its pages (npm) and opens it in the browser.
app: .venv/installed pages
	$(BIN)/osteon app

# What the app's browser tests need, where it can be had: Debian's Chromium and Node.js (20.19 or later) if root, and the
# built pages. Nothing here fails a run: without a network the tests skip, and say what is missing.
LIMIT := $(if $(shell command -v timeout),timeout 240)
INSTALL = [ "$$(id -u)" = 0 ] && $(LIMIT) apt-get update -qq && \
	DEBIAN_FRONTEND=noninteractive $(LIMIT) apt-get install -y -qq --no-install-recommends
browser:
	@command -v chromium >/dev/null || { $(INSTALL) chromium >/dev/null; } || echo "There is no Chromium: browser tests will skip."
	@command -v npm >/dev/null || { $(INSTALL) nodejs npm >/dev/null; } || echo "There is no npm to build the app's pages with."
	@$(LIMIT) $(MAKE) --no-print-directory pages || echo "The app's pages are not built: browser tests will skip."

# Pages of the app, into the package; a wheel built afterwards holds them.
pages: src/osteon/app/static/index.html

src/osteon/app/static/index.html: app/package-lock.json app/index.html app/vite.config.ts $(wildcard app/src/*) $(wildcard app/src/*/*)
	cd app && npm ci --no-audit --no-fund && npm run build

# Everything CI runs.
test: .venv/installed check fast

check: .venv/installed
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

fast: .venv/installed
	$(BIN)/python -m pytest -n 2 --dist loadfile

# The shipped model, from the data beside the checkout (hours): see docs/model.md.
model: .venv/installed
	sh recipes/lumbar-vertebrae.sh

clean:
	rm -rf .venv $(DEMO) runs out
