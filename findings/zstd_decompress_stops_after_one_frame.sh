#!/usr/bin/env bash
# The one-shot call of zstandard returns the first frame of a file and says nothing of the rest; its stream returns
# all.
#
# One would guess: decompressing a .zst file's bytes gives what `zstd -d` gives, whichever way of the library is used.
# What is: a file may have several frames (parts that were compressed side by side, or files put together with `cat`).
# `decompress()` stops after the first, keeps quiet about bytes left over, and takes the first frame's size for the
# file's. `stream_reader()` and `open()` of the same version read on to the end.
# Why it matters: corpora are published as .jsonl.zst with many frames; a script that reads them in one call loses
# most of the documents, and counts from it disagree with those of any streaming reader.
#
# FINDINGS_PYTHON may name a python that has these packages; otherwise they are installed.
set -euo pipefail

packages=(zstandard==0.25.0)
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


packages = ("zstandard",)
print("versions:", *(f"{name} {importlib.metadata.version(name)}" for name in packages))

import io
import json

import zstandard

lines = [json.dumps({"text": f"document {i}"}) + "\n" for i in range(3000)]
compressor = zstandard.ZstdCompressor()
parts = ["".join(lines[start : start + 1000]).encode() for start in (0, 1000, 2000)]
with open("corpus.jsonl.zst", "wb") as file:
    file.write(b"".join(compressor.compress(part) for part in parts))

with open("corpus.jsonl.zst", "rb") as file:
    stored = file.read()
seen = {
    "decompress()": zstandard.ZstdDecompressor().decompress(stored).count(b"\n"),
    "stream_reader()": zstandard.ZstdDecompressor().stream_reader(io.BytesIO(stored)).read().count(b"\n"),
    "open()": zstandard.open("corpus.jsonl.zst", "rb").read().count(b"\n"),
}
print("documents of 3000 in three frames:")
report(dict.fromkeys(seen, 3000), seen, dict(zip(seen, (1000, 3000, 3000))))
PYTHON
