#!/usr/bin/env bash
# Positions that begin anew keep packed documents apart or don't, depending on the cache and on a mask of ones.
#
# One would guess: `position_ids` that begin anew with each document change the rotary angles and nothing else
# (attention goes on across), or they keep the documents apart; one of the two, always.
# What is: transformers looks for such positions where it has neither a cache nor an attention mask. There documents
# are kept apart. With the cache, which is on by default, or with a mask of ones, which every tokenizer returns,
# attention goes across. Training mode alone changes nothing; Trainer switches the cache off.
# Why it matters: the same batch has one loss under Trainer, another in an own loop, and a third number in a check by
# hand. Whoever compares losses of packed data between programs has to know which.
#
# Installs torch (5.6 GB) unless FINDINGS_PYTHON names a python that has these packages.
set -euo pipefail

packages=(transformers==5.24.0 torch==2.15.0)
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


packages = ("transformers", "torch")
print("versions:", *(f"{name} {importlib.metadata.version(name)}" for name in packages))

import torch
from transformers import LlamaConfig, LlamaForCausalLM


def llama(**other):
    torch.manual_seed(0)
    sizes = {"vocab_size": 64, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    model = LlamaForCausalLM(LlamaConfig(**sizes | {"num_attention_heads": 4} | other))
    for matrix in model.parameters():
        if matrix.dim() > 1:
            torch.nn.init.normal_(matrix, std=0.3)
    return model


model = llama().train()
documents = [torch.arange(3, 11).reshape(1, 8), torch.arange(20, 28).reshape(1, 8)]
packed = torch.cat(documents, dim=1)
positions = torch.arange(8).repeat(2).reshape(1, 16)
alone = model(documents[1]).logits[0, -1]


def are_apart(**how):
    return torch.allclose(model(packed, position_ids=positions, **how).logits[0, -1], alone, atol=1e-4)


ones = torch.ones_like(packed)
seen = {
    "apart, as by default": are_apart(),
    "apart without a cache": are_apart(use_cache=False),
    "apart without a cache, with a mask of ones": are_apart(use_cache=False, attention_mask=ones),
}
report(dict(zip(seen, (True, True, True))), seen, dict(zip(seen, (False, True, False))))
PYTHON
