#!/usr/bin/env bash
# A left-over special_tokens_map.json beats tokenizer_config.json, but only where the latter lacks
# added_tokens_decoder.
#
# One would guess: transformers 5 no longer writes special_tokens_map.json, so tokenizer_config.json is what counts
# and the old file beside it is ignored.
# What is: if tokenizer_config.json has no `added_tokens_decoder` (those that transformers 5 writes have none), the
# old file is read last and wins. If it has one, the old file isn't opened at all.
# Why it matters: a folder whose tokenizer_config.json was renewed (another EOS, say) keeps the old EOS in lm_eval and
# in generation. The same edit works in a folder that transformers 4 wrote.
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

tokenizer = Tokenizer(models.BPE({"<old>": 0, "<new>": 1, "a": 2}, []))
tokenizer.add_special_tokens(["<old>", "<new>"])
entry = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}

seen = {}
for case, decoder in (
    ("no added_tokens_decoder", None),
    ("with added_tokens_decoder", {"0": entry | {"content": "<old>"}, "1": entry | {"content": "<new>"}}),
):
    os.makedirs(case)
    tokenizer.save(f"{case}/tokenizer.json")
    configuration = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<new>"}
    if decoder:
        configuration["added_tokens_decoder"] = decoder
    with open(f"{case}/tokenizer_config.json", "w") as file:
        json.dump(configuration, file)
    with open(f"{case}/special_tokens_map.json", "w") as file:
        json.dump({"eos_token": "<old>"}, file)
    seen[case] = AutoTokenizer.from_pretrained(case).eos_token

report(
    {"no added_tokens_decoder": "<new>", "with added_tokens_decoder": "<new>"},
    seen,
    {"no added_tokens_decoder": "<old>", "with added_tokens_decoder": "<new>"},
)
PYTHON
