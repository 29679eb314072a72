#!/usr/bin/env bash
# Sets up a virtual environment with pinned versions, and bubblewrap. Safe to repeat.
#   scripts/install.sh FOLDER demo   what rewards need that are written, trained, served and filmed
#   scripts/install.sh FOLDER        what the tests and checks need, too: for root also Docker, PostgreSQL and Chromium
# PYTHON, PIP_TORCH_ARGS, PIP_ARGS: see the Makefile
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${1:-.venv}
what=${2:-dev}
case $what in
  demo) extras=worker,openai,service,client,video ;;
  dev) extras=dev ;;
  *) echo "install: '$what' is neither demo nor dev" >&2; exit 2 ;;
esac

say() { echo "install: $*" >&2; }

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else return 1
  fi
}

from_apt() {
  command -v apt-get >/dev/null || return 1
  say "apt-get install $*"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >&2 && return 0
  as_root apt-get update -q >&2 && as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >&2
}

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
  for name in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
    if command -v "$name" >/dev/null && new_enough "$name"; then
      command -v "$name"
      return 0
    fi
  done
  return 1
}

if ! command -v bwrap >/dev/null && ! from_apt bubblewrap; then
  say 'bubblewrap (bwrap) is missing and could not be installed: neither apt-get with root rights nor sudo worked.'
  say "Install the package 'bubblewrap' yourself. Until then rewardsmith stops and asks for --sandbox process."
fi

for_tests() { [ "$what" = dev ] && [ "$(id -u)" -eq 0 ]; }

if for_tests && ! command -v dockerd >/dev/null; then
  # for the tests of the images, which start an engine of their own (RUNLEVEL=1: apt starts none without systemd)
  RUNLEVEL=1 from_apt docker.io || say 'no Docker engine (docker.io): the tests of the images will be skipped'
fi

if for_tests && ! compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; then
  # for the tests of servers that share a database, which start a PostgreSQL of their own
  RUNLEVEL=1 from_apt postgresql || say 'no PostgreSQL (postgresql): the tests with it will be skipped'
fi

if for_tests && ! command -v chromium >/dev/null; then
  from_apt chromium || say 'no Chromium (chromium): the tests of the pages will be skipped'
fi

if ! [ -x "$venv/bin/python" ]; then
  python=$(find_python) || { say 'Python 3.11 or later is needed; name one with PYTHON=/path/to/python make install'; exit 1; }
  if ! "$python" -c 'import ensurepip' 2>/dev/null; then
    version=$("$python" -c 'import sys; print(f"{sys.version_info[0]}.{sys.version_info[1]}")')
    from_apt "python$version-venv" || { say "$python cannot make virtual environments; install python$version-venv"; exit 1; }
  fi
  say "$venv with $("$python" --version)"
  "$python" -m venv "$venv"
fi

pip() { "$venv/bin/python" -m pip --disable-pip-version-check "$@"; }

torch=$(grep '^torch==' constraints.txt)
# shellcheck disable=SC2086  # the variables hold several arguments
{
  say "$torch, the largest part; it may take minutes"
  pip install -q ${PIP_TORCH_ARGS:-} "$torch"
  say "rewardsmith[$extras] and what it needs"
  pip install -q ${PIP_ARGS:-} -c constraints.txt -e ".[$extras]" hatchling
}
say "done; \`source $venv/bin/activate\` brings the command rewardsmith into this shell"
