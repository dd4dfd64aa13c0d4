#!/usr/bin/env bash
# acc_norm divides by neither tokens nor bytes.
#
# One would guess: "length-normalised" accuracy divides a log-likelihood by the number of tokens or, as is often
# written, by the number of bytes.
# What is: the number of Unicode characters of the answer, without the space in front that is scored with it. A metric
# by bytes exists beside it (`acc_bytes`) and can choose another answer.
# Why it matters: where an answer has letters outside ASCII, a reimplementation by bytes disagrees: 109 of the
# documents that are scored in ARC, LogiQA, PIQA and SciQ have such answers. Dividing by tokens depends on the
# tokenizer and is further off.
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
with open("test.jsonl", "w") as file:
    file.write(json.dumps({"question": "Which?", "choices": ["déjà été", "yesterday"], "label": 0}) + "\n")
with open("tasks/example.yaml", "w") as file:
    file.write(
        "task: example\ndataset_path: json\ndataset_kwargs: {data_files: {test: test.jsonl}}\ntest_split: test\n"
        'output_type: multiple_choice\ndoc_to_text: "{{question}}"\ndoc_to_choice: choices\ndoc_to_target: label\n'
        "metric_list: [{metric: acc_norm}, {metric: acc_bytes}]\n"
    )
task = TaskManager(include_path="tasks", include_defaults=False).load(["example"])["tasks"]["example"]
document = next(iter(task.test_docs()))

# 8 characters in 12 bytes against 9 in 9: -10 / 8 < -10.9 / 9, but -10 / 12 > -10.9 / 9.
metrics = task.process_results(document, [(-10.0, False), (-10.9, False)])
seen = {"acc_norm chooses": document["choices"][0 if metrics["acc_norm"] else 1]}
seen["acc_bytes chooses"] = document["choices"][0 if metrics["acc_bytes"] else 1]
report(dict.fromkeys(seen, "déjà été"), seen, dict(zip(seen, ("yesterday", "déjà été"))))
PYTHON
