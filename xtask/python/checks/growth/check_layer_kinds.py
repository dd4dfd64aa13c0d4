"""The grown config.json of every decoder that transformers knows, against the layers built from it.

    cargo xtask compare layer_kinds OUTGROW [--only MODEL_TYPE …]

Weights play no part: a source is a config.json and one number for each layer, under names that any decoder has. Each
architecture's own defaults, cut to eight layers, are written three times: as `save_pretrained` does; without the lists
that have an entry for each layer, as older files are; and with nothing but the model's type and number of layers.
OUTGROW grows each by several lists. On the meta device, each layer of the model built from the grown file must have the
settings and the tensors' shapes of the layer of the source that it is made of.

`check_architectures.py` computes logits for some; this asks all, so that no rule by a layer's number is missed. A line
for each architecture and refusal; the exit status is 1 if a layer is of another kind.
"""

import argparse
import contextlib
import io
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, PretrainedConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
from transformers.utils import logging

from checks.growth.check_architectures import settings

LAYERS = 8
LISTS = {
    "odd": [0, 1, 1, 2, 3, 3, 2, 4, 5, 6, 7],
    "stack": list(range(LAYERS)) * 2,
    "interleave": [layer for layer in range(LAYERS) for _ in range(2)],
    "bottom": [0, 0, 0, 1, 2, 3, 4, 5, 6, 7],
    # Beyond the numbers that architectures have by default, such as a window from layer 28 on.
    "stack 9": list(range(LAYERS)) * 9,
}
# Fewer experts build faster, and a layer has them or not.
EXPERTS = ("num_local_experts", "n_routed_experts", "num_experts", "moe_num_experts")
Kind = tuple[dict[str, Any], dict[str, tuple[int, ...]]]


def files(model_type: str) -> dict[str, dict[str, Any]]:
    """The three ways to say the same in config.json; none if the architecture isn't one stack of so many layers."""
    config = AutoConfig.for_model(model_type, num_hidden_layers=LAYERS)
    if hasattr(config, "text_config") or config.num_hidden_layers != LAYERS:
        return {}
    for key in EXPERTS:
        if isinstance(getattr(config, key, None), int):
            setattr(config, key, min(getattr(config, key), 8))
    with tempfile.TemporaryDirectory() as folder:
        config.save_pretrained(folder)
        saved = json.loads((Path(folder) / "config.json").read_text()) | {"model_type": model_type}
    short = {key: value for key, value in saved.items() if not (isinstance(value, list) and len(value) == LAYERS)}
    short.pop("_sliding_window_pattern", None)
    bare = {"model_type": model_type, "num_hidden_layers": LAYERS}
    return {"saved": saved, "without lists": short, "bare": bare}


def kinds(folder: Path) -> list[Kind]:
    """For each layer of the model that a config.json gives, its settings and its tensors' shapes."""
    config: PretrainedConfig = AutoConfig.from_pretrained(folder)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    stacks = [module.layers for module in model.modules() if isinstance(getattr(module, "layers", None), nn.ModuleList)]
    layers = next(stack for stack in stacks if len(stack) == config.num_hidden_layers)
    return [
        (settings(layer), {name: tuple(tensor.shape) for name, tensor in layer.state_dict().items()})
        for layer in layers
    ]


def compare(grown: list[Kind], source: list[Kind], order: list[int]) -> str:
    """`ok`, or the first layer that is of another kind, and in what."""
    if len(grown) != len(order):
        return f"WRONG: {len(grown)} layers, not {len(order)}"
    for place, index in enumerate(order):
        for ours, theirs in zip(grown[place], source[index]):
            wrong = sorted(key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key))
            if wrong:
                key = wrong[0]
                return f"WRONG: layer {place} has {key} {ours.get(key)}, layer {index} of the source {theirs.get(key)}"
    return "ok"


def results(binary: Path, model_type: str, work: Path) -> dict[tuple[str, str], list[str]]:
    """For each file and outcome, the lists that have it."""
    outcomes: dict[tuple[str, str], list[str]] = defaultdict(list)
    for spelling, raw in files(model_type).items():
        source, target = work / f"{model_type} {spelling}", work / f"{model_type} {spelling} grown"
        source.mkdir()
        (source / "config.json").write_text(json.dumps(raw))
        numbers = {f"model.layers.{layer}.x.weight": torch.zeros(1) for layer in range(LAYERS)}
        save_file(numbers, source / "model.safetensors")
        of_source = kinds(source)
        for name, order in LISTS.items():
            grown = target.with_name(f"{target.name} {name}")
            arguments = [binary, "grow", source, grown, "--layers", ",".join(map(str, order))]
            ran = subprocess.run(arguments, capture_output=True, text=True)
            outcome = compare(kinds(grown), of_source, order) if ran.returncode == 0 else ran.stderr.strip()
            outcomes[spelling, outcome].append(name)
    return outcomes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("outgrow", type=Path, metavar="OUTGROW", help="the program, such as target/release/outgrow")
    parser.add_argument("--only", nargs="+", metavar="MODEL_TYPE", help="these architectures")
    options = parser.parse_args()
    logging.set_verbosity_error()

    wrong = asked = 0
    with tempfile.TemporaryDirectory() as work:
        for model_type in options.only or sorted(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES):
            try:
                with contextlib.redirect_stderr(io.StringIO()):
                    outcomes = results(options.outgrow, model_type, Path(work))
            except Exception as problem:  # Defaults that make no model, or no `layers`: nothing can be asked.
                print(f"{model_type:24} can't be asked: {(str(problem) or type(problem).__name__).splitlines()[0]}")
                continue
            asked += bool(outcomes)
            for (spelling, outcome), lists in outcomes.items():
                wrong += outcome.startswith("WRONG")
                which = "all" if len(lists) == len(LISTS) else ", ".join(lists)
                print(f"{model_type:24} {spelling:14} {which}: {outcome}", flush=True)
    print(f"{asked} architectures, {wrong} outcomes are wrong")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
