#!/usr/bin/env bash
# LlamaTokenizer takes pieces from a SentencePiece model and leaves its algorithm and its normaliser behind.
#
# One would guess: a folder with tokenizer.model and `"tokenizer_class": "LlamaTokenizer"` gives SentencePiece's own
# pieces; the model file says everything.
# What is: transformers 5 builds a BPE with Llama 2's settings. A Unigram model (what spm_train makes unless told
# otherwise) is read as BPE, with merges guessed from the pieces: nearly all texts fall into other pieces. A BPE model
# keeps its merges, but spaces aren't collapsed where the model does so, and `add_dummy_prefix: false` is ignored. The
# generic class PreTrainedTokenizerFast converts the same file rightly.
# Why it matters: teams train their own SentencePiece, name the class that LLaMAs have, and tokenise their corpus with
# the sentencepiece library: the model then meets other pieces in lm_eval and in generation.
#
# FINDINGS_PYTHON may name a python that has these packages; otherwise they are installed.
set -euo pipefail

packages=(transformers==5.24.0 tokenizers==0.23.3 sentencepiece==0.2.3 protobuf==7.36.2)
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


packages = ("transformers", "tokenizers", "sentencepiece", "protobuf")
print("versions:", *(f"{name} {importlib.metadata.version(name)}" for name in packages))

import io
import json
import os

import sentencepiece
from transformers import AutoTokenizer

SPECIAL = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}
TEXTS = ["the river was high that spring", "nobody  crossed   it", "bees crossed the river"]
CORPUS = ["the river was high that spring", "nobody crossed it", "bees and their hives were high", "it was spring"] * 30


def differing(name, tokenizer_class, **settings):
    """How many texts AutoTokenizer splits otherwise than the sentencepiece library."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS), model_writer=model, vocab_size=60, minloglevel=2, **settings
    )
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    folder = f"{name}-{tokenizer_class}"
    os.makedirs(folder)
    with open(f"{folder}/tokenizer.model", "wb") as file:
        file.write(model.getvalue())
    with open(f"{folder}/tokenizer_config.json", "w") as file:
        json.dump({"tokenizer_class": tokenizer_class, **SPECIAL}, file)
    opened = AutoTokenizer.from_pretrained(folder)
    return sum(opened(text, add_special_tokens=False)["input_ids"] != processor.encode(text) for text in TEXTS)


seen = {}
for name, settings in (
    ("unigram", {"hard_vocab_limit": False}),
    ("bpe", {"model_type": "bpe"}),
    ("bpe, no prefix", {"model_type": "bpe", "add_dummy_prefix": False, "remove_extra_whitespaces": False}),
):
    seen[name] = {c: differing(name, c, **settings) for c in ("LlamaTokenizer", "PreTrainedTokenizerFast")}

right = {"LlamaTokenizer": 0, "PreTrainedTokenizerFast": 0}
print(f"texts of {len(TEXTS)} whose ids differ from the sentencepiece library's:")
report(
    dict.fromkeys(seen, right),
    seen,
    {
        "unigram": {"LlamaTokenizer": 3, "PreTrainedTokenizerFast": 0},
        "bpe": {"LlamaTokenizer": 1, "PreTrainedTokenizerFast": 0},
        "bpe, no prefix": {"LlamaTokenizer": 3, "PreTrainedTokenizerFast": 0},
    },
)
PYTHON
