#!/bin/sh
# Sets the course up in .venv: packages, the project, the kernelspec and, where the system lets us, bubblewrap.
# What was done is remembered in a stamp; a second run with nothing changed reads the stamp and ends.
set -eu
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

find_python() {
    for candidate in ${PYTHON:-} python3.11 python3 python; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
            "$candidate" -c 'import os, sys; print(os.path.realpath(sys.executable))'
            return
        fi
    done
    return 1
}

# Prints how this user may call apt-get, or nothing where it can't be called without a password.
apt_prefix() {
    command -v apt-get >/dev/null 2>&1 || return 1
    if [ "$(id -u)" = 0 ]; then say "apt-get"; return; fi
    command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null && say "sudo -n apt-get"
}

apt_install() {
    apt=$(apt_prefix) || return 1
    say "Installing $* with apt ..."
    DEBIAN_FRONTEND=noninteractive $apt install -y -q "$@" >/dev/null 2>&1 && return
    $apt update -q >/dev/null 2>&1 && DEBIAN_FRONTEND=noninteractive $apt install -y -q "$@" >/dev/null 2>&1
}

hint_bubblewrap() {
    command -v bwrap >/dev/null 2>&1 && return
    if [ "$(uname -s)" != Linux ]; then
        say "Learning works here; grading needs bubblewrap, which runs on Linux only."
    elif command -v apt-get >/dev/null 2>&1; then
        say "Learning works; grading needs bubblewrap. Type: sudo apt-get install -y bubblewrap"
    else
        say "Learning works; grading needs bubblewrap. Install it with your package manager, or: conda install -c conda-forge bubblewrap"
    fi
}

python=$(find_python) || fail "Python 3.11 is needed and was not found.
  Debian, Ubuntu:  sudo apt-get install -y python3.11 python3.11-venv
  conda:           conda env create -f environment.yml && conda activate sequence-course
  elsewhere:       install it, then call: make setup PYTHON=/path/to/python3.11"

stamp=.venv/.setup
wanted=$("$python" - "$PWD" "$python" <<'PY'
import hashlib, pathlib, sys
digest = hashlib.sha256("\n".join(sys.argv[1:]).encode())
for name in ("constraints.txt", "pyproject.toml", "scripts/setup.sh"):
    digest.update(pathlib.Path(name).read_bytes())
print(digest.hexdigest())
PY
)

if [ -x .venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
    hint_bubblewrap
    exit 0
fi

# A virtual environment that was moved, or made by another Python, is made anew: its scripts hold absolute paths.
if ! { .venv/bin/python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null \
       && grep -q -F -e "-m venv" .venv/pyvenv.cfg && grep -q -F -e "$PWD/.venv" .venv/pyvenv.cfg; }; then
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        apt_install python3.11-venv || fail "this Python has no venv module. Type: sudo apt-get install -y python3.11-venv"
    fi
    say "Making .venv with $python ..."
    "$python" -m venv --clear "$PWD/.venv"
fi

pip() { .venv/bin/python -m pip --disable-pip-version-check "$@"; }

rm -f "$stamp"
say "Installing the packages of constraints.txt (torch is large; minutes on a slow line) ..."
pip install -q -c constraints.txt setuptools
pip install -q -c constraints.txt --no-build-isolation --editable '.[d2l,test]'
# d2l pins numpy and matplotlib of 2023, and torchvision may be built for another torch: both come without their pins.
pip install -q -c constraints.txt --no-deps d2l torchvision
.venv/bin/python -m autograder.kernel.spec

if ! command -v bwrap >/dev/null 2>&1 && [ "$(uname -s)" = Linux ]; then
    apt_install bubblewrap || true
fi
hint_bubblewrap
say "$wanted" > "$stamp"
say "Ready. Next: make lab (learn), make demo (grade a small class), make test."
