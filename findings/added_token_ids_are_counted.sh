#!/usr/bin/env bash
# The ids of added tokens in tokenizer.json are never read: the library counts on from the number of entries.
#
# One would guess: `"added_tokens": [{"id": 100, ...}]` gives the token id 100, and `"added_tokens_decoder": {"100":
# ...}` in tokenizer_config.json does too.
# What is: a token that the model's vocabulary lacks gets the next number, in the list's order, counted from the
# number of entries in the vocabulary. An id that was left out on purpose is filled, and in a vocabulary with a hole
# the new token gets the id of one that is there already: two tokens, one row of the embedding, without a word.
# Why it matters: an embedding laid out by the ids that the file shows has its separator elsewhere than the shards
# have it, and pruned vocabularies (ids with holes) lose a token when a special one is added.
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


def added(identity, content):
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return flags | {"id": identity, "content": content}


def opened(vocabulary, added_tokens):
    written = json.loads(Tokenizer(models.BPE({"a": 0}, [])).to_str())
    written["model"]["vocab"] = vocabulary
    written["added_tokens"] = added_tokens
    return Tokenizer.from_str(json.dumps(written))


gap = opened({"a": 0, "b": 1, "c": 2}, [added(100, "<far>"), added(3, "<near>")])
hole = opened({"a": 0, "b": 1, "c": 3}, [])
hole.add_special_tokens(["<new>"])

os.makedirs("folder")
opened({"a": 0, "b": 1, "c": 2}, []).save("folder/tokenizer.json")
with open("folder/tokenizer_config.json", "w") as file:
    decoder = {"100": {key: value for key, value in added(100, "<far>").items() if key != "id"}}
    json.dump({"tokenizer_class": "PreTrainedTokenizerFast", "added_tokens_decoder": decoder}, file)

seen = {
    "<far>, written with 100": gap.token_to_id("<far>"),
    "<near>, written with 3": gap.token_to_id("<near>"),
    "<far> in added_tokens_decoder with 100": AutoTokenizer.from_pretrained("folder").convert_tokens_to_ids("<far>"),
    "<new> behind ids 0, 1 and 3": hole.token_to_id("<new>"),
    "'c<new>' encoded": hole.encode("c<new>").ids,
    "'c' read back": hole.decode(hole.encode("c").ids, skip_special_tokens=False),
}
report(
    dict(zip(seen, (100, 3, 100, 4, [3, 4], "c"))),
    seen,
    dict(zip(seen, (3, 4, 3, 3, [3, 3], "<new>"))),
)
PYTHON
