#!/usr/bin/env bash
# The few-shot examples of a document depend on the number of processes.
#
# One would guess: with a fixed few-shot seed each document has its examples; more processes share the work.
# What is: every process starts the generator from the seed and draws for its own documents only, which are every
# n-th. With two processes nearly all prompts are others, and pairs of documents share their examples.
# Why it matters: a 5-shot score from two GPUs is another measurement than one from one GPU, and seeds don't mend it.
# Compare few-shot numbers of the same number of processes only.
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



def prompts(rank, processes):
    task = TaskManager(include_path="tasks", include_defaults=False).load(["example"])["tasks"]["example"]
    task.set_config("num_fewshot", 2)
    task.set_fewshot_seed(1234)
    task.build_all_requests(rank=rank, world_size=processes)
    return {instance.doc_id: instance.args[0] for instance in task.instances}


write_documents("question")
write_task("example", "training_split: train\ntest_split: test\n")
alone = prompts(0, 1)
together = prompts(0, 2) | prompts(1, 2)
examples = [{i: text.rsplit("\n\n", 1)[0] for i, text in texts.items()} for texts in (alone, together)]
seen = {
    "documents": len(together),
    "same prompt with two processes as with one": sum(alone[i] == together[i] for i in alone),
    "different sets of examples, one process": len(set(examples[0].values())),
    "different sets of examples, two processes": len(set(examples[1].values())),
}
report(dict(zip(seen, (30, 30, 30, 30))), seen, dict(zip(seen, (30, 1, 30, 15))))
PYTHON
