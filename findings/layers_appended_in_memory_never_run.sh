#!/usr/bin/env bash
# transformers runs as many layers as the configuration says, however many the model has.
#
# One would guess: layers that are appended to `model.model.layers` run, as in any ModuleList, and a model that is
# saved has them.
# What is: the forward takes the first `config.num_hidden_layers` of the list. The new layers get no gradient, the loss
# is the small model's, and nothing is said. All layers are saved, beside a configuration that counts the old ones: who
# opens the folder has the small model again.
# Why it matters: this is how growth is written in three lines of PyTorch, and the curve of the "grown" model looks
# like one of a model that trains on without a spike.
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
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM


def llama(**other):
    torch.manual_seed(0)
    sizes = {"vocab_size": 64, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    model = LlamaForCausalLM(LlamaConfig(**sizes | {"num_attention_heads": 4} | other))
    for matrix in model.parameters():
        if matrix.dim() > 1:
            torch.nn.init.normal_(matrix, std=0.3)
    return model


small = llama()
grown = copy.deepcopy(small)
grown.model.layers.extend(copy.deepcopy(layer) for layer in small.model.layers)
tokens = torch.arange(3, 19).reshape(1, 16)
loss = grown(tokens, labels=tokens, use_cache=False).loss
loss.backward()
grown.save_pretrained("grown")
stored = {name.split(".")[2] for name in load_file("grown/model.safetensors") if ".layers." in name}
reopened = AutoModelForCausalLM.from_pretrained("grown")

seen = {
    "layers in the list": len(grown.model.layers),
    "layers with a gradient": sum(layer.mlp.up_proj.weight.grad is not None for layer in grown.model.layers),
    "the loss is the small model's": loss.item() == small(tokens, labels=tokens, use_cache=False).loss.item(),
    "layers in the file": len(stored),
    "layers when it is opened again": len(reopened.model.layers),
}
report(
    dict(zip(seen, (4, 4, False, 4, 4))),
    seen,
    dict(zip(seen, (4, 2, True, 4, 2))),
)
PYTHON
