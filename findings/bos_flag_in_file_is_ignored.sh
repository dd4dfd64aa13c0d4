#!/usr/bin/env bash
# add_bos_token does nothing in tokenizer_config.json and everything as an argument.
#
# One would guess: `"add_bos_token": false` in tokenizer_config.json and `from_pretrained(folder,
# add_bos_token=False)` are the same setting in two places, and the tokenizer's attribute `add_bos_token` says what it
# does.
# What is: where the folder has a tokenizer.json, transformers 5 drops the file's flags add_bos_token and
# add_eos_token before it builds the tokenizer; the argument rebuilds the template. The attribute says False while a
# BOS is added.
# Why it matters: people switch the BOS off in tokenizer_config.json and find it in every context of lm_eval's all the
# same, while lm_eval's own add_bos_token, being passed on as the argument, works.
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

from tokenizers import Tokenizer, models, processors
from transformers import AutoTokenizer


def folder(name, template, flag):
    tokenizer = Tokenizer(models.BPE({"<s>": 0, "a": 1}, []))
    tokenizer.add_special_tokens(["<s>"])
    if template:
        tokenizer.post_processor = processors.TemplateProcessing(template, special_tokens=[("<s>", 0)])
    os.makedirs(name)
    tokenizer.save(f"{name}/tokenizer.json")
    with open(f"{name}/tokenizer_config.json", "w") as file:
        json.dump({"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "add_bos_token": flag}, file)
    return name


off, on = folder("off", "<s> $A", False), folder("on", None, True)
seen = {
    "template with BOS, file says false": AutoTokenizer.from_pretrained(off)("a")["input_ids"],
    "the same, argument says false": AutoTokenizer.from_pretrained(off, add_bos_token=False)("a")["input_ids"],
    "attribute of the first": AutoTokenizer.from_pretrained(off).add_bos_token,
    "no template, file says true": AutoTokenizer.from_pretrained(on)("a")["input_ids"],
    "the same, argument says true": AutoTokenizer.from_pretrained(on, add_bos_token=True)("a")["input_ids"],
}
report(
    dict(zip(seen, ([1], [1], False, [0, 1], [0, 1]))),
    seen,
    dict(zip(seen, ([0, 1], [1], False, [1], [0, 1]))),
)
PYTHON
