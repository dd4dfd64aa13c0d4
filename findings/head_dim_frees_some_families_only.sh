#!/usr/bin/env bash
# With head_dim given, heads needn't divide the width in Mistral and Qwen; in LLaMA and Gemma they must.
#
# One would guess: `head_dim` in config.json says how wide a head is, and the width of the residual stream has nothing
# to do with it, in every family that has the field.
# What is: transformers 5 validates by family. LLaMA and Gemma 2 refuse a width that isn't a multiple of the number of
# heads, though the projections would fit; Mistral, Qwen2 and Qwen3 open the same shape and run it.
# Why it matters: growing the width or the heads alone keeps head_dim, and gives a model that trains here and isn't
# opened there; the same growth of a Mistral is.
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
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    LlamaConfig,
    MistralConfig,
    Qwen2Config,
    Qwen3Config,
)

sizes = {"vocab_size": 64, "hidden_size": 48, "intermediate_size": 64, "num_hidden_layers": 1}
heads = {"num_attention_heads": 5, "num_key_value_heads": 5, "head_dim": 16}


def runs(config_class):
    try:
        model = AutoModelForCausalLM.from_config(config_class(**sizes, **heads))
    except Exception as error:
        return "refused" if "not a multiple" in str(error) else repr(error)
    return "runs" if model(torch.arange(4).reshape(1, 4)).logits.isfinite().all() else "no numbers"


classes = (LlamaConfig, Gemma2Config, MistralConfig, Qwen2Config, Qwen3Config)
seen = {config_class.__name__: runs(config_class) for config_class in classes}
report(
    dict.fromkeys(seen, "runs"),
    seen,
    dict(zip(seen, ("refused", "refused", "runs", "runs", "runs"))),
)
PYTHON
