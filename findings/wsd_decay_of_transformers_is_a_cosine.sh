#!/usr/bin/env bash
# transformers' warmup_stable_decay decays by a cosine, warms up from the minimum, and cuts the warm-up off where the
# decay is long.
#
# One would guess: as in the paper that named it (arXiv 2404.06395) and the one that compared its decays (2405.18392),
# the rate comes down on a line, exponentially or as 1 - sqrt; the warm-up begins at 0, as with every other schedule of
# the library; a decay that doesn't fit is refused.
# What is: the decay is half a cosine unless `decay_type` says otherwise. With `min_lr_ratio` the first rate is that
# part of the peak, and not 0. A decay that is longer than what the warm-up leaves begins as if it had begun before:
# the rate falls before the peak was reached, and nothing is said.
# Why it matters: growth late in a run relies on this schedule's stable part, and a loss curve in its decay is compared
# with published ones. `cosine_with_min_lr` and `polynomial` begin at 0 with the same minimum.
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


def wsd(**settings):
    found = rates("warmup_stable_decay", {"params": [parameter()], "lr": 1.0}, 4, 16, **settings)
    return [rate for [rate] in found]


seen = {
    "in the decay of four steps": wsd(num_decay_steps=4)[12:],
    "in the warm-up, with a minimum of a tenth": wsd(num_decay_steps=4, min_lr_ratio=0.1)[:5],
    "highest rate, with a decay of 20 of 16 steps": max(wsd(num_decay_steps=20)),
}
expected = dict(
    zip(seen, ["1.0, 0.75, 0.5, 0.25, 0.0 (or 1 - sqrt)", "0.0, 0.25, 0.5, 0.75, 1.0", "an error, or 1.0"])
)
found = [[1.0, 0.8536, 0.5, 0.1464, 0.0], [0.1, 0.325, 0.55, 0.775, 1.0], 0.75]
report(expected, seen, dict(zip(seen, found)))
PYTHON
