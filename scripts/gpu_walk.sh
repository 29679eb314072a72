#!/usr/bin/env bash
# One command on a fresh machine with a GPU and Python: installs what is missing into .gpu-walk, and walks.
# A torch with CUDA that the machine has already is kept.
#   scripts/gpu_walk.sh [--device cpu --worlds 16 ...]      (PYTHON, PIP_ARGS: see the Makefile)
set -euo pipefail
cd "$(dirname "$0")/.."
place=.gpu-walk
[ -x $place/bin/python ] || "${PYTHON:-python3}" -m venv --system-site-packages $place
pins=$(mktemp)
grep -vE '^(torch|nvidia-|triton|numpy)' constraints.txt >"$pins"
# shellcheck disable=SC2086
$place/bin/python -m pip install -q ${PIP_ARGS:-} -c "$pins" -e '.[worker,warp]' pytest pytest-timeout pytest-xdist
rm -f "$pins"
exec $place/bin/python -m benchmarks.gpu_walk "$@"
