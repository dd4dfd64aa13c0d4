#!/usr/bin/env bash
# For some model types config.json decides on the tokenizer, whatever tokenizer_config.json says.
#
# One would guess: a folder that names the generic PreTrainedTokenizerFast is safe: AutoTokenizer follows
# tokenizer.json.
# What is: transformers keeps a list of model types whose published folders name wrong classes. With `model_type:
# qwen2` in config.json every named class is overruled by Qwen2Tokenizer, which splits digits one by one and composes
# characters, whatever tokenizer.json does. The same two tokenizer files beside a LLaMA's config.json give the file's
# ids.
# Why it matters: a Qwen2 that is pre-trained or grown with a tokenizer of its own is evaluated on other tokens than
# it was trained on, and copying the tokenizer's files into another model's folder changes what they mean.
#
# FINDINGS_PYTHON may name a python that has these packages; otherwise they are installed.
set -euo pipefail

packages=(transformers==5.24.0 tokenizers==0.23.3)
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


packages = ("transformers", "tokenizers")
print("versions:", *(f"{name} {importlib.metadata.version(name)}" for name in packages))

import json
import os

from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoTokenizer

characters = ["<|endoftext|>", *sorted(pre_tokenizers.ByteLevel.alphabet()), "12"]
tokenizer = Tokenizer(models.BPE({character: i for i, character in enumerate(characters)}, [("1", "2")]))
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.decoder = decoders.ByteLevel()
tokenizer.add_special_tokens(["<|endoftext|>"])

seen = {}
for model_type in ("llama", "qwen2"):
    os.makedirs(model_type)
    tokenizer.save(f"{model_type}/tokenizer.json")
    with open(f"{model_type}/tokenizer_config.json", "w") as file:
        json.dump({"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|endoftext|>"}, file)
    with open(f"{model_type}/config.json", "w") as file:
        json.dump({"model_type": model_type}, file)
    opened = AutoTokenizer.from_pretrained(model_type)
    seen[model_type] = [type(opened).__name__, opened.convert_ids_to_tokens(opened("x12")["input_ids"])]

of_file = ["TokenizersBackend", tokenizer.encode("x12").tokens]
report(
    {"llama": of_file, "qwen2": of_file},
    seen,
    {"llama": ["TokenizersBackend", ["x", "12"]], "qwen2": ["Qwen2Tokenizer", ["x", "1", "2"]]},
)
PYTHON
