#!/usr/bin/env bash
# A Trainer that is resumed with a larger batch skips documents that it never saw.
#
# One would guess: a resume goes on behind the last document that was trained on, whatever the batch size is now.
# What is: what is skipped is counted in batches, of the new size. Ten steps at 4 documents, resumed at 8: the next
# document is the 80th of the order, and 40 are left out of the epoch. With a smaller batch, documents come twice.
# Why it matters: the batch size is what one changes when moving to another machine. Counts of tokens seen, and
# comparisons by tokens, are wrong afterwards.
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



order, _ = trained(20)
same, _ = trained(20, resumed_from="run/checkpoint-10")
larger, _ = trained(15, resumed_from="run/checkpoint-10", batch=8)
seen = {"place in the order, batch of 4": order.index(same[0])}
epoch, _ = trained(100)
seen["place in the order, batch of 8"] = epoch.index(larger[0])
report(dict.fromkeys(seen, 40), seen, dict(zip(seen, (40, 80))))
PYTHON
