#!/usr/bin/env bash
# AdamW's moments are loaded by position: names aren't compared, nor are shapes.
#
# One would guess: an optimizer that was given named parameters finds each moment by its name, and refuses one whose
# shape doesn't fit.
# What is: load_state_dict counts. Parameters in another order get each other's moments, names or not; a moment of
# another shape is taken without a word, and fails at a step at the earliest. And the saved learning rate, betas and
# weight decay replace those that the new optimizer was made with.
# Why it matters: growing a model inserts parameters in the middle; every moment behind them belongs to another matrix
# then, and layers have equal shapes, so that nothing fails.
#
# Installs torch (5.6 GB) unless FINDINGS_PYTHON names a python that has these packages.
set -euo pipefail

packages=(torch==2.15.0)
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


packages = ("torch",)
print("versions:", *(f"{name} {importlib.metadata.version(name)}" for name in packages))

import torch


def parameters(*names):
    return {name: torch.nn.Parameter(torch.zeros(2, 2)) for name in names}


old = parameters("embedding", "layer")
optimizer = torch.optim.AdamW(old.items(), lr=1e-3, weight_decay=0.1)
for gradient, parameter in enumerate(old.values(), start=1):
    parameter.grad = torch.full((2, 2), float(gradient))
optimizer.step()
state = optimizer.state_dict()

new = parameters("layer", "embedding")
reordered = torch.optim.AdamW(new.items(), lr=5e-3, weight_decay=0.0)
reordered.load_state_dict(state)
wide = {"embedding": torch.nn.Parameter(torch.zeros(2, 3)), "layer": torch.nn.Parameter(torch.zeros(2, 2))}
try:
    torch.optim.AdamW(wide.items()).load_state_dict(state)
    other_shape = "taken"
except (RuntimeError, ValueError):
    other_shape = "refused"

moments = {name: round(reordered.state[new[name]]["exp_avg"][0, 0].item(), 4) for name in ("embedding", "layer")}
group = reordered.param_groups[0]
seen = {
    "names in the saved state": state["param_groups"][0]["param_names"],
    "first moments": moments,
    "learning rate and decay": (group["lr"], group["weight_decay"]),
    "a moment of another shape": other_shape,
}
names = ["embedding", "layer"]
report(
    dict(zip(seen, (names, {"embedding": 0.1, "layer": 0.2}, (5e-3, 0.0), "refused"))),
    seen,
    dict(zip(seen, (names, {"embedding": 0.2, "layer": 0.1}, (1e-3, 0.1), "taken"))),
)
PYTHON
