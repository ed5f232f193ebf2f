# Every target sets up what it needs first; setting up again is a no-op.
PYTHON ?=
JOBS ?= 2
RUN := .venv/bin/python
# nbgrader calls alembic, and JupyterLab its kernels, by their bare names.
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: help setup demo test lab notebooks lessons check bench constraints

help:
	@echo "make lab        open the course in JupyterLab"
	@echo "make demo       a small class: released, answered, graded, fed back"
	@echo "make test       checks and tests, with coverage"
	@echo "make check      style, types, and notebooks/ against solutions/"
	@echo "make notebooks  build notebooks/ from solutions/"
	@echo "make lessons    run every lesson in full; times and scores"
	@echo "make bench      speed of check() and of grading"
	@echo "make setup      all that the others need (they call it)"

setup:
	@PYTHON='$(PYTHON)' sh scripts/setup.sh

demo: setup
	@$(RUN) -m autograder demo

lab: setup
	@$(RUN) -m jupyterlab --ServerApp.root_dir=. --LabApp.default_url=/lab/tree/notebooks

notebooks: setup
	@$(RUN) -m autograder build

lessons: setup
	@$(RUN) -m benchmarks.lessons

bench: setup
	@$(RUN) -m benchmarks

check: setup
	@$(RUN) -m ruff check .
	@$(RUN) -m mypy
	@$(RUN) -m autograder build --check

test: check
	@$(RUN) -m pytest -n $(JOBS) --dist loadgroup --cov --cov-report=term

constraints: setup
	@{ sed -n '/^#/p' constraints.txt; $(RUN) -m pip freeze --all --exclude pip --exclude-editable \
	  | sed 's/+[a-z0-9]*$$//' | LC_ALL=C sort -f; } > constraints.new && mv constraints.new constraints.txt
