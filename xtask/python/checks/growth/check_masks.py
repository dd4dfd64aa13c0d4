"""`outgrow export` against masks in transformers.

Grows small models with OUTGROW at a mask, and exports them.

    cargo xtask compare masks OUTGROW

The reference never sees what was exported: it is the masked folder, opened by transformers, with hooks that multiply
what new channels, neurons, heads and layers put out by the mask. Where these are copies, what reads the units that they
are copies of, and the norms, make up for them (docs/DESIGN.md). One line a case; the exit status is 1 if one of them
fails.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy
import torch
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.utils import logging

from checks.growth.check_qwen2 import Failed, run
from models.tiny_llama import open_model, write_random_model

TOKENS = torch.randint(0, 60, (2, 17), generator=torch.Generator().manual_seed(7))
SAME = 1e-5
SIZES = dict(hidden_size=32, intermediate_size=40, num_attention_heads=4, num_key_value_heads=2, head_dim=8)
WIDE = ["--hidden-size", "56", "--intermediate-size", "60", "--num-attention-heads", "8"]
ALL_WIDE = [*WIDE, "--num-key-value-heads", "4"]
RANDOM = ["--operator", "random", "--seed", "5"]
CASES = [
    ("everything wider", [*RANDOM, "--axis", "width", *ALL_WIDE]),
    ("queries that join", [*RANDOM, "--axis", "width", "--num-attention-heads", "8"]),
    ("neurons", [*RANDOM, "--axis", "width", "--intermediate-size", "60"]),
    ("layers", [*RANDOM, "--num-hidden-layers", "5"]),
    ("stack", ["--operator", "stack", "--factor", "2"]),
    ("split, unevenly", ["--operator", "split", "--share", "0.3", *ALL_WIDE]),
    ("split into three", ["--operator", "split", "--hidden-size", "96", "--intermediate-size", "80"]),
    ("aki", ["--operator", "aki", *ALL_WIDE]),
]
# At every mask what it is at 0: each channel is copied equally often.
PRESERVED = ("split into three",)


def factors(size: int, ranges: list[list[int]], mask: float) -> torch.Tensor:
    each = torch.ones(size)
    for first, end in ranges:
        each[first:end] = mask
    return each


def read_whole(each: torch.Tensor, shares: list[dict], mask: float) -> torch.Tensor:
    """What reads units that have copies: whole while those put out nothing, and at last the units' share."""
    each = each.clone()
    for share in shares:
        first, end = share["units"]
        each[first:end] *= (1 - mask * (1 - share["share"])) / share["share"]
    return each


def put_on_norms(model: LlamaForCausalLM, copies: dict, mask: float) -> None:
    """Gains and epsilon, as the mean square is over channels that aren't there yet."""
    config = model.config
    mean_square = copies["mean_square"] + mask**2 * (1 - copies["mean_square"])
    gains = torch.full((config.hidden_size,), mean_square).sqrt()
    in_layers = read_whole(gains, copies["hidden_size"], mask)
    at_head = read_whole(gains, copies["tied_head" if config.tie_word_embeddings else "hidden_size"], mask)
    norms = [(model.model.norm, at_head)]
    for layer in model.model.layers:
        norms += [(layer.input_layernorm, in_layers), (layer.post_attention_layernorm, in_layers)]
    for norm, factor in norms:
        norm.variance_epsilon *= mean_square
        norm.register_forward_hook(lambda _, __, out, factor=factor: out * factor)


def put_masks(model: LlamaForCausalLM, state: dict) -> None:
    """Hooks after the embedding, and around what writes the residual stream."""
    config, mask, masked = model.config, state["mask"], state["masked"]
    hidden = factors(config.hidden_size, masked["hidden_size"], mask)
    neurons = factors(config.intermediate_size, masked["intermediate_size"], mask)
    heads = factors(config.num_attention_heads, masked["num_attention_heads"], mask)
    copies = masked.get("copies")
    if copies:
        put_on_norms(model, copies, mask)
        neurons = read_whole(neurons, copies["intermediate_size"], mask)
        heads = read_whole(heads, copies["num_attention_heads"], mask)
    heads = heads.repeat_interleave(config.head_dim)
    layers = factors(config.num_hidden_layers, masked["layers"], mask)
    model.model.embed_tokens.register_forward_hook(lambda _, __, out: out * hidden)
    for layer, factor in zip(model.model.layers, layers, strict=True):
        for module, inner in ((layer.self_attn.o_proj, heads), (layer.mlp.down_proj, neurons)):
            module.register_forward_pre_hook(lambda _, inputs, inner=inner: (inputs[0] * inner,))
            module.register_forward_hook(lambda _, __, out, factor=factor: out * hidden * factor)


def logits(model: LlamaForCausalLM) -> torch.Tensor:
    with torch.no_grad():
        return model(TOKENS).logits


def difference(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    return ((ours - theirs).abs().max() / theirs.abs().max()).item()


def check(binary: Path, source: Path, folder: Path, flags: list[str], mask: float, preserved: bool) -> str:
    run(binary, "grow", source, folder, "--mask", mask, *flags)
    exported = folder.with_name(folder.name + "-exported")
    run(binary, "export", folder, exported)
    reference = open_model(folder)
    unmasked = logits(reference)
    put_masks(reference, json.loads((folder / "training/mask.json").read_text()))
    theirs, ours = logits(reference), logits(open_model(exported))
    apart, open_apart = difference(ours, theirs), difference(ours, unmasked)
    if not apart < SAME:
        raise Failed(f"logits are {apart:.1e} off the masked model's")
    if not (preserved or open_apart > 1e-3):
        raise Failed(f"the mask changes nothing ({open_apart:.1e})")
    from_source = difference(ours, logits(open_model(source)))
    if (mask == 0.0 or preserved) != (from_source < SAME):
        raise Failed(f"logits are {from_source:.1e} off the source's at mask {mask}")
    return f"equal {apart:.0e}  off the open model {open_apart:.0e}  off the source {from_source:.0e}"


def main() -> None:
    binary = Path(sys.argv[1])
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(1)
    failures = 0
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        for tied in (False, True):
            source = work / f"source-{tied}"
            config = LlamaConfig(
                vocab_size=97, num_hidden_layers=3, rms_norm_eps=0.01, tie_word_embeddings=tied, **SIZES
            )
            write_random_model(source, config, numpy.random.default_rng(1), std=0.15)
            for index, (name, flags) in enumerate(CASES):
                for mask in (0.0, 0.3):
                    label = f"{'tied' if tied else 'untied':7}{name:20}mask {mask}"
                    try:
                        said = check(
                            binary, source, work / f"{tied}-{index}-{mask}", flags, mask, name in PRESERVED
                        )
                        print("ok  ", label, said, flush=True)
                    except Failed as failure:
                        failures += 1
                        print("FAIL", label, failure, flush=True)
    print(f"{failures} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
