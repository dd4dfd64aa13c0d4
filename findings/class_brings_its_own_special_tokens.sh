#!/usr/bin/env bash
# A tokenizer's class adds the special tokens that it is used to, with ids that the embedding doesn't have.
#
# One would guess: a special token that no file of the folder names is None.
# What is: each class of transformers 5 has defaults, and what the vocabulary lacks is added behind it. A vocabulary
# of 3 entries has 4 under GPTNeoXTokenizer (<|padding|>); under LlamaTokenizer the BOS becomes `<s>` with id 3.
# Why it matters: lm_eval's prefix token is the BOS. With a vocabulary of 4096 entries that has no `<s>` it is 4096,
# one row beyond the embedding, and a document's first token is asked for behind a token that the model doesn't have.
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

from tokenizers import Tokenizer, models
from transformers import AutoTokenizer

tokenizer = Tokenizer(models.BPE({"<|endoftext|>": 0, "a": 1, "b": 2}, []))
tokenizer.add_special_tokens(["<|endoftext|>"])
seen = {}
for tokenizer_class in ("PreTrainedTokenizerFast", "GPTNeoXTokenizer", "LlamaTokenizer"):
    os.makedirs(tokenizer_class)
    tokenizer.save(f"{tokenizer_class}/tokenizer.json")
    with open(f"{tokenizer_class}/tokenizer_config.json", "w") as file:
        json.dump({"tokenizer_class": tokenizer_class, "eos_token": "<|endoftext|>"}, file)
    opened = AutoTokenizer.from_pretrained(tokenizer_class)
    seen[tokenizer_class] = {"entries": len(opened), "bos": opened.bos_token_id, "pad": opened.pad_token_id}

none = {"entries": 3, "bos": None, "pad": None}
report(
    dict.fromkeys(seen, none),
    seen,
    {
        "PreTrainedTokenizerFast": none,
        "GPTNeoXTokenizer": {"entries": 4, "bos": 0, "pad": 3},
        "LlamaTokenizer": {"entries": 5, "bos": 3, "pad": None},
    },
)
PYTHON
