#!/usr/bin/env bash
# One call with `truncation=True` cuts every text that another library encodes with the saved file.
#
# One would guess: truncation and padding are arguments of a call; saving the tokenizer afterwards writes the
# tokenizer.
# What is: the call leaves its settings on the tokenizer, save_pretrained writes them into tokenizer.json, and the
# tokenizers library (Python's and Rust's) obeys them on every encode. transformers itself resets them at each call,
# so the folder looks healthy from there.
# Why it matters: token shards made from such a file have documents cut and padded, with no error anywhere; only the
# corpus is smaller. transformers can't show the fault.
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

from tokenizers import Tokenizer, models
from transformers import AutoTokenizer, PreTrainedTokenizerFast

tokenizer = Tokenizer(models.BPE({"<pad>": 0, "a": 1}, []))
opened = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>")
opened(["aaaaaa", "a"], truncation=True, max_length=3, padding="max_length")
opened.save_pretrained("saved")

of_file = Tokenizer.from_file("saved/tokenizer.json")
again = AutoTokenizer.from_pretrained("saved")
seen = {
    "transformers, 'aaaaaa'": again("aaaaaa")["input_ids"],
    "tokenizers, 'aaaaaa'": of_file.encode("aaaaaa").ids,
    "tokenizers, 'a'": of_file.encode("a").ids,
}
report(
    dict(zip(seen, ([1] * 6, [1] * 6, [1]))),
    seen,
    dict(zip(seen, ([1] * 6, [1] * 3, [1, 0, 0]))),
)
PYTHON
