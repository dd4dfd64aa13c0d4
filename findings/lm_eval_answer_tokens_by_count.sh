#!/usr/bin/env bash
# The tokens that lm_eval scores aren't always the answer's: it counts instead of looking.
#
# One would guess: context and answer are encoded so that the scored tokens spell the answer.
# What is: the context and the whole are encoded, and as many tokens are cut off the whole as the context has. Where
# letters merge across the border, the model reads the context's own tokens and a rest that begins too late: the
# answer's first letters are never scored. An answer that merges as a whole leaves no tokens, and the run ends with an
# assertion.
# Why it matters: a task with an empty target_delimiter (words cut in two, code, languages without spaces) is scored
# on a sequence that no tokenizer makes. With a space between them, and merges that don't cross it, nothing happens.
#
# Installs torch (5.6 GB) unless FINDINGS_PYTHON names a python that has these packages.
set -euo pipefail

packages=('lm_eval[hf]==0.4.13' transformers==5.24.0 tokenizers==0.23.3 torch==2.15.0)
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


packages = ("lm_eval", "transformers", "tokenizers", "torch")
print("versions:", *(f"{name} {importlib.metadata.version(name)}" for name in packages))

import json

from lm_eval.models.huggingface import HFLM
from tokenizers import Tokenizer, models
from transformers import LlamaConfig, LlamaForCausalLM

vocabulary = {piece: i for i, piece in enumerate(["</s>", "a", "b", "c", "d", "ab", "cd"])}
tokenizer = Tokenizer(models.BPE(vocabulary, [("a", "b"), ("c", "d")]))
tokenizer.add_special_tokens(["</s>"])
shape = {"vocab_size": 7, "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
LlamaForCausalLM(LlamaConfig(**shape)).save_pretrained("folder")
tokenizer.save("folder/tokenizer.json")
with open("folder/tokenizer_config.json", "w") as file:
    json.dump({"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "</s>"}, file)
model = HFLM(pretrained="folder", device="cpu")

seen = {}
for context, answer in (("ca", "cd"), ("ca", "bcd"), ("ca", "b")):
    ids = model._encode_pair(context, answer)
    seen[f"{context} + {answer}"] = [tokenizer.decode(part).replace(" ", "") for part in ids]
report(
    dict(zip(seen, (["ca", "cd"], ["ca", "bcd"], ["ca", "b"]))),
    seen,
    dict(zip(seen, (["ca", "cd"], ["ca", "cd"], ["ca", ""]))),
)
PYTHON
