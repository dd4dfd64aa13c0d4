#!/usr/bin/env bash
# `tie_word_embeddings: true` doesn't tie where the file has a head of other values.
#
# One would guess: the configuration decides: a tied model uses the embedding as its head, and a stored head is left
# over.
# What is: transformers 5 compares the two; where they differ it keeps both, computes with the head, and says so in
# one warning. The attribute and the saved config.json still say tied; the saved folder has both tensors.
# Why it matters: a program that goes by the flag (transformers 4 did) drops a tuned head and computes another model
# from the same folder. Growth that copies by the flag loses the head for good.
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

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM


def tiny(**changes):
    torch.manual_seed(0)
    shape = {"vocab_size": 32, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2}
    shape |= {"num_attention_heads": 2, "max_position_embeddings": 64, "initializer_range": 0.3}
    return LlamaForCausalLM(LlamaConfig(**(shape | changes)))



tiny(tie_word_embeddings=True).save_pretrained("folder")
tensors = load_file("folder/model.safetensors")
seen = {}
for name, head in (("equal head", tensors["model.embed_tokens.weight"].clone()), ("other head", torch.ones(32, 16))):
    save_file(tensors | {"lm_head.weight": head}, "folder/model.safetensors", metadata={"format": "pt"})
    opened = AutoModelForCausalLM.from_pretrained("folder")
    opened.save_pretrained("again")
    seen[name] = {
        "one tensor": opened.lm_head.weight is opened.model.embed_tokens.weight,
        "config says tied": opened.config.tie_word_embeddings,
        "head is saved": "lm_head.weight" in load_file("again/model.safetensors"),
    }
tied = {"one tensor": True, "config says tied": True, "head is saved": False}
report(
    dict.fromkeys(seen, tied),
    seen,
    {"equal head": tied, "other head": {"one tensor": False, "config says tied": True, "head is saved": True}},
)
PYTHON
