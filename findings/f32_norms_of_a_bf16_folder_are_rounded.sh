#!/usr/bin/env bash
# Opening a folder in mixed precision makes everything bf16, and saving it writes that.
#
# One would guess: from_pretrained computes in f32 unless asked otherwise (it did so up to transformers 4), or else
# keeps each tensor in the type that it is stored in.
# What is: transformers 5 takes one type for all. With `dtype: bfloat16` in config.json, norm weights that are stored
# in f32 are rounded; without the key the type of the stored tensors is guessed, and that is bf16 here too.
# Why it matters: opening and saving isn't the identity: a folder with f32 norms loses their last 16 bits, and a grown
# folder's check through transformers compares rounded numbers. Ask for dtype=torch.float32 to compare.
#
# Installs torch (5.6 GB) unless FINDINGS_PYTHON names a python that has these packages.
set -euo pipefail

packages=(torch==2.15.0 transformers==5.24.0 safetensors==0.8.0)
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


packages = ("torch", "transformers", "safetensors")
print("versions:", *(f"{name} {importlib.metadata.version(name)}" for name in packages))

import json

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM


def tiny(**changes):
    torch.manual_seed(0)
    shape = {"vocab_size": 32, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2}
    shape |= {"num_attention_heads": 2, "max_position_embeddings": 64, "initializer_range": 0.3}
    return LlamaForCausalLM(LlamaConfig(**(shape | changes)))



tiny().to(torch.bfloat16).save_pretrained("folder")
tensors = load_file("folder/model.safetensors")
norm = torch.full((16,), 1.0 + 2.0**-12)
save_file(tensors | {"model.norm.weight": norm}, "folder/model.safetensors", metadata={"format": "pt"})
seen = {}
for name in ("with dtype in config.json", "without"):
    if name == "without":
        with open("folder/config.json") as file:
            configuration = json.load(file)
        del configuration["dtype"]
        with open("folder/config.json", "w") as file:
            json.dump(configuration, file)
    opened = AutoModelForCausalLM.from_pretrained("folder")
    opened.save_pretrained("again")
    saved = load_file("again/model.safetensors")["model.norm.weight"]
    seen[name] = f"{saved.dtype}, {'same' if torch.equal(saved.float(), norm) else 'rounded'}"
report(dict.fromkeys(seen, "torch.float32, same"), seen, dict.fromkeys(seen, "torch.bfloat16, rounded"))
PYTHON
