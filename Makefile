# The lab's commands. make ends with status 2 if a recipe fails, and prints the status of the recipe in its last line ("Error 3").
# To get the status itself, call .venv/bin/badwire.
SCENARIO ?=
PYTHON   ?= python3
LAB      := .venv/bin/badwire
PYTEST   := .venv/bin/python -P -m pytest
options   = $(if $(SUBSTRATE),--substrate "$(SUBSTRATE)") $(if $(CLOCK),--clock "$(CLOCK)") $(if $(ENGINE),--engine "$(ENGINE)") \
            $(if $(PROGRAMS),--lang "$(PROGRAMS)") $(if $(KERNEL),--kernel "$(KERNEL)") $(if $(SEED),--seed "$(SEED)") $(if $(OUT),--out "$(OUT)") $(if $(LIMIT),--limit "$(LIMIT)") \
            $(if $(MEMORY),--memory "$(MEMORY)") $(if $(SNAPLEN),--snaplen "$(SNAPLEN)") $(if $(COMPOSE),--compose "$(COMPOSE)") $(if $(JOBS),--jobs "$(JOBS)") $(if $(PREDICT),--predict) \
            $(foreach each,$(SET),--set "$(each)") $(foreach each,$(SUBJECT),--subject "$(each)") $(foreach each,$(PROGRAM_ENV),--env "$(each)")

# Everything that is needed is in .venv; the user's PYTHONPATH could put other modules before it.
unexport PYTHONPATH

.PHONY: help lab up down list ledger doctor clean test test-all test-unit test-claims test-real test-virtual mutations claim-mutations instrument-mutations coverage \
        scenarios-netns scenarios-docker check images kernel lock python venv venv-dev compiled

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' $(MAKEFILE_LIST) | expand -t 14

lab: venv ## run a scenario, or all: make lab SCENARIO=timewait [CLOCK=virtual] [SUBSTRATE=netns|docker] [ENGINE=relay|netem] [PROGRAMS=python|c] [KERNEL=6.1,6.12] [SEED=N] [OUT=DIR] [JOBS=N] [LIMIT=S] [MEMORY=MB] [SNAPLEN=BYTES] [COMPOSE=FILE] [SET="NAME=VALUE ..."] [SUBJECT=NAME=PROGRAM] [PROGRAM_ENV="NAME=VALUE ..."] [PREDICT=1]
	@$(LAB) run $(options) $(SCENARIO)

up: venv ## keep a lab running: make up [SUBSTRATE=netns|docker] [ENGINE=relay|netem] [SEED=N] [OUT=DIR] [COMPOSE=FILE] [HOSTS="client=2"] [SNAPLEN=BYTES] [PROGRAM_ENV="NAME=VALUE ..."]; badwire down ends it
	@$(LAB) up $(if $(COMPOSE),--compose "$(COMPOSE)") $(if $(SUBSTRATE),--substrate "$(SUBSTRATE)") $(if $(CLOCK),--clock "$(CLOCK)") $(if $(ENGINE),--engine "$(ENGINE)") \
	  $(if $(SEED),--seed "$(SEED)") $(if $(OUT),--out "$(OUT)") $(if $(HOSTS),--hosts $(HOSTS)) $(if $(SNAPLEN),--snaplen "$(SNAPLEN)") $(foreach each,$(PROGRAM_ENV),--env "$(each)")

down: venv ## end the lab of make up
	@$(LAB) down

list: venv ## list the scenarios, one line each
	@$(LAB) list

ledger: venv ## docs/ledger.md: what the course texts say, what the claims say, and what the last runs measured
	@$(LAB) ledger --out docs/ledger.md

doctor: venv ## test what this machine can do, and say how to fix what is missing
	@$(LAB) doctor

clean: venv ## remove what killed runs left behind
	@$(LAB) clean

test: venv ## all tests, the quick ones first, and all scenarios as tests, on both clocks and both substrates
	@REPORTS=$$(mktemp -d) || exit; export REPORTS; trap 'rm -rf "$$REPORTS"' EXIT; trap 'exit 130' INT; trap 'exit 143' TERM; \
	status=0; \
	echo "units and claims: about two minutes, with no output until a part has ended"; \
	$(SIDE_BY_SIDE) test-unit test-claims || status=1; \
	echo "the lab on either clock: about a quarter of an hour"; \
	$(SIDE_BY_SIDE) test-real test-virtual || status=1; \
	echo "the scenarios on this machine's clock, on either substrate: about five minutes"; \
	$(SIDE_BY_SIDE) scenarios-netns scenarios-docker || status=1; \
	.venv/bin/python tools/test_summary.py "$$REPORTS" $(PARTS) || status=1; \
	exit $$status

# The kernels are those of `badwire kernel list`; each scenario runs on each of them.
test-all: test ## make test, and what does not fit into a CI: more compose projects, and the catalogue with programs in C, on each kernel: make test-all [KERNEL=6.1,6.12]
	@$(PYTEST) -q tests/projects
	@$(LAB) run all --clock virtual --lang c $(if $(KERNEL),--kernel "$(KERNEL)") --quiet

PARTS := test-unit test-claims test-real test-virtual scenarios-netns scenarios-docker

# Two at a time, since one computes while the other waits. Both run to their end even if a test fails.
SIDE_BY_SIDE := $(MAKE) --no-print-directory -j2 --keep-going --output-sync=target
report = $(if $(REPORTS),--junitxml "$(REPORTS)/$@.xml" -o junit_family=xunit1)

# The tests that need a real network, an engine, a browser or a complete command; the rest of tests/ is quick.
REAL := tests/agent/wire tests/conformance tests/end_to_end tests/faults/measured tests/programs tests/report/html/browser \
        tests/servers tests/session tests/substrate/docker/engine tests/tools

# They run in one process and use no real network, so that coverage is measured completely.
QUICK := tests/claims tests/evidence tests/packets tests/faults/test_*.py tests/topology tests/util tests/linux tests/result

# The tests start Python thousands of times. Where PYTHONDONTWRITEBYTECODE is set, as in many images for CI, each start
# would compile the modules again, which takes as long as all else that it does.
compiled: venv
	@.venv/bin/python -P -m compileall -q lab scenarios images/host/programs

test-unit: compiled
	@$(PYTEST) -q tests --ignore tests/claims --ignore tests/uml --ignore tests/projects $(REAL:%=--ignore %) $(report)

test-claims: compiled
	@$(PYTEST) -q tests/claims $(report)

test-real: compiled
	@$(PYTEST) -q $(REAL) $(report)

test-virtual: compiled
	@$(PYTEST) -q tests/uml $(report)

scenarios-netns scenarios-docker: scenarios-%: compiled
	@$(PYTEST) -q scenarios --lab-substrate $* --lab-jobs 3 $(report)

check: venv-dev ## ruff, ruff format, mypy --strict, the import linter, and the rules for claims and statements
	@.venv/bin/python -P -m ruff check .
	@.venv/bin/python -P -m ruff format --check .
	@.venv/bin/python -P -m mypy
	@.venv/bin/lint-imports
	@.venv/bin/python tools/check_claims.py
	@.venv/bin/python tools/check_statements.py

mutations: venv ## remove each check of each claim, and see whether a test notices; take evidence away or change it, and see whether a verdict turns
	@$(SIDE_BY_SIDE) claim-mutations instrument-mutations value-mutations

claim-mutations instrument-mutations value-mutations: %-mutations: venv
	@.venv/bin/python tools/$*_mutations.py

coverage: venv-dev ## which branches the quick tests reach, the least covered files first
	@.venv/bin/python -P -m coverage run -m pytest -q $(QUICK)
	@.venv/bin/python -P -m coverage report --sort=cover --skip-covered --skip-empty

images: venv ## the base image (from Debian's packages, no registry) and the hosts' image
	@.venv/bin/python tools/make_images.py

kernel: venv ## the kernel for CLOCK=virtual, once: make kernel [SOURCE=a kernel's source tree or an archive of one]
	@$(LAB) kernel build $(if $(SOURCE),"$(SOURCE)")

lock: venv-dev ## pin the newest versions again (needs pip-tools: pip install pip-tools)
	@for extra in "" -dev; do \
	  pip-compile --quiet --upgrade --generate-hashes --strip-extras --allow-unsafe --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	    --build-deps-for editable --extra test $${extra:+--extra dev --constraint requirements.lock} --output-file requirements$$extra.lock pyproject.toml || exit 1; \
	done

venv: python
	@$(PYTHON) tools/make_venv.py

venv-dev: python
	@$(PYTHON) tools/make_venv.py --dev

python:
	@command -v $(PYTHON) >/dev/null 2>&1 || { echo "badwire: there is no $(PYTHON) here: install Python 3.11 or newer (apt-get install python3 python3-venv)." >&2; exit 4; }
	@[ -e .venv/bin/python ] && [ "$(origin PYTHON)" = file ] || $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "badwire: $$($(PYTHON) -V 2>&1) is too old: install Python 3.11 or newer and name it, as in make PYTHON=python3.12 lab." >&2; exit 4; }
