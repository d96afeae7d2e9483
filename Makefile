# Every target sets up .venv by itself, once. Without make: see "Without make" in the README.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
# What OpenBLAS would not find out by itself: dlcore/backend/blas.py says what and why
$(foreach set,$(shell $(PYTHON) -I dlcore/backend/blas.py 2>/dev/null),$(eval export $(subst =, ?= ,$(set))))

# no wheel of a newer torch than 2.2 exists for Intel Macs; no lesson needs it
HAS_TORCH := sys_platform != "darwin" or platform_machine != "x86_64"

.PHONY: lab explore demo test test-whole test-oldest mutants lint build bench lock clean

lab: $(READY)  ## JupyterLab on the course, at lesson 01
	$(BIN)/autograder lab course

explore: $(READY)  ## all explorers on one page, without notebooks
	$(BIN)/autograder explore

demo: $(READY)  ## make a class with submissions of every kind and grade it
	$(BIN)/autograder demo demo-class --lesson 1 --lesson 4 --lesson 9

test: lint  ## everything that must hold
	$(BIN)/pytest -n 2 --dist loadgroup tests dlcore

test-whole: $(READY)  ## what `make test` samples, all of it: every lesson run and in the browser, every attack in every tier, stock nbgrader on every honest submission, 20 kills, a demo of all lessons, what takes longer in lessons
	DLCOURSE_WHOLE=1 $(BIN)/pytest -n 2 --dist loadgroup tests/autograder/grade/test_equality.py tests/autograder/grade/test_chaos.py tests/e2e/test_class.py tests/e2e/test_browser.py \
		tests/autograder/grade/test_attacks.py tests/autograder/sandbox/test_tiers.py tests/e2e/test_three_ways.py tests/autograder/grade/test_intake.py tests/autograder/grade/test_reading.py tests/autograder/sandbox/test_what_answers_may_use.py tests/solutions/test_without_torch.py tests/solutions/test_lessons.py tests/autograder/grade/test_names.py tests/dlcore

test-oldest: $(READY)  ## install the oldest versions that pyproject.toml allows, from a wheel, and run the course with them
	DLCOURSE_WHOLE=1 DLCOURSE_OLDEST=1 $(BIN)/pytest tests/test_packaging.py

mutants: $(READY)  ## every small mistake in every right answer must lose points
	DLCOURSE_WHOLE=1 $(BIN)/pytest -n 2 tests/solutions/test_mutants.py

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/codespell autograder course dlcore solutions tests README.md Makefile pyproject.toml

build: $(READY)  ## course/ from solutions/
	$(BIN)/autograder build

bench: $(READY)  ## how fast: the library beside PyTorch, widgets, grading, start-up
	$(BIN)/python -m tests.bench_dlcore
	$(BIN)/python -m tests.bench
	$(BIN)/python -m tests.bench_grading

lock: $(READY)  ## pin what is installed now
	$(BIN)/pip freeze --exclude-editable --exclude pip --exclude setuptools \
	  | sed 's/^\(torch==[^+]*\)+.*/\1; $(HAS_TORCH)/' > requirements.lock

clean:
	rm -rf .venv demo-class artifacts

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "error: Python 3.11 or newer is needed. next: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $(READY)
