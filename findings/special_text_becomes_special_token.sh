#!/usr/bin/env bash
# `add_special_tokens=False` doesn't keep a document's "</s>" from becoming the end token, and sentencepiece
# disagrees.
#
# One would guess: with add_special_tokens=False no special token comes out, so a corpus can't hold one; and a
# SentencePiece model and its tokenizer.json give the same ids.
# What is: the flag is about the template only. The text "</s>" inside a document is the end token's id, in tokenizers
# and in transformers. `encode_special_tokens` (`split_special_tokens` in transformers) reads it as text, is not
# stored in tokenizer.json and so is off again after opening. The sentencepiece library always reads it as text.
# Why it matters: pages about HTML or about language models put document ends in the middle of documents; token shards
# differ by the library that made them.
#
# FINDINGS_PYTHON may name a python that has these packages; otherwise they are installed.
set -euo pipefail

packages=(tokenizers==0.23.3 transformers==5.24.0 sentencepiece==0.2.3 protobuf==7.36.2)
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


packages = ("tokenizers", "transformers", "sentencepiece", "protobuf")
print("versions:", *(f"{name} {importlib.metadata.version(name)}" for name in packages))

import io
import os

import sentencepiece
from tokenizers import Tokenizer
from transformers import AutoTokenizer

corpus = ["the river was high that spring", "a tag ends in a slash: </s and </sub"] * 30
model = io.BytesIO()
sentencepiece.SentencePieceTrainer.train(
    sentence_iterator=iter(corpus),
    model_writer=model,
    vocab_size=300,
    model_type="bpe",
    byte_fallback=True,
    minloglevel=2,
)
processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
os.makedirs("folder")
with open("folder/tokenizer.model", "wb") as file:
    file.write(model.getvalue())
with open("folder/tokenizer_config.json", "w") as file:
    file.write('{"tokenizer_class": "PreTrainedTokenizerFast"}')
opened = AutoTokenizer.from_pretrained("folder")
opened.save_pretrained("converted")

TEXT, END = "spring</s>spring", processor.eos_id()
of_file = Tokenizer.from_file("converted/tokenizer.json")
seen = {
    "sentencepiece": END in processor.encode(TEXT),
    "tokenizers, add_special_tokens=False": END in of_file.encode(TEXT, add_special_tokens=False).ids,
    "transformers, add_special_tokens=False": END in opened(TEXT, add_special_tokens=False)["input_ids"],
}
of_file.encode_special_tokens = True
seen["tokenizers, encode_special_tokens"] = END in of_file.encode(TEXT).ids
of_file.save("again.json")
seen["that, saved and opened"] = END in Tokenizer.from_file("again.json").encode(TEXT).ids
print(f"whether the ids of {TEXT!r} have the end token:")
report(dict.fromkeys(seen, False), seen, dict(zip(seen, (False, True, True, False, True))))
PYTHON
