"""A checkpoint folder as transformers opens it: what is in it and, on token shards, its loss.

    cargo xtask compare checkpoint MODEL_FOLDER [--shards FOLDER --sequences N --sequence-length S] [--device cpu]

Window i is tokens[i*S : i*S+S+1] of the shards in their order, unshuffled: S inputs and the S tokens that follow them.
The loss is the mean over all targets, in nats, computed in f32.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy
import torch
from transformers import AutoModelForCausalLM, PreTrainedModel
from transformers.utils import logging


def open_model(folder: Path) -> PreTrainedModel:
    """Opens a folder in f32 and insists that its tensors are exactly those that the model has."""
    if not (folder / "config.json").is_file():
        sys.exit(f"{folder}: no config.json there; a folder that transformers can open was expected")
    model, report = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    problems = {what: sorted(map(str, found)) for what, found in report.items() if found}
    if problems:
        sys.exit(f"{folder}: the tensors do not fit the model: {problems}")
    return model.eval()


def read_tokens(folder: Path, count: int) -> numpy.ndarray:
    """The first `count` tokens of a folder of shards (manifest.json beside little-endian u16 or u32 files)."""
    if not (folder / "manifest.json").is_file():
        sys.exit(f"{folder}: no manifest.json there; a folder of token shards was expected")
    manifest = json.loads((folder / "manifest.json").read_text())
    if manifest["tokens"] < count:
        sys.exit(f"{folder}: has {manifest['tokens']} tokens, {count} are needed; ask for fewer or shorter sequences")
    dtype = {"u16": numpy.dtype("<u2"), "u32": numpy.dtype("<u4")}[manifest["dtype"]]
    tokens = numpy.empty(0, numpy.int64)
    for shard in manifest["shards"]:
        if tokens.size == count:
            break
        part = numpy.memmap(folder / shard["file"], dtype=dtype, mode="r")
        if part.size != shard["tokens"]:
            sys.exit(f"{folder / shard['file']}: has {part.size} tokens, the manifest says {shard['tokens']}")
        tokens = numpy.concatenate([tokens, part[: count - tokens.size].astype(numpy.int64)])
    return tokens


@torch.inference_mode()
def validation_loss(model: PreTrainedModel, tokens: numpy.ndarray, sequences: int, sequence_length: int) -> float:
    """Mean cross-entropy over the first windows, one at a time; the sum over windows is kept in f64."""
    total = 0.0
    for window in range(sequences):
        start = window * sequence_length
        ids = torch.from_numpy(tokens[start : start + sequence_length + 1]).to(model.device)
        logits = model(input_ids=ids[None, :-1], use_cache=False).logits[0]
        total += torch.nn.functional.cross_entropy(logits.float(), ids[1:]).item()
    return total / sequences


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, metavar="MODEL_FOLDER")
    parser.add_argument("--shards", type=Path, metavar="FOLDER")
    parser.add_argument("--sequences", type=int, metavar="N")
    parser.add_argument("--sequence-length", type=int, metavar="S")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    sizes = (options.sequences, options.sequence_length)
    if options.shards and not all(size and size > 0 for size in sizes):
        parser.error("--shards needs --sequences and --sequence-length, both at least 1")
    if any(sizes) and not options.shards:
        parser.error("--sequences and --sequence-length need --shards")

    logging.disable_progress_bar()
    model = open_model(options.model).to(options.device)
    print(f"parameters {model.num_parameters()}")
    print(f"layers {model.config.num_hidden_layers}")
    if options.shards:
        tokens = read_tokens(options.shards, options.sequences * options.sequence_length + 1)
        if tokens.max() >= model.config.vocab_size:
            sys.exit(f"{options.shards}: token {tokens.max()}, but the model's vocab_size is {model.config.vocab_size}")
        print(f"validation_loss {validation_loss(model, tokens, *sizes):.6f}")


if __name__ == "__main__":
    main()
