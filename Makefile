# Two commands do everything on a fresh Debian machine with Python 3.11:
#   make demo   the main job on the virtual campus: no camera, no account
#   make test   the whole check: format, lint, types, import contract, tests
# Each makes its own environment and may be run again at any time.

PYTHON ?= python3.11
RUNTIME := .venv/.runtime-ready
TESTING := .venv/.testing-ready
SYSTEM := .venv/.system-ready
SYSTEM_TEST := .venv/.system-test-ready

.PHONY: demo test check lint types train-env parity lock audit clean

demo: $(RUNTIME)
	.venv/bin/xiaoan demo $(DEMO_ARGS)

# Two processes, each with whole files, since many tests wait for real peers; a file shares its own.
test: $(TESTING) check
	.venv/bin/pytest -n 2 --dist loadfile $(PYTEST_ARGS)

check: lint types

lint: $(TESTING)
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/lint-imports

types: $(TESTING)
	.venv/bin/mypy

.venv/bin/pip:
	@command -v $(PYTHON) >/dev/null || scripts/system-packages $(PYTHON) $(PYTHON)-venv || { \
		echo "$(PYTHON) is missing: install Python 3.11, which Debian 12 has, or name one: make PYTHON=..."; exit 1; }
	@$(PYTHON) -c "import ensurepip" 2>/dev/null || scripts/system-packages $(PYTHON)-venv
	$(PYTHON) -m venv .venv

$(SYSTEM): scripts/system-packages | .venv/bin/pip
	scripts/system-packages libgl1 libglib2.0-0 fonts-wqy-zenhei
	@touch $@

$(SYSTEM_TEST): scripts/system-packages $(SYSTEM)
	scripts/system-packages gstreamer1.0-rtsp gir1.2-gst-rtsp-server-1.0 python3-gi \
		gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad \
		gstreamer1.0-plugins-ugly gstreamer1.0-x \
		chromium chromium-driver poppler-utils postgresql \
		mosquitto sip-tester libreoffice-calc-nogui libreoffice-writer-nogui
	@touch $@

$(RUNTIME): requirements/runtime.txt pyproject.toml $(SYSTEM)
	.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/runtime.txt
	.venv/bin/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(TESTING): requirements/test.txt $(RUNTIME) $(SYSTEM_TEST)
	.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/test.txt
	@touch $@

# Training and export of networks live in an environment of their own: the service holds no torch.
.venv-train/.ready: requirements/train.txt | $(SYSTEM)
	$(PYTHON) -m venv .venv-train
	.venv-train/bin/pip install --quiet --disable-pip-version-check -r requirements/train.txt
	@touch $@

train-env: .venv-train/.ready

# Ultralytics' own prediction beside our adapters, and the tests that need torch, in an environment
# of their own.
.venv-parity/.ready: requirements/parity.txt | $(SYSTEM)
	$(PYTHON) -m venv .venv-parity
	.venv-parity/bin/pip install --quiet --disable-pip-version-check -r requirements/parity.txt
	.venv-parity/bin/pip install --quiet --disable-pip-version-check --no-deps "ultralytics==8.4.*"
	@touch $@

parity: .venv-parity/.ready
	.venv-parity/bin/python -m pytest tests/models/test_parity.py tests/models/test_training.py \
		tests/models/test_training_start.py

# Known vulnerabilities: 1 for one that is known, 3 where the advisories cannot be reached.
audit: $(TESTING)
	.venv/bin/python scripts/audit-dependencies

lock: $(TESTING)
	PATH=$(CURDIR)/.venv/bin:$$PATH requirements/lock.sh

clean:
	rm -rf .venv .venv-train .venv-parity .mypy_cache .ruff_cache .pytest_cache build dist
