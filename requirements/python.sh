#!/bin/sh
# Runs its arguments with the first Python of this machine that can make a virtual environment and is new
# enough. A name on the PATH is not enough: it may be a shim for a version that is not there.
new_enough='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'
without_venv=''

for python in python3 python3.13 python3.12 python3.11 python; do
    "$python" -c "$new_enough" >/dev/null 2>&1 || continue
    if "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        exec "$python" "$@"
    fi
    without_venv=$python
done

if [ -n "$without_venv" ]; then
    echo "$without_venv cannot make a virtual environment: install its venv module (on Debian and Ubuntu: apt install python3-venv)." >&2
else
    echo "No Python 3.11, 3.12 or 3.13 was found: install one of them, then start again." >&2
fi
exit 1
