# `make up` runs the example on this machine; `make test` runs the tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DIST := dist

.DEFAULT_GOAL := up
.PHONY: venv dev up test check wheel screenshots pulumi

venv: $(BIN)/queuewright

$(BIN)/queuewright: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "queuewright needs Python 3.11 or newer; try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	@echo "creating $(VENV) (once)" >&2
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[pubsub]'
	@touch $@

dev: $(VENV)/.dev

$(VENV)/.dev: $(BIN)/queuewright
	@echo "installing the tests' dependencies (once)" >&2
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[deploy,dev]'
	@touch $@

up: venv
	@exec $(BIN)/queuewright up

test: dev
	@exec $(BIN)/pytest -m "not slow" -n auto --dist loadfile $(ARGS)

check: dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

# The wheel, for installing queuewright elsewhere.
wheel: venv
	@$(BIN)/pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir $(DIST) .
	@ls $(DIST)/queuewright-*.whl

# Pictures of the dashboard, in out/screenshots; needs Chromium (`apt-get install chromium`).
screenshots: dev
	@$(BIN)/python tools/screenshots.py $(ARGS)

# Builds the Pulumi CLI for tests/deploy from its Go module; takes minutes the first time.
# The Automation API asks the CLI for its version, which only this linker flag sets.
pulumi: .tools/bin/pulumi

.tools/bin/pulumi: tools/go.mod tools/go.sum tools/tools.go
	@command -v go >/dev/null || { echo "building the Pulumi CLI needs Go: https://go.dev/dl/" >&2; exit 2; }
	@echo "building the Pulumi CLI from its Go module (some minutes, once)" >&2
	@cd tools && version=$$(go list -m -f '{{.Version}}' github.com/pulumi/pulumi/pkg/v3) \
	  && go build -o ../$@ \
	    -ldflags "-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=$$version" \
	    github.com/pulumi/pulumi/pkg/v3/cmd/pulumi
	@touch $@
