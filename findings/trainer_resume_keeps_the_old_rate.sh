#!/usr/bin/env bash
# A resumed Trainer takes the new max_steps and silently keeps the old learning rate and weight decay.
#
# One would guess: of the arguments that a run is resumed with, either all count or none, or what can't be changed is
# refused.
# What is: optimizer and schedule are loaded with their peak and decay, so that `learning_rate` and `weight_decay` of
# the new arguments do nothing; the horizon is made from the new max_steps. The rate jumps up to the longer curve of
# the old peak.
# Why it matters: tuning the rate of a continued run by resuming compares identical runs, and a run that is only made
# longer is not the run that was planned with that length.
#
# Installs torch (5.6 GB) unless FINDINGS_PYTHON names a python that has these packages.
set -euo pipefail

packages=(torch==2.15.0 transformers==5.24.0 accelerate==1.15.0)
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


packages = ("torch", "transformers", "accelerate")
print("versions:", *(f"{name} {importlib.metadata.version(name)}" for name in packages))

import torch
from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainerCallback, TrainingArguments


class Numbered(torch.utils.data.Dataset):
    """Remembers which documents it was asked for."""

    def __init__(self):
        self.asked = []

    def __len__(self):
        return 400

    def __getitem__(self, index):
        self.asked.append(index)
        ids = torch.full((8,), index % 32)
        return {"input_ids": ids, "labels": ids}


class Rates(TrainerCallback):
    def __init__(self):
        self.groups = {}

    def on_step_end(self, arguments, state, control, optimizer=None, **others):
        group = optimizer.param_groups[0]
        self.groups[state.global_step] = (round(group["lr"], 6), group["weight_decay"])



def tiny(**changes):
    torch.manual_seed(0)
    shape = {"vocab_size": 32, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2}
    shape |= {"num_attention_heads": 2, "max_position_embeddings": 64, "initializer_range": 0.3}
    return LlamaForCausalLM(LlamaConfig(**(shape | changes)))



def trained(steps, resumed_from=None, batch=4, learning_rate=1e-3, weight_decay=0.1):
    documents, rates = Numbered(), Rates()
    arguments = TrainingArguments(
        output_dir="run",
        max_steps=steps,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        lr_scheduler_type="cosine",
        per_device_train_batch_size=batch,
        save_steps=10,
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
        logging_strategy="no",
    )
    trainer = Trainer(model=tiny(), args=arguments, train_dataset=documents, callbacks=[rates])
    trainer.train(resume_from_checkpoint=resumed_from)
    return documents.asked, rates.groups



trained(20)
_, same = trained(20, resumed_from="run/checkpoint-10")
_, changed = trained(40, resumed_from="run/checkpoint-10", learning_rate=5e-2, weight_decay=0.5)
seen = {"step 11 of 20, as before": same[11], "step 11 of 40, rate 0.05, decay 0.5": changed[11]}
report(
    dict(zip(seen, ((0.000422, 0.1), (round(0.05 * 0.824724, 6), 0.5)))),
    seen,
    dict(zip(seen, ((0.000422, 0.1), (0.000825, 0.1)))),
)
PYTHON
