#!/usr/bin/env bash
# `--cache_requests` of lm_eval keeps prompts of another seed, and of data that has changed.
#
# One would guess: cached prompts are those that this command would build: other seed for the few-shot examples or
# other documents, other prompts.
# What is: the key is the task's name, the number of examples, rank and number of processes (and the chat template).
# With another few-shot seed, or with the task's data file replaced, the old prompts are asked.
# Why it matters: "mean over five few-shot seeds" becomes five times the same number with a spread of zero; a mended
# data file changes nothing.
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

import os

os.environ["LM_HARNESS_CACHE_PATH"] = os.path.abspath("prompts")

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



def prompt(seed, cached):
    task = TaskManager(include_path="tasks", include_defaults=False).load(["example"])["tasks"]["example"]
    task.set_config("num_fewshot", 2)
    task.set_fewshot_seed(seed)
    task.build_all_requests(cache_requests=cached)
    return task.instances[0].args[0].replace("\n\n", " | ")


write_task("example", "training_split: train\ntest_split: test\n")
write_documents("old")
seen = {"seed 1, cached": prompt(1, True), "seed 2, cached": prompt(2, True)}
expected = {"seed 1, cached": prompt(1, False), "seed 2, cached": prompt(2, False)}
write_documents("new")
seen["seed 1, cached, other data"] = prompt(1, True)
expected["seed 1, cached, other data"] = prompt(1, False)
assert len(set(expected.values())) == 3
report(expected, seen, dict.fromkeys(seen, expected["seed 1, cached"]))
PYTHON
