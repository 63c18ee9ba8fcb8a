#!/bin/sh
# Gives what recipegen renders to the argument parsers of Dynamo's published wheels.
#
#   tests/conformance/run.sh [pytest arguments]
#
# The wheels go into a virtual environment outside the checkout (about 310 MB), once for each requirements.txt.
# PYTHON is the project's Python; default: .venv/bin/python.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(dirname "$(dirname "$here")")
python=${PYTHON:-$root/.venv/bin/python}
wheels=${XDG_CACHE_HOME:-$HOME/.cache}/recipegen/conformance

# The copy is written last, so that an interrupted installation starts anew.
if ! cmp -s "$here/requirements.txt" "$wheels/requirements.txt"; then
    echo "conformance: installing Dynamo's wheels into $wheels (once)" >&2
    "$python" -m venv --clear "$wheels"
    # The lock names every package; Dynamo's own list has some that parsing does not need.
    "$wheels/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
        -r "$here/requirements.txt"
    cp "$here/requirements.txt" "$wheels/requirements.txt"
fi

cd "$root"
RECIPEGEN_CONFORMANCE=$wheels/bin/python exec "$python" -m pytest tests/conformance "$@"
