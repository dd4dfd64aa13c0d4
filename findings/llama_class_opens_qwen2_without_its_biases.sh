#!/usr/bin/env bash
# LlamaForCausalLM opens a Qwen2 folder, leaves its biases out, and saves it as a LLaMA.
#
# One would guess: a class refuses a folder whose model_type is another's, or reads what the folder says, biases
# included.
# What is: the weights whose names fit are taken and the biases of q, k and v are left out; a table in the log lists
# them. The logits are another model's. Saved again, config.json says `llama`, and nothing tells of it any more.
# MistralForCausalLM does the same.
# Why it matters: scripts for growing, evaluating and converting name the class of the family that they were written
# for. Use AutoModelForCausalLM.
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

import json

import torch
from transformers import AutoModelForCausalLM, LlamaForCausalLM, MistralForCausalLM, Qwen2Config, Qwen2ForCausalLM

torch.manual_seed(0)
sizes = {"vocab_size": 64, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
qwen2 = Qwen2ForCausalLM(Qwen2Config(**sizes, num_attention_heads=4, num_key_value_heads=2))
for name, parameter in qwen2.named_parameters():
    if name.endswith("bias"):
        torch.nn.init.normal_(parameter, std=0.5)
qwen2.save_pretrained("qwen2")
tokens = torch.arange(3, 11).reshape(1, 8)
logits = qwen2(tokens).logits


def opened(model_class):
    """What is opened: nothing, the same model, or another one."""
    try:
        model = model_class.from_pretrained("qwen2")
    except (ValueError, RuntimeError, KeyError) as error:
        return type(error).__name__
    model.save_pretrained(model_class.__name__)
    is_same = torch.allclose(model(tokens).logits, logits, atol=1e-4)
    with open(f"{model_class.__name__}/config.json") as file:
        return ["the same logits" if is_same else "other logits", json.load(file)["model_type"]]


classes = (AutoModelForCausalLM, LlamaForCausalLM, MistralForCausalLM)
seen = {model_class.__name__: opened(model_class) for model_class in classes}
report(
    dict(zip(seen, (["the same logits", "qwen2"], "ValueError", "ValueError"))),
    seen,
    dict(zip(seen, (["the same logits", "qwen2"], ["other logits", "llama"], ["other logits", "mistral"]))),
)
PYTHON
