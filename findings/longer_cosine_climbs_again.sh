#!/usr/bin/env bash
# A cosine that is resumed with a longer horizon keeps the old one, and climbs back to its peak after it.
#
# One would guess: CosineAnnealingLR(T_max=200) with the state of a run of 100 steps goes on to 200; at the end of the
# horizon the rate stays at its minimum.
# What is: load_state_dict brings T_max back along with the step, and after T_max the formula goes up again: at step
# 200 the rate is the peak. Setting T_max by hand afterwards doesn't give the new curve either, as each rate is made
# from the one before: from step 50 of 100 it starts at half the peak, where the longer curve has 0.85. LambdaLR takes
# the new horizon, and jumps to its curve.
# Why it matters: a run that is extended trains at a rising rate without a word, and "the same schedule" means two
# curves in two classes of one library.
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

import math

import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR


def cosine(horizon):
    return lambda step: 0.5 * (1 + math.cos(math.pi * step / horizon))


def made(schedule):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    return optimizer, schedule(optimizer)


def advance(optimizer, schedule, steps):
    for _ in range(steps):
        optimizer.step()
        schedule.step()
    return round(optimizer.param_groups[0]["lr"], 3)


def resumed(short, long, steps):
    """An optimizer after some steps of the short schedule, taken up by the long one."""
    optimizer, schedule = made(short)
    advance(optimizer, schedule, steps)
    states = optimizer.state_dict(), schedule.state_dict()
    optimizer, schedule = made(long)
    optimizer.load_state_dict(states[0])
    schedule.load_state_dict(states[1])
    return optimizer, schedule


annealing = [lambda optimizer, horizon=h: CosineAnnealingLR(optimizer, T_max=horizon) for h in (100, 200)]
by_function = [lambda optimizer, horizon=h: LambdaLR(optimizer, cosine(horizon)) for h in (100, 200)]
forced = resumed(*annealing, 50)
forced[1].T_max = 200
seen = {
    "CosineAnnealingLR: horizon after loading": resumed(*annealing, 100)[1].T_max,
    "rate at step 200": advance(*resumed(*annealing, 100), 100),
    "rate at step 51, T_max set by hand": advance(*forced, 1),
    "rate at step 51, LambdaLR": advance(*resumed(*by_function, 50), 1),
}
report(
    dict(zip(seen, (200, 0.0, round(cosine(200)(51), 3), round(cosine(200)(51), 3)))),
    seen,
    dict(zip(seen, (100, 1.0, 0.497, 0.848))),
)
PYTHON
