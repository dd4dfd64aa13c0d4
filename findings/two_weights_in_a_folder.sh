#!/usr/bin/env bash
# From a folder with model.safetensors and an index, transformers and mergekit read different models.
#
# One would guess: tools agree on which weights a folder has; an index, where there is one, says where tensors are.
# What is: transformers takes model.safetensors and never looks at the index; mergekit takes the index and never looks
# at model.safetensors. Neither says that there are two.
# Why it matters: saving in shards over a folder that had one file leaves both behind. What is grown by mergekit is
# then not what was evaluated, and both tools are content.
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



from transformers import AutoModelForCausalLM

torch.manual_seed(0)
LlamaForCausalLM(LlamaConfig(**SHAPE)).save_pretrained("llama")
tensors = load_file("llama/model.safetensors")
shard = "model-00001-of-00001.safetensors"
save_file({name: tensor + 1 for name, tensor in tensors.items()}, f"llama/{shard}", metadata={"format": "pt"})
with open("llama/model.safetensors.index.json", "w") as file:
    json.dump({"metadata": {}, "weight_map": dict.fromkeys(tensors, shard)}, file)


def which(norm):
    return "model.safetensors" if torch.equal(norm, tensors["model.norm.weight"]) else "the index"


done, said = merged("llama", "copied", copies=1)
if not done:
    sys.exit(said)
seen = {
    "transformers reads": which(AutoModelForCausalLM.from_pretrained("llama").model.norm.weight),
    "mergekit reads": which(load_file("copied/model.safetensors")["model.norm.weight"]),
}
report(dict.fromkeys(seen, "the index"), seen, dict(zip(seen, ("model.safetensors", "the index"))))
PYTHON
