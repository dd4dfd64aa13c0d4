#!/usr/bin/env bash
# safetensors' save_model stores a tied matrix once, and not under the embedding's name.
#
# One would guess: of two names for one tensor the first is kept, `model.embed_tokens.weight`, which save_pretrained
# keeps.
# What is: save_model keeps the name that comes first in the alphabet, `lm_head.weight`; the other is in the header's
# metadata only. save_file refuses to store them at all. transformers opens the file, and both matrices are right.
# Why it matters: training loops that save by save_model make folders without an embedding, which look damaged to a
# reader that goes by names, and "the head is left out of a tied file" is the wrong rule.
#
# Installs torch (5.6 GB) unless FINDINGS_PYTHON names a python that has these packages.
set -euo pipefail

packages=(torch==2.15.0 transformers==5.24.0 safetensors==0.8.0)
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


packages = ("torch", "transformers", "safetensors")
print("versions:", *(f"{name} {importlib.metadata.version(name)}" for name in packages))

import torch
from safetensors import safe_open
from safetensors.torch import save_file, save_model
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM


def tiny(**changes):
    torch.manual_seed(0)
    shape = {"vocab_size": 32, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2}
    shape |= {"num_attention_heads": 2, "max_position_embeddings": 64, "initializer_range": 0.3}
    return LlamaForCausalLM(LlamaConfig(**(shape | changes)))



model = tiny(tie_word_embeddings=True)
model.config.save_pretrained("folder")
save_model(model, "folder/model.safetensors", metadata={"format": "pt"})
with safe_open("folder/model.safetensors", "pt") as file:
    stored = [name for name in file.keys() if "embed" in name or "head" in name]
    metadata = file.metadata().get("model.embed_tokens.weight")
try:
    save_file(model.state_dict(), "refused.safetensors")
    by_save_file = "stored"
except RuntimeError:
    by_save_file = "refused"
opened = AutoModelForCausalLM.from_pretrained("folder")
seen = {
    "stored": stored,
    "metadata of the embedding": metadata,
    "save_file": by_save_file,
    "transformers has the embedding": torch.equal(opened.model.embed_tokens.weight, model.model.embed_tokens.weight),
}
report(
    dict(zip(seen, (["model.embed_tokens.weight"], None, "stored", True))),
    seen,
    dict(zip(seen, (["lm_head.weight"], "lm_head.weight", "refused", True))),
)
PYTHON
