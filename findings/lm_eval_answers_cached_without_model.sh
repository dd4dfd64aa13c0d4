#!/usr/bin/env bash
# `--use_cache` of lm_eval gives the answers of the model that was evaluated before.
#
# One would guess: the cache's key has the model, or at least its path, dtype and tokenizer, in it.
# What is: the key is the kind of request and its two strings. Another model, another checkpoint of a run, another
# dtype or tokenizer with the same cache file gets the first model's answers, all of them, and the run is fast.
# Why it matters: evaluating step after step of a run with one command line gives a flat curve. A cache file belongs
# to one checkpoint and one set of model arguments.
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

from lm_eval.api.instance import Instance
from lm_eval.api.model import LM, CachingLM


class Constant(LM):
    """A model to which every continuation is equally likely."""

    def __init__(self, score):
        super().__init__()
        self.score = score

    def loglikelihood(self, requests):
        return [(self.score, False) for _ in requests]

    def loglikelihood_rolling(self, requests):
        return [self.score for _ in requests]

    def generate_until(self, requests):
        return ["" for _ in requests]


question = Instance("loglikelihood", {}, ("The sky is", " blue"), 0)
seen = {}
for name, score in (("first model", -1.0), ("second model", -2.0)):
    seen[name] = CachingLM(Constant(score), "answers.db").loglikelihood([question])[0][0]
report({"first model": -1.0, "second model": -2.0}, seen, {"first model": -1.0, "second model": -1.0})
PYTHON
