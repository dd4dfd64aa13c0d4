"""A depth-grown checkpoint against its source: every tensor byte for byte, and the config.

Both have to open.

    cargo xtask compare growth SOURCE TARGET --layers 0,1,0,1

Layer i of the target must be the source's layer LAYERS[i]; every other tensor must be the source's own.
"""

import argparse
import json
import re
import sys
from pathlib import Path

import torch
from safetensors import safe_open
from transformers import AutoConfig
from transformers.utils import logging

from checks.folders.check_checkpoint import open_model

LAYER = re.compile(r"^model\.layers\.(\d+)\.")


def tensor_files(folder: Path) -> dict[str, Path]:
    """Which file holds each tensor, for one model.safetensors or for shards with an index."""
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        return {name: folder / file for name, file in json.loads(index.read_text())["weight_map"].items()}
    single = folder / "model.safetensors"
    if not single.is_file():
        sys.exit(f"{folder}: has neither model.safetensors nor model.safetensors.index.json")
    with safe_open(single, framework="pt") as file:
        return dict.fromkeys(file.keys(), single)


def expected_sources(source_names: set[str], layers: list[int]) -> dict[str, str]:
    """The source tensor of each tensor that the target must have, and no other."""
    expected = {name: name for name in source_names if not LAYER.match(name)}
    for target_layer, source_layer in enumerate(layers):
        prefix = f"model.layers.{source_layer}."
        of_layer = [name for name in source_names if name.startswith(prefix)]
        if not of_layer:
            sys.exit(f"--layers: the source has no layer {source_layer}")
        expected |= {f"model.layers.{target_layer}.{name.removeprefix(prefix)}": name for name in of_layer}
    return expected


def compare_tensors(source: Path, target: Path, layers: list[int]) -> int:
    """Compares dtype, shape and bytes of each tensor and returns how many there are."""
    source_files, target_files = tensor_files(source), tensor_files(target)
    expected = expected_sources(set(source_files), layers)
    if expected.keys() != target_files.keys():
        missing, extra = sorted(expected.keys() - target_files.keys()), sorted(target_files.keys() - expected.keys())
        sys.exit(f"{target}: tensors missing {missing}, too many {extra}")
    for name, source_name in expected.items():
        ours, theirs = load(target_files[name], name), load(source_files[source_name], source_name)
        if ours.dtype != theirs.dtype or ours.shape != theirs.shape:
            kinds = [f"{tensor.dtype} {list(tensor.shape)}" for tensor in (ours, theirs)]
            sys.exit(f"{target}: {name} is {kinds[0]}, the source's {source_name} is {kinds[1]}")
        if not torch.equal(ours.contiguous().view(torch.uint8), theirs.contiguous().view(torch.uint8)):
            sys.exit(f"{target}: {name} differs from the source's {source_name}")
    return len(expected)


def load(file: Path, name: str) -> torch.Tensor:
    """One tensor, in the type it is stored in."""
    with safe_open(file, framework="pt") as opened:
        return opened.get_tensor(name)


def compare_configs(source: Path, target: Path, num_layers: int) -> None:
    """The configs as transformers understands them, so that the two spellings of one setting are equal."""
    ours, theirs = (AutoConfig.from_pretrained(folder).to_dict() for folder in (target, source))
    if ours["num_hidden_layers"] != num_layers:
        sys.exit(f"{target}: num_hidden_layers is {ours['num_hidden_layers']}, --layers has {num_layers}")
    ignored = {"num_hidden_layers", "_name_or_path", "transformers_version"}
    differing = sorted(key for key in (ours.keys() | theirs.keys()) - ignored if ours.get(key) != theirs.get(key))
    if differing:
        pairs = ", ".join(f"{key}: {theirs.get(key)} became {ours.get(key)}" for key in differing)
        sys.exit(f"{target}: the config differs from the source's: {pairs}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, metavar="SOURCE")
    parser.add_argument("target", type=Path, metavar="TARGET")
    parser.add_argument("--layers", required=True, help="the source's layers from bottom to top, such as 0,1,0,1")
    options = parser.parse_args()
    layers = [int(layer) for layer in options.layers.split(",")]

    logging.disable_progress_bar()
    tensors = compare_tensors(options.source, options.target, layers)
    compare_configs(options.source, options.target, len(layers))
    parameters = [open_model(folder).num_parameters() for folder in (options.source, options.target)]
    print(f"OK {tensors} tensors, {len(layers)} layers, {parameters[0]} -> {parameters[1]} parameters")


if __name__ == "__main__":
    main()
