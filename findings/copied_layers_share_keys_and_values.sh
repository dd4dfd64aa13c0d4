#!/usr/bin/env bash
# Layers copied in memory write into one place of transformers' cache, in training too.
#
# One would guess: a layer is what its weights are; a model stacked in memory (list and configuration both grown)
# computes what it computes after saving and opening it again.
# What is: each layer carries `layer_idx`, its place in the cache of keys and values, and a copy has that of its
# original. A forward with a cache appends the copy's keys behind the original's, so the copy attends to both. The
# cache is on unless it is switched off, so that the training loss of an own loop is of another model; gradients flow
# through it, nothing is said, and the text that `generate` writes with and without a cache differs.
# Why it matters: growth in memory by `copy.deepcopy` trains a model that no saved folder is. Saving and opening again
# mends it.
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

import copy

import torch
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM


def llama(**other):
    torch.manual_seed(0)
    sizes = {"vocab_size": 64, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    model = LlamaForCausalLM(LlamaConfig(**sizes | {"num_attention_heads": 4} | other))
    for matrix in model.parameters():
        if matrix.dim() > 1:
            torch.nn.init.normal_(matrix, std=0.3)
    return model


grown = llama()
grown.model.layers.extend([copy.deepcopy(layer) for layer in grown.model.layers])
grown.config.num_hidden_layers = 4
grown.save_pretrained("grown")
reopened = AutoModelForCausalLM.from_pretrained("grown")
tokens = torch.arange(3, 19).reshape(1, 16)


def losses(model):
    model.train()
    return [model(tokens, labels=tokens, **how).loss.item() for how in ({}, {"use_cache": False})]


def texts(model):
    model.eval()
    how = {"max_new_tokens": 8, "do_sample": False, "pad_token_id": 0, "eos_token_id": None}
    return [model.generate(tokens, use_cache=cache, **how).tolist() for cache in (True, False)]


def are_equal(pair):
    return pair[0] == pair[1]


seen = {
    "places in the cache": [layer.self_attn.layer_idx for layer in grown.model.layers],
    "a training loss as by default, and without a cache, are equal": are_equal(losses(grown)),
    "texts with and without a cache are equal": are_equal(texts(grown)),
    "losses are equal when it is opened again": are_equal(losses(reopened)),
    "texts are equal when it is opened again": are_equal(texts(reopened)),
}
report(
    dict(zip(seen, ([0, 1, 2, 3], True, True, True, True))),
    seen,
    dict(zip(seen, ([0, 1, 0, 1], False, False, True, True))),
)
PYTHON
