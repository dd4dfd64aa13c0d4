#!/usr/bin/env bash
# Rows that resize_token_embeddings adds are all the same to four digits.
#
# One would guess: new rows are drawn as fresh weights are, with initializer_range, or as spread as the old rows are
# (the documentation says a normal distribution with the old rows' mean and covariance).
# What is: the covariance is multiplied by 1e-9 first. The new rows are the old rows' mean, with a spread some 30 000
# times smaller than theirs, in the embedding and in the head.
# Why it matters: a thousand tokens added before training on begin as one token, with equal logits, and part only as
# far as their gradients do. It is the symmetry that widening by copies has to break, too.
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

torch.manual_seed(0)
sizes = {"vocab_size": 256, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1}
model = LlamaForCausalLM(LlamaConfig(**sizes, num_attention_heads=2))
torch.nn.init.normal_(model.model.embed_tokens.weight, mean=3.0, std=1.0)
model.resize_token_embeddings(1256)


def spread(rows):
    return rows.detach().std(dim=0).mean().item()


embedding, head = model.model.embed_tokens.weight, model.lm_head.weight
ratios = [spread(matrix[256:]) / spread(matrix[:256]) for matrix in (embedding, head)]
print("spread of the new rows over that of the old ones, embedding and head:", *(f"{ratio:.1e}" for ratio in ratios))
seen = {
    "the spread is within a factor of two": [0.5 < ratio < 2 for ratio in ratios],
    "it is less than a thousandth": [ratio < 1e-3 for ratio in ratios],
}
report(
    dict(zip(seen, ([True, True], [False, False]))),
    seen,
    dict(zip(seen, ([False, False], [True, True]))),
)
PYTHON
