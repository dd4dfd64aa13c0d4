#!/usr/bin/env bash
# lm_eval scores another model than transformers runs, where a tied folder has a head of its own.
#
# One would guess: the harness' `hf` model is what from_pretrained gives; scores are those of the model that
# generates.
# What is: transformers 5 keeps a stored head that differs from the embedding, although config.json says tied, and
# computes with it. The harness then calls tie_weights(), which puts the embedding in the head's place: its scores are
# the tied model's. There is transformers' warning that they are NOT tied, and they are.
# Why it matters: generated text and benchmark numbers of one folder come from two models. A program that is held to
# both has to tie for the one and not for the other, or to refuse such a folder.
#
# Installs torch (5.6 GB) unless FINDINGS_PYTHON names a python that has these packages.
set -euo pipefail

packages=('lm_eval[hf]==0.4.13' transformers==5.24.0 tokenizers==0.23.3 torch==2.15.0 safetensors==0.8.0)
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


packages = ("lm_eval", "transformers", "tokenizers", "torch", "safetensors")
print("versions:", *(f"{name} {importlib.metadata.version(name)}" for name in packages))

import json

import torch
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

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



name = folder("folder", "<s> $A", tie_word_embeddings=True)
tensors = load_file(f"{name}/model.safetensors")
head = torch.randn(16, 16)
save_file(tensors | {"lm_head.weight": head}, f"{name}/model.safetensors", metadata={"format": "pt"})

ids = [0, 2, 3, 4, 5]
logits = AutoModelForCausalLM.from_pretrained(name, dtype=torch.float32)(torch.tensor([ids[:-1]])).logits[0, -1]
by_transformers = torch.log_softmax(logits, -1)[ids[-1]].item()
asked = Instance("loglikelihood", {}, ("the river was", " high"), 0)
model = opened(name)
by_harness = model.loglikelihood([asked], disable_tqdm=True)[0][0]
print("log-likelihood by transformers", round(by_transformers, 4), "and by the harness", round(by_harness, 4))
seen = {
    "the same log-likelihood": abs(by_transformers - by_harness) < 1e-4,
    "the harness' head is the stored one": torch.equal(model.model.lm_head.weight, head),
    "the harness' head is the embedding": torch.equal(model.model.lm_head.weight, tensors["model.embed_tokens.weight"]),
}
report(dict(zip(seen, (True, True, False))), seen, dict(zip(seen, (False, False, True))))
PYTHON
