#!/usr/bin/env bash
# `tokenizer_source: base` in a recipe with one model cuts the embedding's padding off.
#
# One would guess: with a single model its tokenizer is the only one, and the key changes nothing.
# What is: embedding and head are laid out anew for the tokenizer's entries: 64 rows become 5 where the tokenizer has
# 5, and vocab_size with them. Rows that padding added, or that a tokenizer's later tokens were to use, are gone.
# Without the key the matrices are copied.
# Why it matters: probabilities are taken over other rows, so every score changes a little; a grown folder doesn't fit
# its source's shape any more, nor shapes that are a multiple of 64 or 128.
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
LlamaForCausalLM(LlamaConfig(**SHAPE)).save_pretrained("llama")
vocabulary = {word: i for i, word in enumerate(["<unk>", "</s>", "a", "b", "c"])}
tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", eos_token="</s>").save_pretrained("llama")
seen = {}
for name, more in (("without the key", ""), ("tokenizer_source: base", "tokenizer_source: base\n")):
    done, said = merged("llama", name, more=more)
    if not done:
        sys.exit(said)
    with open(f"{name}/config.json") as file:
        written = json.load(file)["vocab_size"]
    seen[name] = (len(load_file(f"{name}/model.safetensors")["model.embed_tokens.weight"]), written)
report(dict.fromkeys(seen, (64, 64)), seen, dict(zip(seen, ((64, 64), (5, 5)))))
PYTHON
