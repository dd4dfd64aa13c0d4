"""Token shards, as `outgrow data prepare` writes them, for a Trainer: the sequences that the program trains on."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Dict, Optional

import numpy

from .program import PathLike


class TokenShards:
    """A data set of sequences: the i-th has the tokens from i · S to i · S + S, that one included.

    So there are S tokens to read and, shifted by one, S to predict, as in the program's own runs. A model of
    transformers is given all S + 1 as `input_ids` and `labels`; it shifts them itself, and its loss is the mean over
    the S predictions. `sequences` takes the first so many only, as the program's validations do.
    """

    def __init__(self, folder: PathLike, sequence_length: int, sequences: Optional[int] = None) -> None:
        self.folder = Path(folder)
        manifest = self.folder / "manifest.json"
        if not manifest.is_file():
            raise FileNotFoundError(f"{folder}: holds no manifest.json; a folder of `outgrow data prepare` was expected")
        self.manifest: Dict[str, Any] = json.loads(manifest.read_text(encoding="utf-8"))
        self.sequence_length = sequence_length
        dtype = {"u16": "<u2", "u32": "<u4"}[self.manifest["dtype"]]
        self._parts = [numpy.memmap(self.folder / one["file"], dtype, "r") for one in self.manifest["shards"]]
        self._ends = numpy.cumsum([part.size for part in self._parts])
        there = max(0, (int(self._ends[-1]) - 1) // sequence_length)
        if sequences is not None and sequences > there:
            raise ValueError(f"{folder}: has {there} sequences of {sequence_length} tokens, {sequences} are wanted")
        self._len = there if sequences is None else sequences

    def __len__(self) -> int:
        return self._len

    def __getitem__(self, index: int) -> Dict[str, numpy.ndarray]:
        if not 0 <= index < self._len:
            raise IndexError(index)
        start = index * self.sequence_length
        end = start + self.sequence_length + 1
        pieces = []
        for part, after in zip(self._parts, self._ends):
            before = int(after) - part.size
            if start < after and end > before:
                pieces.append(part[max(0, start - before) : end - before])
        tokens = numpy.concatenate(pieces).astype(numpy.int64)
        return {"input_ids": tokens, "labels": tokens}

    def sha256(self) -> str:
        """One sum for all tokens: over the shards' own sums, a line each, as run.json has it."""
        lines = "".join(f"{one['sha256']}\n" for one in self.manifest["shards"])
        return hashlib.sha256(lines.encode()).hexdigest()


def data_description(training: TokenShards, validation: TokenShards) -> Dict[str, Any]:
    """What run.json says of data, by which the report tells whether two runs were measured on the same tokens."""
    return {
        "tokenizer_sha256": training.manifest["tokenizer"]["sha256"],
        "sequence_length": training.sequence_length,
        "training": {"sha256": training.sha256(), "tokens": training.manifest["tokens"]},
        "validation": {
            "sha256": validation.sha256(),
            "tokens": validation.manifest["tokens"],
            "sequences": len(validation),
        },
    }
