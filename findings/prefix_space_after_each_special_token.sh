#!/usr/bin/env bash
# A "prefix space" is put behind every added token, not only at the start of the text.
#
# One would guess: `add_prefix_space: true` of ByteLevel, and Llama 2's Prepend, put one space in front of a text.
# What is: a text is cut at added tokens first, and each part gets its own space: a document that holds a special
# token, or documents joined by one, come back with spaces that weren't there. Metaspace has a scheme `first` that
# doesn't.
# Why it matters: documents that are joined by an end token and encoded at once have other ids under `first` than
# under `always`. Both are in use as Llama's layout (transformers calls one of them legacy), so shards differ by it.
#
# FINDINGS_PYTHON may name a python that has these packages; otherwise they are installed.
set -euo pipefail

packages=(tokenizers==0.23.3)
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


packages = ("tokenizers",)
print("versions:", *(f"{name} {importlib.metadata.version(name)}" for name in packages))

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers


def tokens(normalizer, pre_tokenizer, alphabet):
    tokenizer = Tokenizer(models.BPE({character: i for i, character in enumerate(alphabet)}, []))
    if normalizer:
        tokenizer.normalizer = normalizer
    if pre_tokenizer:
        tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.add_special_tokens(["</s>"])
    return " ".join(tokenizer.encode("a</s>b").tokens)


pieces = "▁ab"
prepend = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
byte_level = pre_tokenizers.ByteLevel(add_prefix_space=True)
seen = {
    "ByteLevel, add_prefix_space": tokens(None, byte_level, sorted(pre_tokenizers.ByteLevel.alphabet())),
    "Prepend": tokens(prepend, None, pieces),
    "Metaspace, always": tokens(None, pre_tokenizers.Metaspace(prepend_scheme="always"), pieces),
    "Metaspace, first": tokens(None, pre_tokenizers.Metaspace(prepend_scheme="first"), pieces),
}
report(
    dict(zip(seen, ("Ġ a </s> b", "▁ a </s> b", "▁ a </s> b", "▁ a </s> b"))),
    seen,
    dict(zip(seen, ("Ġ a </s> Ġ b", "▁ a </s> ▁ b", "▁ a </s> ▁ b", "▁ a </s> b"))),
)
PYTHON
