"""The same mergekit recipe through mergekit and through us has to give the same tensors, bit for bit."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import torch

from checks.growth.check_growth import load, tensor_files

STACK = """
merge_method: passthrough
dtype: {dtype}
slices:
  - sources:
      - model: {source}
        layer_range: [0, 6]
  - sources:
      - model: {source}
        layer_range: [0, 6]
"""
SOLAR = """
merge_method: passthrough
dtype: {dtype}
slices:
  - sources:
      - model: {source}
        layer_range: [0, 4]
  - sources:
      - model: {source}
        layer_range: [2, 6]
"""
IDENTITY_BLOCKS = """
merge_method: passthrough
dtype: {dtype}
slices:
  - sources:
      - model: {source}
        layer_range: [0, 3]
  - sources:
      - model: {source}
        layer_range: [2, 3]
        parameters:
          scale:
            - filter: o_proj
              value: 0.0
            - filter: down_proj
              value: 0.0
            - value: 1.0
  - sources:
      - model: {source}
        layer_range: [3, 6]
"""
RECIPES = {"stack x2": STACK, "solar": SOLAR, "identity blocks by scale": IDENTITY_BLOCKS}
FASTEST = ["--lazy-unpickle", "--no-copy-tokenizer"]


def check_mergekit(
    outgrow: Path, mergekit: Path, sources: dict[str, Path], work: Path
) -> Iterator[tuple[str, bool, str]]:
    """For each recipe and source a label, whether all is well, and what there is to say."""
    for source, folder in sources.items():
        dtype = "bfloat16" if source.startswith("bf16") else "float32"
        for name, recipe in RECIPES.items():
            label = f"{name} of {source}"
            stem = label.replace(" ", "-")
            file = work / f"{stem}.yml"
            file.write_text(recipe.format(source=folder, dtype=dtype).lstrip())
            ours, theirs = work / f"{stem}-ours", work / f"{stem}-theirs"
            commands = [
                [mergekit, file, theirs, *FASTEST],
                [outgrow, "grow", folder, ours, "--recipe", file],
            ]
            for folder_of_it in (ours, theirs):
                shutil.rmtree(folder_of_it, ignore_errors=True)  # of an earlier run in the same folder
            failure = next(filter(None, map(failure_of, commands)), None)
            yield label, *((False, failure) if failure else compared(ours, theirs))


def failure_of(command: list) -> str | None:
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode == 0:
        return None
    last = (run.stderr.strip().splitlines() or [""])[-1]
    return f"`{Path(command[0]).name}` gave {run.returncode}: {last}"


def compared(ours: Path, theirs: Path) -> tuple[bool, str]:
    """Whether two folders have the same tensors, and in what they differ."""
    our_files, their_files = tensor_files(ours), tensor_files(theirs)
    if our_files.keys() != their_files.keys():
        return False, f"only one has {sorted(our_files.keys() ^ their_files.keys())}"
    for name, file in our_files.items():
        left, right = load(file, name), load(their_files[name], name)
        if left.dtype != right.dtype or left.shape != right.shape or not torch.equal(bits(left), bits(right)):
            return False, f"{name} differs"
    return True, "identical tensors"


def bits(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.contiguous().view(torch.uint8)
