#!/usr/bin/env bash
# A Trainer that is resumed without optimizer.pt leaves scheduler.pt unread as well, and says nothing.
#
# One would guess: each file of the checkpoint that is there is taken, or a checkpoint that lacks one is refused.
# What is: optimizer and schedule are loaded together or not at all. Steps and data go on from trainer_state.json, the
# learning rate begins again at its peak, and the run ends in the middle of its curve, above half of its peak here.
# Why it matters: a checkpoint whose moments were left out, because they are large or because the model has grown since,
# goes on with the rate of its first step.
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


class Rows(torch.utils.data.Dataset):
    def __len__(self):
        return 400

    def __getitem__(self, index):
        ids = torch.full((8,), index % 32)
        return {"input_ids": ids, "labels": ids}


class Rates(TrainerCallback):
    """The rate of each step, as the optimizer takes it."""

    def __init__(self):
        self.rates = {}

    def on_pre_optimizer_step(self, arguments, state, control, optimizer=None, **others):
        self.rates[state.global_step + 1] = round(optimizer.param_groups[0]["lr"], 6)


def train(resume=None):
    """A run of 20 steps down a cosine that leaves a checkpoint at the tenth, or one that goes on from there."""
    torch.manual_seed(0)
    config = LlamaConfig(vocab_size=32, hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2)
    arguments = TrainingArguments(
        "out", max_steps=20, learning_rate=1e-2, lr_scheduler_type="cosine", per_device_train_batch_size=4,
        save_strategy="steps", save_steps=10, use_cpu=True, report_to=[], disable_tqdm=True, seed=1)
    rates = Rates()
    trainer = Trainer(LlamaForCausalLM(config), arguments, train_dataset=Rows(), callbacks=[rates])
    trainer.train(resume_from_checkpoint=resume)
    return rates.rates


import os
import shutil

whole = train()
shutil.copytree("out/checkpoint-10", "whole")
shutil.copytree("out/checkpoint-10", "without")
os.remove("without/optimizer.pt")
assert os.path.exists("without/scheduler.pt")
resumed = train("whole")
without = train("without")
ends = lambda rates: (min(rates), rates[11], rates[20])

expected = {
    "first step, its rate, and the last rate: resumed": ends({step: rate for step, rate in whole.items() if step > 10}),
    "first step, its rate, and the last rate: without optimizer.pt": ends(
        {step: rate for step, rate in whole.items() if step > 10}),
}
seen = {
    "first step, its rate, and the last rate: resumed": ends(resumed),
    "first step, its rate, and the last rate: without optimizer.pt": ends(without),
}
found = {
    "first step, its rate, and the last rate: resumed": (11, 0.005, 6.2e-05),
    "first step, its rate, and the last rate: without optimizer.pt": (11, 0.01, 0.005782),
}
report(expected, seen, found)
PYTHON
