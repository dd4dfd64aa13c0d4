#!/usr/bin/env bash
# torch's counter of FLOPs gives one model two numbers, by the kernel that attention runs on.
#
# One would guess: FlopCounterMode counts the products of the model's definition, the backward twice the forward, and
# of causal attention the half that is computed.
# What is: causal attention counts as the whole square. The backward of scaled_dot_product_attention counts two and a
# half times its forward, as the kernel computes the scores again; the same layer written out counts twice.
# Why it matters: a share of the peak (MFU) and a speed-up at equal FLOPs move by 7 % where sequences are four times as
# long as the model is wide, when nothing but `attn_implementation` was changed.
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
from torch.utils.flop_counter import FlopCounterMode
from transformers import LlamaConfig, LlamaForCausalLM

LENGTH, HIDDEN, LAYERS = 128, 32, 2
sizes = {"vocab_size": 64, "hidden_size": HIDDEN, "intermediate_size": 64, "num_hidden_layers": LAYERS}
model = LlamaForCausalLM(LlamaConfig(**sizes, num_attention_heads=4))
tokens = torch.randint(3, 64, (1, LENGTH))
# Scores and their product with the values, each multiplication and addition one FLOP, all pairs of positions.
square = 4 * LAYERS * LENGTH * LENGTH * HIDDEN
weights = LAYERS * (4 * HIDDEN * HIDDEN + 3 * HIDDEN * 64) + 64 * HIDDEN


def attention(implementation):
    """Forward and backward of attention alone, in whole squares of its forward."""
    model.set_attn_implementation(implementation)
    with FlopCounterMode(display=False) as forward:
        loss = model(tokens, labels=tokens, use_cache=False).loss
    with FlopCounterMode(display=False) as backward:
        loss.backward()
    matrices = 2 * weights * LENGTH
    return [(forward.get_total_flops() - matrices) / square, (backward.get_total_flops() - 2 * matrices) / square]


seen = {f"{name}: forward, backward": attention(name) for name in ("eager", "sdpa")}
report(
    dict(zip(seen, ([1.0, 2.0], [0.5, 1.0]))),
    seen,
    dict(zip(seen, ([1.0, 2.0], [1.0, 2.5]))),
)
PYTHON
