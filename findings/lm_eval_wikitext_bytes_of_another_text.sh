#!/usr/bin/env bash
# WikiText's bits per byte divide by the bytes of a text that the model didn't read.
#
# One would guess: bits per byte is the loss of the text over the bytes of that text, so that a model that gives each
# byte one in 256 has 8.
# What is: the harness joins the page's loose punctuation and numbers (" @,@ ", " , ") and has the model read that
# shorter text, but counts words and bytes of the page as stored. A model at exactly 8 bits per byte is reported
# below.
# Why it matters: the number isn't comparable with the bits per byte of one's own validation text, and word perplexity
# is of tokenised words. Between models the ratio is the same, so ranks hold.
#
# FINDINGS_PYTHON may name a python that has these packages; otherwise they are installed.
set -euo pipefail

packages=(lm_eval==0.4.13)
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


packages = ("lm_eval",)
print("versions:", *(f"{name} {importlib.metadata.version(name)}" for name in packages))

import math

from lm_eval.tasks.wikitext.preprocess_wikitext import process_results, wikitext_detokenizer

page = " = River = \n \n The river , 1 @,@ 200 km long , rose in the hills ( north of the town ) . \n It fell . \n"
read = wikitext_detokenizer({"page": page}).encode()
loglikelihood = -math.log(256) * len(read)
total, count = process_results({"page": page}, [loglikelihood])["bits_per_byte"]
seen = {"bytes read": len(read), "bytes counted": count, "bits per byte": round(-total / count / math.log(2), 3)}
report(
    {"bytes read": 86, "bytes counted": 86, "bits per byte": 8.0},
    seen,
    {"bytes read": 86, "bytes counted": 102, "bits per byte": 6.745},
)
PYTHON
