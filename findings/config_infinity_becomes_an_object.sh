#!/usr/bin/env bash
# A number that JSON can't write is an object in transformers' config.json, and a bare word in everybody else's.
#
# One would guess: an infinite or undefined number in a configuration is written as Python writes it (`Infinity`), or
# null.
# What is: transformers 5 writes {"__float__": "Infinity"} and reads that back. `json.dump`, which other tools and
# transformers 4 use, writes the bare word Infinity, which is no JSON. Nothing but transformers 5 takes the object for
# a number, and a strict parser refuses the bare word; transformers 5 reads both.
# Why it matters: a key that the model never uses (a limit, a score) keeps a strict reader from the whole file, or
# hands a program an object where it wants a number. Merged and converted folders have both spellings.
#
# FINDINGS_PYTHON may name a python that has these packages; otherwise they are installed.
set -euo pipefail

packages=(transformers==5.24.0 tokenizers==0.23.3)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python=${FINDINGS_PYTHON:-}
if [ -z "$python" ]; then
    python3 -m venv "$work/venv"
    python=$work/venv/bin/python
    "$python" -m pip install --quiet --no-compile --disable-pip-version-check "${packages[@]}"
fi
cd "$work"
export HF_HOME=$work/home HF_HUB_OFFLINE=1 TRANSFORMERS_VERBOSITY=error TQDM_DISABLE=1 OMP_NUM_THREADS=1

"$python" - <<'PYTHON'
import importlib.metadata
import sys


def report(expected, seen, found):
    """What one would expect and what was seen; `found` is what was seen when this was written."""
    for what, value in seen.items():
        print(f"{what}\n    expected: {expected[what]}\n    seen:     {value}")
    changed = [what for what in found if seen[what] != found[what]]
    if changed:
        sys.exit(f"changed: {changed}")


packages = ("transformers", "tokenizers")
print("versions:", *(f"{name} {importlib.metadata.version(name)}" for name in packages))

import json

from transformers import AutoConfig, LlamaConfig


def refuse(word):
    raise ValueError(f"{word} is not JSON")


LlamaConfig(router_limit=float("inf")).save_pretrained("saved")
with open("saved/config.json") as file:
    written = json.load(file)["router_limit"]
with open("saved/config.json") as file:
    configuration = json.load(file) | {"router_limit": float("inf")}
text = json.dumps(configuration)
try:
    json.loads(text, parse_constant=refuse)
    strictly = "read"
except ValueError as error:
    strictly = str(error)
with open("saved/config.json", "w") as file:
    file.write(text)

seen = {
    "transformers wrote": written,
    "json.dump's text, read strictly": strictly,
    "and by transformers": AutoConfig.from_pretrained("saved").router_limit,
}
report(
    dict(zip(seen, (float("inf"), "read", float("inf")))),
    seen,
    dict(zip(seen, ({"__float__": "Infinity"}, "Infinity is not JSON", float("inf")))),
)
PYTHON
