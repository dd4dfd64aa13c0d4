#!/usr/bin/env bash
# A generation_config.json without an EOS makes generate go on past the end token that config.json names.
#
# One would guess: generate stops at `eos_token_id` of config.json unless generation_config.json names another.
# What is: config.json counts only where there is no generation_config.json. If there is one, however short (a
# temperature, say), it is the whole truth: no EOS in it, no stop.
# Why it matters: adding a sampling default to a folder makes its texts run to max_new_tokens, and texts from two
# programs part after the end token.
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

import os

import torch
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM


def tiny(**changes):
    torch.manual_seed(0)
    shape = {"vocab_size": 32, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2}
    shape |= {"num_attention_heads": 2, "max_position_embeddings": 64, "initializer_range": 0.3}
    return LlamaForCausalLM(LlamaConfig(**(shape | changes)))



prompt = torch.tensor([[3, 4, 5]])
free = tiny(eos_token_id=None).generate(prompt, max_new_tokens=12, do_sample=False)[0, 3:].tolist()
end = free[4]
stop = free.index(end) + 1
seen = {}
for name, text in (("no generation_config.json", None), ("one with a temperature", '{"temperature": 0.7}')):
    tiny(eos_token_id=end).save_pretrained("folder")
    os.remove("folder/generation_config.json")
    if text:
        with open("folder/generation_config.json", "w") as file:
            file.write(text)
    model = AutoModelForCausalLM.from_pretrained("folder")
    written = model.generate(prompt, max_new_tokens=12, do_sample=False)[0, 3:].tolist()
    seen[name] = "stops at the end token" if written == free[:stop] else f"writes {len(written)} tokens"
report(
    dict.fromkeys(seen, "stops at the end token"),
    seen,
    {"no generation_config.json": "stops at the end token", "one with a temperature": "writes 12 tokens"},
)
PYTHON
