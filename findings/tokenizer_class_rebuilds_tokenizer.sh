#!/usr/bin/env bash
# The class that tokenizer_config.json names decides what AutoTokenizer makes of tokenizer.json.
#
# One would guess: tokenizer.json is the whole tokenizer; whichever class is named, AutoTokenizer gives its ids, since
# all classes are "fast" and wrap the same library.
# What is: transformers 5 takes vocabulary, merges and template out of the file and builds normaliser, pre-tokenizer
# and decoder from the class. Under LlamaTokenizer a text that begins with a space loses its first token; under
# GPT2Tokenizer the digits' splitting of the file is gone, so that spaces before a number fall otherwise. Nothing is
# said.
# Why it matters: shards made from tokenizer.json and benchmarks asked through AutoTokenizer see different tokens.
# Every page of WikiText begins with a space: each is scored on a sequence that training never had.
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

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import AutoTokenizer


SPECIAL = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}


def tokens(tokenizer, tokenizer_class, text):
    """What AutoTokenizer makes of the text, from a folder with this file and this class."""
    os.makedirs(tokenizer_class, exist_ok=True)
    tokenizer.save(f"{tokenizer_class}/tokenizer.json")
    with open(f"{tokenizer_class}/tokenizer_config.json", "w") as file:
        json.dump({"tokenizer_class": tokenizer_class, **SPECIAL}, file)
    opened = AutoTokenizer.from_pretrained(tokenizer_class)
    return opened.convert_ids_to_tokens(opened(text, add_special_tokens=False)["input_ids"])


# Llama 2's layout: a space in front of every text, whatever it begins with.
pieces = ["<unk>", "<s>", "</s>", "▁", "a", "b", "▁a", "▁▁"]
llama = Tokenizer(models.BPE({piece: i for i, piece in enumerate(pieces)}, [("▁", "a")], unk_token="<unk>"))
llama.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
llama.add_special_tokens(["<unk>", "<s>", "</s>"])

# SmolLM's layout: digits stand alone before the byte level.
characters = ["<unk>", "<s>", "</s>", *sorted(pre_tokenizers.ByteLevel.alphabet()), "ĠĠ"]
digits = Tokenizer(models.BPE({character: i for i, character in enumerate(characters)}, [("Ġ", "Ġ")]))
digits.pre_tokenizer = pre_tokenizers.Sequence(
    [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
)
digits.decoder = decoders.ByteLevel()
digits.add_special_tokens(["<unk>", "<s>", "</s>"])

expected, seen = {}, {}
for tokenizer, tokenizer_class, text in ((llama, "LlamaTokenizer", " a"), (digits, "GPT2Tokenizer", "a  1")):
    of_file = tokenizer.encode(text, add_special_tokens=False).tokens
    assert tokens(tokenizer, "PreTrainedTokenizerFast", text) == of_file  # the generic class follows the file
    expected[tokenizer_class] = of_file
    seen[tokenizer_class] = tokens(tokenizer, tokenizer_class, text)
report(expected, seen, {"LlamaTokenizer": ["▁a"], "GPT2Tokenizer": ["a", "Ġ", "Ġ", "1"]})
PYTHON
