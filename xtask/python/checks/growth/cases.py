"""The cases of check_operators.py: small random models, and what `outgrow grow` is asked to make of each.

A case names the operator's promise itself: whether the function is preserved, and how what it draws is spread.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy
import torch
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

from checks.growth import depth, width
from checks.growth.depth import EMBEDDING, Model, noise_std
from models.tiny_llama import write_random_model

# Six layers, for the paper's patterns. An epsilon that matters, so that one which is not scaled along shows.
COMMON = {
    "vocab_size": 97,
    "num_hidden_layers": 6,
    "max_position_embeddings": 64,
    "rms_norm_eps": 0.01,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
SIZES = {
    "mha-untied": dict(hidden_size=48, intermediate_size=80, num_attention_heads=4, num_key_value_heads=4),
    "gqa-tied": dict(
        hidden_size=48, intermediate_size=72, num_attention_heads=6, num_key_value_heads=2, tie_word_embeddings=True
    ),
    "own-head-dim": dict(
        hidden_size=40, intermediate_size=64, num_attention_heads=4, num_key_value_heads=2, head_dim=16
    ),
    "bf16-sharded": dict(hidden_size=64, intermediate_size=96, num_attention_heads=4, num_key_value_heads=2),
}
DOUBLED = {
    name: [(size, 2 * sizes[size]) for size in sizes if size.endswith("size") or size.endswith("heads")]
    for name, sizes in SIZES.items()
}
LAYER_LIST = [0, 1, 0, 1, 2, 5, 5]
SEED = ["--seed", "11"]
# How far a sum of products in f32 may be off, of the tensor's largest value.
SUMS = 2e-6


@dataclass
class Case:
    """One call of the program, and what it has to make.

    `preserves` and `preserves_masked` are the operator's promise; `refused` is for what can't be made. `recovers` takes
    the matrices of a learned growth to `changes` out of the grown model. `slack` is what sums may be off. `noise` is what
    weights and noise are multiplied by.
    """

    source: str
    name: str
    flags: list[str]
    expected: Callable[[Model], Model]
    preserves: bool = False
    preserves_masked: bool = False
    refused: bool = False
    changes: dict[str, int] = field(default_factory=dict)
    recovers: bool = False
    slack: float = 0.0
    noise: tuple[float, float] | None = None
    matrices: dict[str, torch.Tensor] = field(default_factory=dict)
    recipe: str = ""

    def arguments(self, folder: Path) -> list[str]:
        """The flags, with the files that they name written."""
        flags = list(self.flags)
        if self.matrices:
            file = folder / f"matrices-{self.source}-{'-'.join(self.name.split())}.safetensors"
            save_file(self.matrices, file)
            flags += ["--matrices", str(file)]
        if self.recipe:
            file = folder / f"recipe-{self.source}-{'-'.join(self.name.split())}.toml"
            file.write_text(self.recipe)
            flags += ["--recipe", str(file)]
        return flags

    def fresh_stds(self, name: str, config: LlamaConfig) -> list[float]:
        """What the deviation of a drawn matrix may be: the papers' initialisations of it. None is said for norms."""
        if name.endswith("norm.weight"):
            return []
        if self.noise is not None:
            return [noise_std(name, config)]
        sizes = width.Sizes.of(config)
        fan_in = sizes.hidden_size if name == EMBEDDING else sizes.axis(width.linear_axes(name)[1])
        usual = math.sqrt(2.0 / (5.0 * fan_in))
        if name.endswith(("o_proj.weight", "down_proj.weight")):
            # Of the model that they are drawn for, which a later growth of a recipe may make deeper.
            depths = {COMMON["num_hidden_layers"], config.num_hidden_layers}
            return [usual, *(1.0 / (math.sqrt(fan_in) * layers) for layers in depths)]
        return [usual]


def small_models(folder: Path) -> dict[str, Path]:
    """Writes the sources; gives where each lies."""
    folders = {}
    for index, (name, sizes) in enumerate(SIZES.items()):
        config = LlamaConfig(**COMMON, **sizes)
        write_random_model(folder / name, config, numpy.random.default_rng(index), std=0.15)
        folders[name] = folder / name
    store_in_bf16_shards(folders["bf16-sharded"])
    return folders


def store_in_bf16_shards(folder: Path) -> None:
    """Rewrites a folder as bf16 in several shards with an index."""
    model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="150KB")
    (folder / "generation_config.json").unlink(missing_ok=True)


def width_flags(changes: dict[str, int]) -> list[str]:
    """`--hidden-size 96 …`."""
    return [word for name, size in changes.items() for word in ("--" + name.replace("_", "-"), str(size))]


def depth_cases(source: str) -> Iterator[Case]:
    layers = COMMON["num_hidden_layers"]

    def copies(name: str, flags: list[str], list_of_layers: list[int]) -> Case:
        return Case(source, name, flags, partial(depth.copied_layers, layers=list_of_layers))

    for factor in (2, 3):
        word = ["--factor", str(factor)]
        yield copies(f"stack x{factor}", ["--operator", "stack", *word], depth.stack_layers(layers, factor))
        yield copies(
            f"interleave x{factor}", ["--operator", "interleave", *word], depth.interleave_layers(layers, factor)
        )
    yield copies("layers", ["--layers", ",".join(map(str, LAYER_LIST))], LAYER_LIST)
    for pattern in ("12-3456*5-56", "123456*2", "1-234*3-56"):
        yield copies(f"pattern {pattern}", ["--pattern", pattern], depth.pattern_layers(pattern))
    for block in (2, 3):
        flags = ["--operator", "middle", "--block-layers", str(block)]
        yield copies(f"middle of {block}", flags, depth.middle_layers(layers, block))
    yield copies("lidas of 2", ["--operator", "lidas", "--block-layers", "2"], depth.lidas_layers(layers, 2))
    yield copies("solar", ["--operator", "solar", "--drop-layers", "2"], depth.solar_layers(layers, 2))
    yield copies("last", ["--operator", "last", "--num-hidden-layers", "8"], depth.last_layers(layers, 8))

    zero = ["--operator", "zero", "--axis", "depth", "--num-hidden-layers"]
    for target in (12, 18):
        grown = partial(depth.zero_depth, num_layers=target)
        yield Case(source, f"zero to {target} layers", [*zero, str(target)], grown, preserves=True)
    llama_pro = partial(depth.llama_pro, num_layers=8)
    yield Case(source, "zero to 8 layers", [*zero, "8"], llama_pro, preserves=True)
    top = partial(depth.zero_depth_on_top, num_layers=9)
    yield Case(source, "zero on top", [*zero, "9", "--placement", "top"], top, preserves=True)
    flags = ["--operator", "random", "--axis", "depth", "--num-hidden-layers", "9", *SEED]
    yield Case(source, "random depth", flags, partial(depth.random_depth, num_layers=9))


def width_changes(source: str) -> dict[str, dict[str, int]]:
    """Sizes to grow to: everything, one at a time, and a hidden size of which some channels are copied and some
    aren't."""
    sizes, doubled = SIZES[source], dict(DOUBLED[source])
    heads = {name: doubled[name] for name in ("num_attention_heads", "num_key_value_heads")}
    changes = {
        "all x2": doubled,
        "hidden x2": {"hidden_size": doubled["hidden_size"]},
        "hidden x3 ffn x2": {
            "hidden_size": 3 * sizes["hidden_size"],
            "intermediate_size": doubled["intermediate_size"],
        },
        "hidden x1.5": {"hidden_size": sizes["hidden_size"] * 3 // 2},
        "ffn x1.25": {"intermediate_size": sizes["intermediate_size"] * 5 // 4},
        "heads x2": heads,
    }
    if sizes["num_key_value_heads"] < sizes["num_attention_heads"]:
        queries = {"num_attention_heads": doubled["num_attention_heads"]}
        changes |= {
            "query heads x2": queries,
            "hidden and query heads x2": {"hidden_size": doubled["hidden_size"], **queries},
        }
    return changes


def width_cases(source: str) -> Iterator[Case]:
    tied = SIZES[source].get("tie_word_embeddings", False)
    for what, changes in width_changes(source).items():
        flags = ["--axis", "width", *width_flags(changes)]
        evenly = changes.get("hidden_size", 0) % SIZES[source]["hidden_size"] == 0
        split = partial(width.split, **changes)
        yield Case(source, f"split {what}", ["--operator", "split", *flags], split, preserves=evenly)
        if not tied or "hidden_size" not in changes:
            uneven = partial(width.split, share=0.7, **changes)
            flags_of_it = ["--operator", "split", *flags, "--share", "0.7"]
            yield Case(source, f"split {what} share 0.7", flags_of_it, uneven, preserves=evenly)
        zero = partial(width.zero_width, **changes)
        yield Case(source, f"zero {what}", ["--operator", "zero", *flags, *SEED], zero, preserves=True)
        random = partial(width.random_width, **changes)
        words = ["--operator", "random", *flags, *SEED]
        yield Case(source, f"random {what}", words, random, preserves_masked=True)
    changes = width_changes(source)["all x2"]
    aki = partial(width.aki, **changes)
    yield Case(source, "aki all x2", ["--operator", "aki", "--axis", "width", *width_flags(changes)], aki)
    for factor in (2, 3):
        clone = partial(width.hyperclone, factor=factor)
        flags = ["--operator", "hyperclone", "--factor", str(factor)]
        yield Case(source, f"hyperclone x{factor}", flags, clone, preserves=True)


def key_value_cases(source: str) -> Iterator[Case]:
    """More key-value heads under the same queries: copies keep the function, nothing else can."""
    sizes = SIZES[source]
    if sizes["num_key_value_heads"] == sizes["num_attention_heads"]:
        return
    changes = {"num_key_value_heads": sizes["num_attention_heads"]}
    flags = ["--axis", "width", *width_flags(changes)]
    split = partial(width.split, **changes)
    yield Case(source, "split key-value heads only", ["--operator", "split", *flags], split, preserves=True)
    for operator in ("zero", "random"):
        words = ["--operator", operator, *flags, *SEED]
        yield Case(source, f"{operator} key-value heads only", words, split, refused=True)


def learned_cases(source: str) -> Iterator[Case]:
    """LiGO's first matrices, which stack in depth, and matrices that are given."""
    layers, changes = COMMON["num_hidden_layers"], width_changes(source)["all x2"]
    deep = ["--operator", "learned", "--num-hidden-layers"]
    stacked = partial(depth.copied_layers, layers=depth.stack_layers(layers, 2))
    yield Case(source, "learned depth, first matrices", [*deep, "12"], stacked)
    matrices = random_matrices(source, changes, 9)
    kinds = {name.removeprefix("depth."): matrix for name, matrix in matrices.items() if name.startswith("depth.")}
    wide = {name.removeprefix("width."): matrix for name, matrix in matrices.items() if name.startswith("width.")}

    deeper = partial(depth.learned_depth, matrices=kinds)
    wider = partial(width.learned_width, matrices=wide, **changes)

    def chosen(axis: str) -> dict[str, torch.Tensor]:
        return {name: matrix for name, matrix in matrices.items() if name.startswith(axis)}

    yield Case(source, "learned depth, given", [*deep, "9"], deeper, matrices=chosen("depth"), slack=SUMS)
    across = ["--operator", "learned", "--axis", "width", *width_flags(changes)]
    yield Case(source, "learned width, given", across, wider, matrices=chosen("width"), slack=SUMS)
    if not source.startswith("bf16"):  # B can't be solved for to better than the tensors are stored
        yield Case(
            source, "learned width, first matrices", [*across, *SEED], wider, changes=changes, recovers=True, slack=1e-4
        )


def random_matrices(source: str, changes: dict[str, int], num_layers: int) -> dict[str, torch.Tensor]:
    """All matrices of a learned growth, drawn so that the model stays within reach: near stacked identities."""
    generator = torch.Generator().manual_seed(len(source))
    config = LlamaConfig(**COMMON, **SIZES[source])
    old, new = width.Sizes.of(config), width.Sizes.of(config, **changes)
    axes = dict(embedding="hidden", query="queries", key="keys", value="keys", feed_forward="intermediate")

    def drawn(rows: int, columns: int, std: float) -> torch.Tensor:
        identities = torch.eye(columns).repeat(math.ceil(rows / columns), 1)[:rows]
        return identities + std * torch.randn(rows, columns, generator=generator)

    matrices = {f"width.{name}": drawn(new.axis(axis), old.axis(axis), 0.02) for name, axis in axes.items()}
    layer = ["input_layernorm", "post_attention_layernorm"]
    layer += [f"self_attn.{name}_proj" for name in "qkvo"] + [f"mlp.{name}_proj" for name in ("gate", "up", "down")]
    layers = {f"depth.{name}.weight": drawn(num_layers, COMMON["num_hidden_layers"], 0.1) for name in layer}
    return matrices | layers


def noise_cases(source: str) -> Iterator[Case]:
    """Noise on a stack and on a split, and in the form that keeps the variance."""
    layers = COMMON["num_hidden_layers"]
    flags = ["--noise", "0.2", *SEED]
    linear, preserving = (0.8, 0.2), (math.sqrt(0.8), math.sqrt(0.2))
    stacked = partial(depth.copied_layers, layers=depth.stack_layers(layers, 2))
    words = ["--operator", "stack", "--factor", "2", *flags]
    yield Case(source, "stack x2 noise 0.2", words, stacked, noise=linear)
    words = [*words, "--noise-mix", "variance-preserving"]
    yield Case(source, "stack x2 noise 0.2, variance kept", words, stacked, noise=preserving)
    changes = width_changes(source)["all x2"]
    words = ["--operator", "split", "--axis", "width", *width_flags(changes), *flags]
    yield Case(source, "split all x2 noise 0.2", words, partial(width.split, **changes), noise=linear)


def recipe_cases(source: str) -> Iterator[Case]:
    """Several growths in one plan."""
    changes = width_changes(source)["all x2"]
    sizes = ", ".join(f"{name} = {size}" for name, size in changes.items())
    wider = f'[[steps]]\noperator = "split"\nwidth = {{ {sizes} }}\n'
    deeper = '[[steps]]\noperator = "stack"\nfactor = 2\n'
    layers = depth.stack_layers(COMMON["num_hidden_layers"], 2)

    def both(model: Model) -> Model:
        return depth.copied_layers(width.split(model, **changes), layers)

    yield Case(source, "recipe: split, stack", [], both, recipe=wider + deeper)
    yield Case(source, "recipe: stack, split", [], both, recipe=deeper + wider)

    def zeros(model: Model) -> Model:
        return depth.zero_depth(width.zero_width(model, **changes), 12)

    zero_width = f'[[steps]]\noperator = "zero-width"\nwidth = {{ {sizes} }}\nseed = 3\n'
    zero_depth = '[[steps]]\noperator = "zero-depth"\nnum_hidden_layers = 12\n'
    yield Case(source, "recipe: zero width, zero depth", [], zeros, preserves=True, recipe=zero_width + zero_depth)
    noise = '[[steps]]\noperator = "noise"\namount = 0.1\nseed = 3\n'
    yield Case(source, "recipe: split, stack, noise", [], both, noise=(0.9, 0.1), recipe=wider + deeper + noise)


def cases() -> Iterator[Case]:
    """All of them, on each source."""
    for source in SIZES:
        yield from depth_cases(source)
        yield from width_cases(source)
        yield from key_value_cases(source)
        yield from learned_cases(source)
        yield from noise_cases(source)
        yield from recipe_cases(source)
