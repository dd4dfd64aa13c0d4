"""Growth in width of a Qwen2, which is a LLaMA with biases, against transformers.

Grows small models with OUTGROW.

    cargo xtask compare qwen2 OUTGROW

For each operator: the grown folder opens with no tensor missing or too many; every bias is what its operator makes of
the source's; logits are the source's where the function is preserved, and measurably others where it isn't. For random
growth the masked folder is exported first, at mask 0. One line a case; the exit status is 1 if one of them fails.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from transformers import Qwen2Config, Qwen2ForCausalLM
from transformers.utils import logging

TOKENS = torch.randint(0, 60, (2, 17), generator=torch.Generator().manual_seed(7))
# Of the largest logit: sums in another order, at most.
SAME = 1e-5
CHANGED = 1e-2
HEAD_DIM = 8
SIZES = dict(hidden_size=32, intermediate_size=40, num_attention_heads=4, num_key_value_heads=2)
WIDE = ["--hidden-size", "64", "--intermediate-size", "60", "--num-attention-heads", "8", "--num-key-value-heads", "4"]
UNEVEN = ["--hidden-size", "48"]
# Operator, flags, whether the function is preserved, and what becomes of the biases.
CASES = [
    ("split", ["--operator", "split", *WIDE], True, "repeated"),
    ("split share 0.7", ["--operator", "split", *WIDE, "--share", "0.7"], True, "repeated"),
    ("split hidden x1.5", ["--operator", "split", *UNEVEN], False, "kept"),
    ("hyperclone", ["--operator", "hyperclone", "--factor", "2"], True, "repeated"),
    ("zero", ["--operator", "zero", "--axis", "width", *WIDE], True, "zeros"),
    ("zero heads", ["--operator", "zero", "--axis", "width", *WIDE[4:]], True, "zeros"),
    ("aki", ["--operator", "aki", *WIDE], False, "above"),
    ("random, exported", ["--operator", "random", "--axis", "width", *WIDE], True, "zeros"),
    ("random depth, exported", ["--operator", "random", "--num-hidden-layers", "4"], True, "kept"),
    ("learned, first matrices", ["--operator", "learned", "--num-hidden-layers", "6"], False, "stacked"),
    ("noise", ["--operator", "hyperclone", "--factor", "2", "--noise", "0.2"], False, "repeated"),
]


class Failed(Exception):
    """What is wrong with a grown folder, in one line."""


def write_source(folder: Path, tied: bool) -> None:
    torch.manual_seed(3)
    config = Qwen2Config(vocab_size=97, num_hidden_layers=3, max_position_embeddings=64, rms_norm_eps=0.01,
                         tie_word_embeddings=tied, **SIZES)  # fmt: skip
    model = Qwen2ForCausalLM(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn_like(parameter)
            parameter.copy_(1.0 + 0.2 * noise if name.endswith("norm.weight") else 0.15 * noise)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)


def open_model(folder: Path) -> Qwen2ForCausalLM:
    model, loading = Qwen2ForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
    )
    wrong = {what: sorted(names)[:3] for what, names in loading.items() if names and what != "error_msgs"}
    if wrong:
        raise Failed(f"transformers finds {wrong}")
    return model.eval()


def logits(model: Qwen2ForCausalLM) -> torch.Tensor:
    with torch.no_grad():
        return model(TOKENS).logits


def biases(model: Qwen2ForCausalLM) -> list[dict[str, torch.Tensor]]:
    return [
        {name: getattr(layer.self_attn, f"{name}_proj").bias.detach() for name in "qkv"} for layer in model.model.layers
    ]


def expected_bias(what: str, source: list[dict[str, torch.Tensor]], layer: int, name: str) -> torch.Tensor:
    own = source[layer % len(source)][name] if layer < len(source) or what == "stacked" else None
    if own is None:  # a fresh layer
        return torch.zeros_like(source[0][name])
    if what in ("kept", "stacked"):
        return own
    if what == "repeated":
        return own.repeat(2)
    if what == "zeros":
        return torch.cat([own, torch.zeros_like(own)])
    above = source[layer + 1][name] if layer + 1 < len(source) else own
    return torch.cat([own, above])


def run(binary: Path, *arguments: object) -> None:
    done = subprocess.run([binary, *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"gave {done.returncode}: {done.stderr.strip()}")


def check(binary: Path, source_folder: Path, folder: Path, case: tuple) -> str:
    name, flags, preserves, what = case
    run(binary, "grow", source_folder, folder, *flags)
    if "exported" in name:
        run(binary, "export", folder, folder.with_name(folder.name + "-exported"))
        folder = folder.with_name(folder.name + "-exported")
    source, grown = open_model(source_folder), open_model(folder)
    before = biases(source)
    for layer, of_layer in enumerate(biases(grown)):
        for kind, bias in of_layer.items():
            if not torch.equal(bias, expected_bias(what, before, layer, kind)):
                raise Failed(f"the bias of {kind} in layer {layer} is not {what}")
    theirs = logits(source)
    apart = ((logits(grown) - theirs).abs().max() / theirs.abs().max()).item()
    if preserves != (apart < SAME) or not (preserves or apart > CHANGED):
        raise Failed(f"logits changed by {apart:.1e}, although the function is{'' if preserves else ' not'} preserved")
    return f"logits changed by {apart:.0e}"


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
            write_source(source, tied)
            for index, case in enumerate(CASES):
                if tied and "share" in case[0]:
                    continue  # what reads a tied head can't be divided unevenly
                label = f"{'tied' if tied else 'untied':7}{case[0]:25}"
                try:
                    print("ok  ", label, check(binary, source, work / f"{tied}-{index}", case), flush=True)
                except Failed as failure:
                    failures += 1
                    print("FAIL", label, failure, flush=True)
    print(f"{failures} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
