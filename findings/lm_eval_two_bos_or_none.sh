#!/usr/bin/env bash
# lm_eval reads whole documents behind two BOS, and long contexts behind none.
#
# One would guess: a tokenizer that adds a BOS gives each sequence that the model reads exactly one.
# What is: a document for perplexity is encoded with its BOS and then put behind the prefix token, which is the BOS
# again: the first window has two, and the probability of a BOS behind a BOS is part of the score. A context that is
# too long is cut at its left, the BOS first, with a warning at most.
# Why it matters: the sum over WikiText has a term for a pair that no training text has, and few-shot prompts of small
# models (256 to 1024 positions) are asked in a form that training never had.
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
from lm_eval.api.instance import Instance
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



def read(model, kind, text):
    """What the model is given, call by call."""
    given, forward = [], model._model_call
    model._model_call = lambda ids: (given.append(words(ids[0].tolist())), forward(ids))[1]
    getattr(model, kind)([Instance(kind, {}, text, 0)], disable_tqdm=True)
    return given


model = opened(folder("folder", "<s> $A"), max_length=8)
seen = {
    "document, windows of 8": read(model, "loglikelihood_rolling", ("the river was high and nobody",))[0],
    "context of 10 and answer of 2": read(model, "loglikelihood", (" ".join(WORDS[2:11]), " it spring"))[0],
}
report(
    dict(zip(seen, ("<s> the river was high and", "<s> high and nobody crossed it in it"))),
    seen,
    dict(zip(seen, ("<s> <s> the river was high and", "was high and nobody crossed it in it"))),
)
PYTHON
