#!/usr/bin/env bash
# Text that looks like a date is a timestamp to `datasets`, and lm_eval asks for midnight.
#
# One would guess: a JSON string stays the string that it is.
# What is: where all values of a column, or of a list of answers, look like ISO dates, the JSON reader makes
# timestamps of them. A prompt template prints "1990-01-01 00:00:00"; as an answer's text it isn't even a string.
# Why it matters: the model is asked for other text than the file has, so scores of a benchmark about dates differ
# from those of any reader that takes JSON literally; one value that is no date, and the whole column is text again.
#
# FINDINGS_PYTHON may name a python that has these packages; otherwise they are installed.
set -euo pipefail

packages=(lm_eval==0.4.13 datasets==5.2.0)
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


packages = ("lm_eval", "datasets")
print("versions:", *(f"{name} {importlib.metadata.version(name)}" for name in packages))

import json
import os

from lm_eval.tasks import TaskManager

os.makedirs("tasks")
for name, dates in (("all_dates", ["1990-01-01", "1991-02-03"]), ("one_other", ["1990-01-01", "unknown"])):
    with open(f"{name}.jsonl", "w") as file:
        for i, date in enumerate(dates):
            file.write(json.dumps({"question": f"When was number {i} built?", "built": date}) + "\n")
    with open(f"tasks/{name}.yaml", "w") as file:
        file.write(
            f"task: {name}\ndataset_path: json\ndataset_kwargs: {{data_files: {{test: {name}.jsonl}}}}\n"
            "output_type: loglikelihood\ntest_split: test\n"
            'doc_to_text: "{{question}}"\ndoc_to_target: "{{built}}"\n'
        )

manager = TaskManager(include_path="tasks", include_defaults=False)
seen = {}
for name in ("all_dates", "one_other"):
    task = manager.load([name])["tasks"][name]
    task.set_config("num_fewshot", 0)
    task.build_all_requests()
    seen[name] = task.instances[0].args[1]
report(
    dict.fromkeys(seen, "1990-01-01"),
    seen,
    {"all_dates": "1990-01-01 00:00:00", "one_other": "1990-01-01"},
)
PYTHON
