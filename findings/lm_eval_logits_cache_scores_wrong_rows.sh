#!/usr/bin/env bash
# lm_eval's cache of logits, on by default, changes scores when one context continues another.
#
# One would guess: logits_cache saves forward passes for answers that share a context, and doesn't change a number.
# What is: requests are grouped by all tokens but the last. Two that split the same text at different places fall into
# one group, and the shorter answer is read off the rows of the longer one. It gets another token's logits; the order
# of magnitude is plausible.
# Why it matters: tasks that ask for one sentence's continuation at several places (cloze, word by word surprisal,
# options of which one begins with another) are scored wrongly, without a word. logits_cache=False is right.
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



def scores(requests, **arguments):
    model = opened("folder", **arguments)
    asked = [Instance("loglikelihood", {}, request, i) for i, request in enumerate(requests)]
    return [round(score, 3) for score, _ in model.loglikelihood(asked, disable_tqdm=True)]


folder("folder", "<s> $A")
requests = [("the river was", " high and"), ("the river was high", " spring")]
alone = [scores([request])[0] for request in requests]
seen = {
    "both, logits_cache=False": [a == b for a, b in zip(scores(requests, logits_cache=False), alone)],
    "both, as by default": [a == b for a, b in zip(scores(requests), alone)],
}
print("whether a request scores what it scores alone:", alone, "and together", scores(requests))
report(dict.fromkeys(seen, [True, True]), seen, dict(zip(seen, ([True, True], [True, False]))))
PYTHON
