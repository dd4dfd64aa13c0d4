#!/usr/bin/env bash
# transformers 4 opens the config.json of transformers 5 and computes with the wrong rotary embedding.
#
# One would guess: a file of a newer version is understood, or refused where it isn't.
# What is: transformers 5 writes `rope_parameters` with the base and the scaling inside, and no `rope_theta`.
# transformers 4.57 keeps the unknown key as it stands and takes its defaults: base 10000, no scaling. It says nothing.
# Why it matters: a model in LLaMA 3's layout (base 500000, scaled) that was saved by 5 and is opened by a tool that
# pins 4 writes plausible text at a worse loss. The other way is safe: 5 reads both spellings.
#
# FINDINGS_PYTHON and FINDINGS_PYTHON_4 may name pythons that have transformers 5 and 4; otherwise both are installed.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Installs transformers $1 and prints the python that has it, unless $2 names one.
with_transformers() {
    if [ -n "$2" ]; then
        echo "$2"
        return
    fi
    python3 -m venv "$work/transformers-$1"
    "$work/transformers-$1/bin/python" -m pip install --quiet --no-compile --disable-pip-version-check "transformers==$1" >&2
    echo "$work/transformers-$1/bin/python"
}
newer=$(with_transformers 5.24.0 "${FINDINGS_PYTHON:-}")
older=$(with_transformers 4.57.6 "${FINDINGS_PYTHON_4:-}")
cd "$work"
export HF_HOME=$work/home HF_HUB_OFFLINE=1 TRANSFORMERS_VERBOSITY=error

"$newer" - <<'PYTHON'
import transformers

rope = {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "original_max_position_embeddings": 64}
rope |= {"low_freq_factor": 1.0, "high_freq_factor": 4.0}
transformers.LlamaConfig(rope_parameters=rope, max_position_embeddings=512).save_pretrained("saved")
print("written by transformers", transformers.__version__)
PYTHON

"$older" - <<'PYTHON'
import sys

import transformers

config = transformers.AutoConfig.from_pretrained("saved")
print("opened by transformers", transformers.__version__)
seen = (config.rope_theta, config.rope_scaling and config.rope_scaling["rope_type"])
print("base and scaling\n    expected: (500000.0, 'llama3'), or an error\n    seen:    ", seen)
if seen != (10000.0, None):
    sys.exit("changed: it was (10000.0, None)")
PYTHON
