#!/usr/bin/env bash
# Naming the split that lm_eval takes examples from anyway gives other few-shot prompts.
#
# One would guess: `fewshot_split: train` in a task that has a training split changes nothing, as that is the default.
# What is: a task without `fewshot_split` and without `test_split` counts as drawing from the documents that it
# evaluates: one example more is drawn each time, and the document itself would be thrown out of them. The generator
# is shared by all documents, so from the second on all examples differ. PIQA and WinoGrande are such tasks.
# Why it matters: a reimplementation that draws k examples agrees on the first document and on nothing after it, and a
# task file that states its default isn't comparable with the one that doesn't.
#
# FINDINGS_PYTHON may name a python that has these packages; otherwise they are installed.
set -euo pipefail

packages=(lm_eval==0.4.13)
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


packages = ("lm_eval",)
print("versions:", *(f"{name} {importlib.metadata.version(name)}" for name in packages))

import json
import os

from lm_eval.tasks import TaskManager

os.makedirs("tasks")


def write_documents(words):
    for split in ("train", "validation", "test"):
        with open(f"{split}.jsonl", "w") as file:
            for i in range(30):
                row = {"question": f"{words} {split} {i}", "choices": ["no", "yes"], "label": i % 2}
                file.write(json.dumps(row) + "\n")


def write_task(name, settings):
    with open(f"tasks/{name}.yaml", "w") as file:
        file.write(
            f"task: {name}\ndataset_path: json\noutput_type: multiple_choice\n"
            "dataset_kwargs: {data_files: {train: train.jsonl, validation: validation.jsonl, test: test.jsonl}}\n"
            'doc_to_text: "{{question}}"\ndoc_to_choice: choices\ndoc_to_target: label\n' + settings
        )



def prompts(name):
    task = manager.load([name])["tasks"][name]
    task.set_config("num_fewshot", 2)
    task.set_fewshot_seed(1234)
    task.build_all_requests()
    return {instance.doc_id: instance.args[0] for instance in task.instances}


write_documents("question")
for evaluated in ("validation", "test"):
    write_task(f"{evaluated}_default", f"training_split: train\n{evaluated}_split: {evaluated}\n")
    write_task(f"{evaluated}_named", f"training_split: train\n{evaluated}_split: {evaluated}\nfewshot_split: train\n")
manager = TaskManager(include_path="tasks", include_defaults=False)
seen = {}
for evaluated in ("validation", "test"):
    default, named = prompts(f"{evaluated}_default"), prompts(f"{evaluated}_named")
    seen[f"{evaluated} documents with the same prompt"] = sum(default[i] == named[i] for i in default)
report(dict.fromkeys(seen, 30), seen, dict(zip(seen, (1, 30))))
PYTHON
