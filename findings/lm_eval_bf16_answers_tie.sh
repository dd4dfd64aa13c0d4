#!/usr/bin/env bash
# In bf16 the harness rounds whole log-likelihoods to bf16, and the best answer is often the first of several equal
# ones.
#
# One would guess: a bf16 model gives log-likelihoods that are off in the third digit; sums are kept in f32, and exact
# ties don't happen.
# What is: log-probabilities and their sum stay in bf16, which has 8 bits: sums above 64 come in steps of 0.5. Of the
# 64 questions below 28 have two best answers that are exactly equal, the earlier one is taken, and 15 answers change.
# `dtype=auto` (the default) is bf16 for most published folders. softmax_dtype=float32 keeps the model in bf16 and has
# no ties.
# Why it matters: accuracies of the same weights differ between programs by which answer stands first. Compare with
# dtype=float32 or with softmax_dtype=float32.
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
import random

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



def chosen(**arguments):
    """For each question the answer that is taken, and whether another is as good."""
    model = opened("folder", **arguments)
    draw = random.Random(0)
    answers = [" " + " ".join(draw.choices(WORDS[2:], k=24)) for _ in range(64 * 4)]
    asked = [Instance("loglikelihood", {}, ("the river", answer), 0) for answer in answers]
    scores = [score for score, _ in model.loglikelihood(asked, disable_tqdm=True)]
    rows = [scores[i : i + 4] for i in range(0, len(scores), 4)]
    return [row.index(max(row)) for row in rows], sum(row.count(max(row)) > 1 for row in rows)


folder("folder", "<s> $A", torch.bfloat16, initializer_range=0.02)
exact, _ = chosen(dtype="float32")
seen = {}
for name, softmax in (("dtype=auto", None), ("softmax_dtype=float32", "float32")):
    taken, ties = chosen(dtype="auto", softmax_dtype=softmax)
    seen[f"{name}: questions with two best answers"] = "some" if ties else "none"
    print(name, ties, "ties,", sum(a != b for a, b in zip(taken, exact)), "answers other than in f32")
report(dict.fromkeys(seen, "none"), seen, dict(zip(seen, ("some", "none"))))
PYTHON
