#!/usr/bin/env bash
# Resolve pyproject.toml into the two pinned, hashed sets that set-up installs.
# Run it to move versions on purpose; the result is committed.
set -euo pipefail
cd "$(dirname "$0")/.."
resolve=(uv pip compile pyproject.toml --python-version 3.11 --no-annotate --no-header --generate-hashes --quiet --upgrade)
"${resolve[@]}" --extra sim --extra reports --extra postgres --extra dev -o requirements/test.txt
"${resolve[@]}" --extra sim --extra reports --extra postgres -c requirements/test.txt -o requirements/runtime.txt
