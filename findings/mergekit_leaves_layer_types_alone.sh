#!/usr/bin/env bash
# mergekit can't stack a model whose configuration has a list with an entry for each layer.
#
# One would guess: a passthrough recipe that repeats the layers works for Qwen2 as for LLaMA; it's the same list of
# layers.
# What is: num_hidden_layers is raised and `layer_types`, which transformers 5 writes into every Qwen2's, Qwen3's or
# Gemma's config.json, stays as long as it was. transformers refuses the configuration, after all weights have been
# written: a folder with a model and no config.json is left.
# Why it matters: these are the models that people grow most. A list that isn't grown with the layers would also give
# the copies other windows than their originals.
#
# mergekit-yaml is taken from beside the python; MERGEKIT_YAML may name another.
#
# Installs torch (5.6 GB) unless FINDINGS_PYTHON names a python that has these packages.
set -euo pipefail

packages=(mergekit==0.1.5 torch==2.15.0 transformers==5.24.0 safetensors==0.8.0)
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


packages = ("mergekit", "torch", "transformers", "safetensors")
print("versions:", *(f"{name} {importlib.metadata.version(name)}" for name in packages))

import json
import os
import subprocess

import torch
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM, PreTrainedTokenizerFast
from tokenizers import Tokenizer, models

SHAPE = {"vocab_size": 64, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
SHAPE |= {"num_key_value_heads": 2, "max_position_embeddings": 64}


def merged(model, target, copies=2, more=""):
    """Stacks the model's layers with mergekit; whether it went well."""
    source = f"  - sources: [{{model: {model}, layer_range: [0, 2]}}]\n"
    with open("recipe.yml", "w") as file:
        file.write("slices:\n" + source * copies + "merge_method: passthrough\n" + more)
    program = os.path.join(os.path.dirname(sys.executable), "mergekit-yaml")
    command = [os.environ.get("MERGEKIT_YAML", program), "recipe.yml", target, "--no-write-model-card"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode == 0, (done.stderr.strip().splitlines() or [""])[-1].strip()



torch.manual_seed(0)
seen = {}
LlamaForCausalLM(LlamaConfig(**SHAPE)).save_pretrained("llama")
Qwen2ForCausalLM(Qwen2Config(**SHAPE)).save_pretrained("qwen2")
for name in ("llama", "qwen2"):
    done, said = merged(name, f"{name}-twice")
    files = sorted(os.listdir(f"{name}-twice"))
    seen[name] = {"done": done, "config": "config.json" in files, "weights": "model.safetensors" in files}
    print(name, said)
whole = {"done": True, "config": True, "weights": True}
report(dict.fromkeys(seen, whole), seen, {"llama": whole, "qwen2": {"done": False, "config": False, "weights": True}})
PYTHON
