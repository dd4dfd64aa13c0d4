#!/usr/bin/env bash
# A schedule of transformers with `min_lr` divides it by the rate that the optimizer was made with, used or not.
#
# One would guess: `cosine_with_min_lr` with `min_lr=0.1` comes down to 0.1, in each group; or each group to the same
# part of its own rate.
# What is: `min_lr` is divided by `optimizer.defaults["lr"]`, and every group ends at that part of its own rate. Where
# groups have rates of their own and the optimizer was given none, that is the class's default of 0.001: the part is
# 100, and the rate climbs from its peak to a hundred times as much, without a word. With a rate that was given, groups
# end at different minima, of which one may be the `min_lr`.
# Why it matters: groups with own rates are how new and old parameters of a grown model, or embedding and matrices, are
# trained. The loss then diverges at the end of the run.
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
from transformers import get_scheduler


def rates(schedule, groups, warmup, steps, **settings):
    optimizer = torch.optim.AdamW(**groups)
    schedule = get_scheduler(schedule, optimizer, warmup, steps, settings)
    found = []
    for _ in range(steps + 1):
        found.append([float(f"{group['lr']:.4g}") for group in optimizer.param_groups])
        optimizer.step()
        schedule.step()
    return found


def parameter():
    return torch.nn.Parameter(torch.zeros(1))


own = [{"params": [parameter()], "lr": 1.0}, {"params": [parameter()], "lr": 0.2}]
without = rates("cosine_with_min_lr", {"params": own}, 0, 10, min_lr=0.1)
own = [{"params": [parameter()], "lr": 1.0}, {"params": [parameter()], "lr": 0.2}]
given = rates("cosine_with_min_lr", {"params": own, "lr": 1.0}, 0, 10, min_lr=0.1)
seen = {
    "last rates, the optimizer given no rate": without[-1],
    "highest rate on the way": max(rate for pair in without for rate in pair),
    "last rates, the optimizer given the larger rate": given[-1],
}
expected = dict(zip(seen, [[0.1, 0.1], 1.0, [0.1, 0.1]]))
report(expected, seen, dict(zip(seen, [[100.0, 20.0], 100.0, [0.1, 0.02]])))
PYTHON
