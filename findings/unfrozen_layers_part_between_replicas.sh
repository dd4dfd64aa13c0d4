#!/usr/bin/env bash
# DistributedDataParallel averages no gradient of a parameter that was frozen, or absent, when the model was wrapped.
#
# One would guess: gradients of everything that is trainable are averaged at each step, or an error says that the model
# has changed.
# What is: the parameters are listed when the model is wrapped. What is unfrozen later, or appended, is trained by each
# process on its own part of the data, and the replicas part without a word; rank 0's is what is saved. The other way,
# freezing after wrapping, is an error at the second step.
# Why it matters: schedules that freeze and unfreeze (Progressively Stacking 2.0, LLaMA-Pro) and growth in place do
# exactly that. The model has to be wrapped again at each stage.
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

import json
import subprocess

CODE = """
import json, os, sys
import torch
import torch.distributed as distributed
from torch.nn.parallel import DistributedDataParallel

rank = int(sys.argv[1])
distributed.init_process_group("gloo", init_method="file://" + os.path.abspath("rendezvous"), rank=rank, world_size=2)


def linear(seed):
    torch.manual_seed(seed)
    return torch.nn.Linear(4, 4)


def steps(wrapped, model, count):
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for step in range(count):
        torch.manual_seed(10 * step + rank)
        optimizer.zero_grad()
        wrapped(torch.randn(8, 4)).square().mean().backward()
        optimizer.step()


def are_equal(model):
    equal = []
    for layer in model:
        both = [torch.zeros_like(layer.weight) for _ in range(2)]
        distributed.all_gather(both, layer.weight.detach())
        equal.append(torch.equal(*both))
    return equal


def unfrozen():
    model = torch.nn.Sequential(linear(0), linear(1))
    model[0].requires_grad_(False)
    wrapped = DistributedDataParallel(model)
    steps(wrapped, model, 3)
    model[0].requires_grad_(True)
    steps(wrapped, model, 3)
    return are_equal(model)


def appended():
    model = torch.nn.Sequential(linear(0))
    wrapped = DistributedDataParallel(model)
    model.append(linear(1))
    steps(wrapped, model, 3)
    return are_equal(model)


def frozen():
    model = torch.nn.Sequential(linear(0), linear(1))
    wrapped = DistributedDataParallel(model)
    model[0].requires_grad_(False)
    try:
        steps(wrapped, model, 3)
    except RuntimeError as error:
        return type(error).__name__
    return are_equal(model)


seen = [unfrozen(), appended(), frozen()]
if rank == 0:
    print(json.dumps(seen))
distributed.destroy_process_group()
"""

with open("replica.py", "w") as file:
    file.write(CODE)
replicas = [
    subprocess.Popen([sys.executable, "-W", "ignore", "replica.py", str(rank)], stdout=subprocess.PIPE, text=True)
    for rank in (0, 1)
]
said = [replica.communicate(timeout=300)[0] for replica in replicas]
unfrozen, appended, frozen = json.loads(said[0])
seen = {
    "replicas are equal in [a layer unfrozen after wrapping, one trained from the start]": unfrozen,
    "in [a layer that was there, one appended after wrapping]": appended,
    "with a layer frozen after wrapping": frozen,
}
report(
    dict(zip(seen, ([True, True], [True, True], [True, True]))),
    seen,
    dict(zip(seen, ([False, True], [True, False], "RuntimeError"))),
)
PYTHON
