#!/usr/bin/env bash
# Parameters that join an optimizer while a schedule runs get another rate by each class of schedule, or an error.
#
# One would guess: after `add_param_group` the schedule gives the new group the rate that the others have; or the new
# group is left alone.
# What is: it depends on how a class computes. CosineAnnealingLR multiplies what the group has, so the new one follows
# a curve of its own, above the old. LinearLR in its warm-up lifts it beyond the peak and leaves it there. LambdaLR,
# and with it every schedule of transformers, ends with an error of zip() at the next step, OneCycleLR with a missing
# key.
# Why it matters: adding the new layers' parameters is the shortest way to grow in PyTorch. With LinearLR and
# CosineAnnealingLR nothing fails, and the new layers train at rates that nobody chose.
#
# Installs torch (5.6 GB) unless FINDINGS_PYTHON names a python that has these packages.
set -euo pipefail

packages=(torch==2.15.0 transformers==5.24.0)
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


packages = ("torch", "transformers")
print("versions:", *(f"{name} {importlib.metadata.version(name)}" for name in packages))

import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, OneCycleLR
from transformers import get_scheduler


def parameter():
    return torch.nn.Parameter(torch.zeros(2))


def rates(make_schedule):
    """Rates of the old and the new group four steps after the new one joined, of a peak of 1."""
    optimizer = torch.optim.AdamW([parameter()], lr=1.0)
    schedule = make_schedule(optimizer)
    try:
        for step in range(8):
            if step == 4:
                optimizer.add_param_group({"params": [parameter()]})
            optimizer.step()
            schedule.step()
    except (ValueError, KeyError) as error:
        return type(error).__name__
    return [round(group["lr"], 3) for group in optimizer.param_groups]


seen = {
    "CosineAnnealingLR": rates(lambda optimizer: CosineAnnealingLR(optimizer, 10)),
    "LinearLR, in a warm-up of 6 steps": rates(lambda optimizer: LinearLR(optimizer, 0.1, total_iters=6)),
    "transformers' cosine": rates(
        lambda optimizer: get_scheduler("cosine", optimizer, num_warmup_steps=2, num_training_steps=10)
    ),
    "OneCycleLR": rates(lambda optimizer: OneCycleLR(optimizer, 1.0, total_steps=10)),
}
report(
    dict(zip(seen, ([0.095, 0.095], [1.0, 1.0], [0.146, 0.146], [0.188, 0.188]))),
    seen,
    dict(zip(seen, ([0.095, 0.146], [1.0, 1.429], "ValueError", "KeyError"))),
)
PYTHON
