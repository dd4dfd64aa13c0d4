#!/usr/bin/env bash
# A prefix token that the tokenizer doesn't know takes the BOS out of every context.
#
# One would guess: prefix_token_id is used where there is no context (whole documents), and nowhere else.
# What is: before it encodes a context the harness looks whether the text begins with the prefix token's text, so as
# not to put a second BOS in front. An id that the tokenizer doesn't know (a row of the embedding's padding, an added
# token that isn't in the file) decodes to the empty text, every text begins with that, and special tokens are left
# out of all.
# Why it matters: all contexts of all benchmarks lose their BOS by a setting about something else, with no warning.
# Reading an added token's id off tokenizer.json, which the library numbers otherwise, is enough.
#
# Installs torch (5.6 GB) unless FINDINGS_PYTHON names a python that has these packages.
set -euo pipefail

packages=('lm_eval[hf]==0.4.13' transformers==5.24.0 tokenizers==0.23.3 torch==2.15.0)
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


packages = ("lm_eval", "transformers", "tokenizers", "torch")
print("versions:", *(f"{name} {importlib.metadata.version(name)}" for name in packages))

import json

import torch
from lm_eval.models.huggingface import HFLM
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import LlamaConfig, LlamaForCausalLM

WORDS = ["<s>", "</s>", "the", "river", "was", "high", "and", "nobody", "crossed", "it", "in", "spring"]


def folder(name, template=None, dtype=torch.float32, **changes):
    """A small random LLaMA that knows a dozen words, with a tokenizer that splits at spaces."""
    torch.manual_seed(0)
    shape = {"vocab_size": 16, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2}
    shape |= {"num_attention_heads": 2, "max_position_embeddings": 64, "initializer_range": 0.3}
    shape |= {"bos_token_id": 0, "eos_token_id": 1}
    LlamaForCausalLM(LlamaConfig(**(shape | changes))).to(dtype).save_pretrained(name)
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="</s>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens(["<s>", "</s>"])
    if template:
        tokenizer.post_processor = processors.TemplateProcessing(
            template, special_tokens=[(word, i) for i, word in enumerate(WORDS[:2]) if word in template]
        )
    tokenizer.save(f"{name}/tokenizer.json")
    with open(f"{name}/tokenizer_config.json", "w") as file:
        json.dump({"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>"}, file)
    return name


def opened(name, **arguments):
    return HFLM(pretrained=name, device="cpu", **({"dtype": "float32", "batch_size": 1} | arguments))


def words(ids):
    return " ".join(WORDS[i] for i in ids)



name = folder("folder", "<s> $A")
seen = {}
for prefix in (None, 1, 14):
    model = opened(name, **({} if prefix is None else {"prefix_token_id": prefix}))
    seen[f"prefix_token_id {prefix}"] = words(model._encode_pair("the river was", " high")[0])
right = "<s> the river was"
report(dict.fromkeys(seen, right), seen, dict(zip(seen, (right, right, "the river was"))))
PYTHON
