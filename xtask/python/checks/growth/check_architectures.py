"""Growth in depth, for decoders of many architectures, against transformers' own layers.

Its layers are put in another order.

    cargo xtask compare architectures OUTGROW [--only WORDS …] [--keep FOLDER]

Small random models (models/small_decoders.py) are grown by OUTGROW and opened by transformers. The reference never sees
what OUTGROW wrote: it is the source opened by transformers, its list of layers replaced by deep copies of its layers in
the order asked for. So each copy keeps its own kind of attention, its rope or none, and its experts; the
configuration's lists are put in the same order. A case passes if

- the grown folder opens with no tensor missing or too many, and all are the reference's, bit for bit;
- logits are the reference's, on sequences longer than the windows, and with a cache, token by token;
- each layer's settings (kind, window, rope) are those of the layer it is a copy of;
- an operator that preserves the function (zero) leaves the source's logits, and one that doesn't, doesn't.

Where OUTGROW refuses, the line has to be one that models/small_decoders.py expects. Then the reference is tried on the
file that OUTGROW wouldn't write, the source's config.json with another num_hidden_layers: "needless" says that it would
have been right. One line a case; the exit status is 1 if one of them fails.
"""

import argparse
import copy
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel
from transformers.utils import logging

from checks.growth.depth import interleave_layers, pattern_layers, stack_layers
from models.small_decoders import COMMON, DECODERS, WINDOW, Decoder

TOKENS = torch.randint(3, COMMON["vocab_size"], (2, 4 * WINDOW), generator=torch.Generator().manual_seed(7))
# Of the largest logit: sums in another order, at most.
SAME = 1e-5
# Linear attention goes another way with a cache; a layer that is taken for one of another kind is off by much more.
SAME_CACHED = 1e-3
CHANGED = 1e-2
# Of no account: a layer's own place, how it is run, and a pattern that exaone4 keeps but does not look at.
PLACES = {"layer_idx", "training", "sliding_window_pattern"}


class Failed(Exception):
    """What is wrong with a grown folder, in one line."""


def requests(num_layers: int) -> Iterator[tuple[str, list[str], list[int]]]:
    """Name, arguments, and the source layer of each grown layer."""
    odd, mixed = [0, 1, 1, 2, 3, 3, 2], [num_layers - 1, 0, 2, 2, 1]
    yield "layers 0,1,1,2,3,3,2", ["--layers", "0,1,1,2,3,3,2"], odd
    yield "layers mixed", ["--layers", ",".join(map(str, mixed))], mixed
    yield "stack", ["--operator", "stack", "--factor", "2"], stack_layers(num_layers, 2)
    yield "interleave", ["--operator", "interleave", "--factor", "2"], interleave_layers(num_layers, 2)
    yield "pattern 12-34*2-4", ["--pattern", "12-34*2-4"], pattern_layers("12-34*2-4")
    doubled = ["--num-hidden-layers", str(2 * num_layers)]
    yield "zero", ["--operator", "zero", *doubled], interleave_layers(num_layers, 2)
    yield "zero on top", ["--operator", "zero", *doubled, "--placement", "top"], stack_layers(num_layers, 2)


def open_model(folder: Path) -> PreTrainedModel:
    """Opens a folder in f32 with attention spelt out, and insists that it holds just the model's tensors."""
    model, loading = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
    )
    wrong = {what: sorted(names)[:3] for what, names in loading.items() if names and what != "error_msgs"}
    if wrong:
        raise Failed(f"transformers finds {wrong}")
    return model.eval()


def layer_list(model: PreTrainedModel) -> tuple[nn.Module, nn.ModuleList]:
    """The module that holds the layers, and these."""
    holders = [module for module in model.modules() if isinstance(getattr(module, "layers", None), nn.ModuleList)]
    (holder,) = [module for module in holders if len(module.layers) == model.config.num_hidden_layers]
    return holder, holder.layers


def reordered(source: PreTrainedModel, order: list[int]) -> PreTrainedModel:
    """The source with copies of its layers in another order, and the lists of its configuration in the same."""
    model = copy.deepcopy(source)
    holder, layers = layer_list(model)
    count = len(layers)
    holder.layers = nn.ModuleList(copy.deepcopy(layers[index]) for index in order)
    for place, layer in enumerate(holder.layers):
        for module in layer.modules():
            if hasattr(module, "layer_idx"):
                module.layer_idx = place
    configs = {id(module.config): module.config for module in model.modules() if hasattr(module, "config")}
    for config in configs.values():
        for key, value in list(vars(config).items()):
            if isinstance(value, list) and len(value) == count and key.endswith(("_types", "_type", "rope_layers")):
                setattr(config, key, [value[index] for index in order])
        config.num_hidden_layers = len(order)
    return model


def silence(model: PreTrainedModel, places: list[int]) -> None:
    """Zeroes what these layers' attention and feed-forward networks end in."""
    layers = layer_list(model)[1]
    with torch.no_grad():
        for place in places:
            for name, parameter in layers[place].named_parameters():
                if name.removesuffix(".weight").endswith(("o_proj", "down_proj")):
                    parameter.zero_()


def logits(model: PreTrainedModel) -> torch.Tensor:
    with torch.no_grad():
        return model(TOKENS, use_cache=False).logits


def cached_logits(model: PreTrainedModel) -> torch.Tensor:
    """The first half in one go, the rest token by token on its cache."""
    half = TOKENS.shape[1] // 2
    with torch.no_grad():
        first = model(TOKENS[:, :half], use_cache=True)
        rest = [first.logits]
        for token in TOKENS[:, half:].T:
            rest.append(model(token[:, None], past_key_values=first.past_key_values, use_cache=True).logits)
    return torch.cat(rest, 1)


def difference(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """The largest difference, as a part of the largest logit."""
    return ((ours - theirs).abs().max() / theirs.abs().max()).item()


def settings(layer: nn.Module) -> dict[str, Any]:
    """The numbers, words and switches that a layer's modules hold, by path."""
    plain = (bool, int, float, str, type(None))
    return {
        f"{path}.{key}": value
        for path, module in layer.named_modules()
        for key, value in vars(module).items()
        if isinstance(value, plain) and key not in PLACES and not key.startswith("_")
    }


def compare_layers(grown: PreTrainedModel, source: PreTrainedModel, order: list[int]) -> None:
    ours, theirs = layer_list(grown)[1], layer_list(source)[1]
    for place, index in enumerate(order):
        mine, its = settings(ours[place]), settings(theirs[index])
        wrong = [key for key in mine.keys() | its.keys() if mine.get(key) != its.get(key)]
        if wrong:
            key = sorted(wrong)[0]
            raise Failed(f"layer {place} has {key} = {mine.get(key)}, layer {index} of the source {its.get(key)}")


def compare_tensors(grown: PreTrainedModel, reference: PreTrainedModel) -> None:
    ours, theirs = grown.state_dict(), reference.state_dict()
    if ours.keys() != theirs.keys():
        raise Failed(f"tensors {sorted(ours.keys() ^ theirs.keys())[:3]} are in one model only")
    wrong = [name for name in ours if not torch.equal(ours[name], theirs[name])]
    if wrong:
        raise Failed(f"tensor {wrong[0]} is not its source's, and {len(wrong) - 1} more")


def naive_is_right(source_folder: Path, reference: PreTrainedModel, work: Path) -> bool:
    """Whether config.json with another depth, and nothing else changed, would give the reference."""
    raw = json.loads((source_folder / "config.json").read_text())
    raw["num_hidden_layers"] = reference.config.num_hidden_layers
    work.mkdir(exist_ok=True)
    (work / "config.json").write_text(json.dumps(raw))
    try:
        config = AutoConfig.from_pretrained(work)
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32, attn_implementation="eager").eval()
        model.load_state_dict(reference.state_dict())
        return difference(logits(model), logits(reference)) < SAME
    except Exception:
        return False


def check(decoder: Decoder, binary: Path, source_folder: Path, folder: Path, request: tuple) -> str:
    """Runs one case; gives what its line says."""
    name, arguments, order = request
    is_zero = name.startswith("zero")
    ran = subprocess.run([binary, "grow", source_folder, folder, *arguments], capture_output=True, text=True)
    source = open_model(source_folder)
    before = logits(source)
    reference = reordered(source, order)
    wanted = decoder.refused.get(name) or decoder.refused.get(name.split()[0])
    if ran.returncode:
        line = ran.stderr.strip()
        if folder.exists():
            raise Failed("was refused, but the folder is there")
        if not wanted or wanted not in line or "\n" in line:
            raise Failed(f"refused: {line}")
        if is_zero:
            return f"refused    {line}"
        needless = naive_is_right(source_folder, reference, folder.with_name("naive"))
        return f"refused{', needless' if needless else ''}    {line}"
    if wanted:
        raise Failed(f"is not refused, but should be: {wanted}")
    if is_zero:
        seen: set[int] = set()
        silence(reference, [place for place, index in enumerate(order) if index in seen or seen.add(index)])
    grown = open_model(folder)
    compare_layers(grown, source, order)
    compare_tensors(grown, reference)
    ours = logits(grown)
    apart = difference(ours, logits(reference))
    if not apart < SAME:
        raise Failed(f"logits differ from the reference's by {apart:.1e}")
    changed = difference(ours, before)
    if is_zero != (changed < SAME) or not (is_zero or changed > CHANGED):
        raise Failed(f"logits changed by {changed:.1e}, although the function is{'' if is_zero else ' not'} preserved")
    cached = difference(cached_logits(grown), ours)
    if not cached < SAME_CACHED:
        raise Failed(f"with a cache logits differ by {cached:.1e}")
    return f"equal {apart:.0e}  changed {changed:.0e}  cached {cached:.0e}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("outgrow", type=Path, metavar="OUTGROW", help="the program, such as target/release/outgrow")
    parser.add_argument("--only", nargs="+", default=[""], metavar="WORD", help="cases whose line has one of the words")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="work in this folder and leave it there")
    options = parser.parse_args()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(1)

    total = failures = 0
    with tempfile.TemporaryDirectory() as temporary:
        work = options.keep or Path(temporary)
        for number, decoder in enumerate(DECODERS):
            cases = list(requests((COMMON | decoder.settings)["num_hidden_layers"]))
            cases = [case for case in cases if any(word in f"{decoder.name} {case[0]}" for word in options.only)]
            source = work / f"source-{number:02}"
            if cases:
                decoder.write(source)
            for index, case in enumerate(cases):
                label, folder = f"{decoder.name:29} {case[0]:21}", work / f"{number:02}-{index}"
                total += 1
                try:
                    print("ok  ", label, check(decoder, options.outgrow, source, folder, case), flush=True)
                except Failed as failure:
                    failures += 1
                    print("FAIL", label, failure, flush=True)
    print(f"{total} cases, {failures} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
