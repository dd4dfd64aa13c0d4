#!/usr/bin/env bash
# The token that config.json names for padding begins as zero and gets no gradient in the embedding.
#
# One would guess: `pad_token_id` says which token fills a batch up, and padding is masked anyway; with the usual `pad
# = eos` EOS is learned as any other token.
# What is: the model makes its embedding with `padding_idx`. That row is zero when the weights are drawn, and no
# gradient ever reaches it, wherever the token stands. The head's row of the same token is trained.
# Why it matters: documents are joined by EOS. A model trained from scratch with `pad = eos` never learns an embedding
# for what begins each document, and a model trained on keeps the row it came with, while other trainers move it.
#
# Installs torch (5.6 GB) unless FINDINGS_PYTHON names a python that has these packages.
set -euo pipefail

packages=(transformers==5.24.0 torch==2.15.0)
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


packages = ("transformers", "torch")
print("versions:", *(f"{name} {importlib.metadata.version(name)}" for name in packages))

import torch
from transformers import LlamaConfig, LlamaForCausalLM

EOS = 2
tokens = torch.tensor([[5, 7, EOS, 9, 11, EOS, 13, 15]])


def row(pad_token_id):
    torch.manual_seed(0)
    sizes = {"vocab_size": 64, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    config = LlamaConfig(**sizes, num_attention_heads=4, eos_token_id=EOS, pad_token_id=pad_token_id)
    model = LlamaForCausalLM(config)
    model(tokens, labels=tokens).loss.backward()
    embedding = model.model.embed_tokens.weight
    parts = (embedding[EOS], embedding.grad[EOS], model.lm_head.weight.grad[EOS])
    return [bool((part != 0).any()) for part in parts]


seen = {
    "EOS has an embedding, a gradient, a gradient in the head": row(None),
    "the same with pad_token_id = eos_token_id": row(EOS),
}
report(
    dict(zip(seen, ([True, True, True], [True, True, True]))),
    seen,
    dict(zip(seen, ([True, True, True], [False, False, True]))),
)
PYTHON
