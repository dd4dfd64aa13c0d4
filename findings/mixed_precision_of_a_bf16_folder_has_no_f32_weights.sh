#!/usr/bin/env bash
# Trainer's bf16=True trains a bf16 folder in pure bf16: most weights never move.
#
# One would guess: `bf16=True`, mixed precision, keeps weights in f32 and multiplies in bf16, as it did when
# from_pretrained gave f32.
# What is: since version 5 from_pretrained takes the folder's type. Weights and AdamW's moments are bf16 then, with the
# flag or without it, and an update below half a step of bf16 is lost. After 20 steps at 2e-5, a usual rate for
# training on, most weights are where they were; with `dtype=torch.float32` nearly all have moved.
# Why it matters: a grown folder keeps its source's bf16. Trained on in this way it looks as if it had stopped
# learning, and as if the growth were to blame.
#
# Installs torch (5.6 GB) unless FINDINGS_PYTHON names a python that has these packages.
set -euo pipefail

packages=(transformers==5.24.0 torch==2.15.0 accelerate==1.15.0)
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


packages = ("transformers", "torch", "accelerate")
print("versions:", *(f"{name} {importlib.metadata.version(name)}" for name in packages))

import torch
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments

torch.manual_seed(0)
sizes = {"vocab_size": 64, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
LlamaForCausalLM(LlamaConfig(**sizes, num_attention_heads=4)).to(torch.bfloat16).save_pretrained("folder")
rows = [{"input_ids": tokens, "labels": tokens} for tokens in torch.randint(3, 64, (40, 8))]


def unmoved(bf16, **how):
    """The type of the weights, and whether most of them are where they were after 20 steps."""
    model = AutoModelForCausalLM.from_pretrained("folder", **how)
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    arguments = TrainingArguments(
        output_dir="run", per_device_train_batch_size=2, max_steps=20, learning_rate=2e-5, lr_scheduler_type="constant",
        bf16=bf16, use_cpu=True, report_to=[], save_strategy="no", logging_strategy="no", disable_tqdm=True,
    )
    Trainer(model, arguments, train_dataset=rows).train()
    same = sum((parameter == before[name]).sum().item() for name, parameter in model.named_parameters())
    part = same / sum(parameter.numel() for parameter in model.parameters())
    print(f"bf16={bf16} {how}: {part:.1%} of the weights are where they were")
    return [str(model.dtype), part > 0.5]


seen = {
    "bf16=True: type, most weights unmoved": unmoved(True),
    "bf16=True, dtype=torch.float32": unmoved(True, dtype=torch.float32),
}
report(
    dict(zip(seen, (["torch.float32", False], ["torch.float32", False]))),
    seen,
    dict(zip(seen, (["torch.bfloat16", True], ["torch.float32", False]))),
)
PYTHON
