# Sourced by scripts/run and scripts/test: finds a Python, then lets bootstrap.py make and check .venv.

find_python() {
    local candidate
    for candidate in ${MLAGENT_PYTHON:+"$MLAGENT_PYTHON"} .venv/bin/python \
        python3.11 python3.12 python3.13 python3.14 python3 python; do
        if "$candidate" -S -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    cat >&2 <<'TXT'
Set-up: Python 3.11, 3.12, 3.13 or 3.14 is needed, and none was found.
  Debian, Ubuntu: sudo apt install python3 python3-venv    Fedora: sudo dnf install python3.13    macOS: brew install python@3.13
  A Python somewhere else: MLAGENT_PYTHON=/path/to/python3 and the same command again.
TXT
    return 1
}

python=$(find_python) || exit 1
"$python" -S scripts/bootstrap.py || exit
