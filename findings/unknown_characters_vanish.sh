#!/usr/bin/env bash
# What a BPE doesn't know disappears, and its neighbours are joined.
#
# One would guess: a character outside the vocabulary becomes `<unk>`, or an error where there is no `<unk>`.
# What is: the library's BPE without `unk_token` leaves it out, as if it had not been written; the characters before
# and after it are merged over the gap. LlamaTokenizer builds its BPE without one even where tokenizer.json's model
# names it.
# Why it matters: a vocabulary without byte fallback trains and is evaluated on texts that never existed; the number
# of tokens falls, and no count of unknown tokens shows it. The same file under the generic class gives `<unk>`.
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

from tokenizers import Tokenizer, models, normalizers
from transformers import AutoTokenizer

SPECIAL = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}
VOCABULARY = {"<unk>": 0, "<s>": 1, "</s>": 2, "▁": 3, "a": 4, "b": 5, "ab": 6}
MERGES = [("a", "b")]
tokenizer = Tokenizer(models.BPE(VOCABULARY, MERGES, unk_token="<unk>"))
tokenizer.normalizer = normalizers.Prepend("▁")
tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])


def through(tokenizer_class):
    os.makedirs(tokenizer_class)
    tokenizer.save(f"{tokenizer_class}/tokenizer.json")
    with open(f"{tokenizer_class}/tokenizer_config.json", "w") as file:
        json.dump({"tokenizer_class": tokenizer_class, **SPECIAL}, file)
    opened = AutoTokenizer.from_pretrained(tokenizer_class)
    return opened.convert_ids_to_tokens(opened("a?b", add_special_tokens=False)["input_ids"])


seen = {
    "BPE without unk_token": Tokenizer(models.BPE(VOCABULARY, MERGES)).encode("a?b").tokens,
    "BPE with unk_token": tokenizer.encode("a?b").tokens,
    "that under PreTrainedTokenizerFast": through("PreTrainedTokenizerFast"),
    "that under LlamaTokenizer": through("LlamaTokenizer"),
}
unknown = ["▁", "a", "<unk>", "b"]
report(
    dict(zip(seen, ("an error", unknown, unknown, unknown))),
    seen,
    dict(zip(seen, (["ab"], unknown, unknown, ["▁", "ab"]))),
)
PYTHON
