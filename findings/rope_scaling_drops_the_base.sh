#!/usr/bin/env bash
# Adding `rope_scaling` to a config.json of transformers 5 loses the rotary base.
#
# One would guess: `rope_scaling`, which model cards ask one to add for longer contexts, scales the embedding that is
# there.
# What is: transformers 5 keeps the base inside `rope_parameters`. The old key takes the place of the new one as a
# whole, and as there is no `rope_theta` beside them, the base falls back to 10000. With `rope_theta` at top level, as
# transformers 4 wrote it, the same edit does what is meant.
# Why it matters: a base of 500000 becomes 10000 by a line that is about something else, at a worse loss and without a
# word. In folders of transformers 5 the scaling belongs into `rope_parameters`.
#
# FINDINGS_PYTHON may name a python that has these packages; otherwise they are installed.
set -euo pipefail

packages=(transformers==5.24.0)
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


packages = ("transformers",)
print("versions:", *(f"{name} {importlib.metadata.version(name)}" for name in packages))

import json

from transformers import AutoConfig, LlamaConfig

LlamaConfig(rope_parameters={"rope_type": "default", "rope_theta": 500000.0}).save_pretrained("saved")
with open("saved/config.json") as file:
    saved = json.load(file)
scaling = {"rope_scaling": {"rope_type": "linear", "factor": 4.0}}
older = {key: value for key, value in saved.items() if key != "rope_parameters"} | {"rope_theta": 500000.0}
seen = {}
for name, configuration in (("as transformers 5 saved it", saved), ("as transformers 4 saved it", older)):
    with open("saved/config.json", "w") as file:
        json.dump(configuration | scaling, file)
    found = AutoConfig.from_pretrained("saved").rope_parameters
    seen[name] = {"base": found["rope_theta"], "factor": found["factor"]}
right = {"base": 500000.0, "factor": 4.0}
report(
    dict.fromkeys(seen, right),
    seen,
    {"as transformers 5 saved it": {"base": 10000.0, "factor": 4.0}, "as transformers 4 saved it": right},
)
PYTHON
