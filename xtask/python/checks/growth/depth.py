"""Growth in depth in PyTorch, for models held as a config and tensors by name; and the noise on any growth.

Written from the papers (arXiv 2405.15319 appendix A.1-A.6 and I.2; LiGO 2303.00980; MIDAS 2409.19044; LIDAS 2512.08819;
SOLAR 2312.15166; LLaMA Pro 2401.02415) and never from this project's Rust: a second opinion, not a translation. An
entry that an operator draws at random is NaN here; whoever compares looks at those apart. New layers follow the old
ones.
"""

import copy
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import LlamaConfig

LAYER = re.compile(r"^model\.layers\.(\d+)\.(.+)$")
EMBEDDING, FINAL_NORM, HEAD = "model.embed_tokens.weight", "model.norm.weight", "lm_head.weight"
FRESH = math.nan


@dataclass
class Model:
    """A LLaMA model: its config and its tensors in f32 by Hugging Face's names, without a head that is tied."""

    config: LlamaConfig
    tensors: dict[str, torch.Tensor]

    @property
    def num_layers(self) -> int:
        return self.config.num_hidden_layers

    def layer(self, index: int) -> dict[str, torch.Tensor]:
        """One layer's tensors, by their names within it."""
        prefix = f"model.layers.{index}."
        return {name.removeprefix(prefix): tensor for name, tensor in self.tensors.items() if name.startswith(prefix)}

    def with_layers(self, layers: Sequence[dict[str, torch.Tensor]]) -> "Model":
        """The same embedding, final norm and head around other layers."""
        tensors = {name: tensor for name, tensor in self.tensors.items() if not LAYER.match(name)}
        for index, layer in enumerate(layers):
            tensors |= {f"model.layers.{index}.{name}": tensor for name, tensor in layer.items()}
        config = copy.deepcopy(self.config)
        config.num_hidden_layers = len(layers)
        return Model(config, tensors)


def copied_layers(model: Model, layers: Sequence[int]) -> Model:
    """Layer i is a copy of the source's layer `layers[i]`; everything else is the source's."""
    return model.with_layers([model.layer(index) for index in layers])


def stack_layers(num_layers: int, factor: int) -> list[int]:
    """G_stack, algorithm 1: the whole model on top of itself, layer i is layer i mod l."""
    layers = list(range(num_layers))
    stacked = layers
    for _ in range(1, factor):
        stacked = stacked + layers
    return stacked


def interleave_layers(num_layers: int, factor: int) -> list[int]:
    """Interpolation: 112233."""
    return [index for index in range(num_layers) for _ in range(factor)]


def pattern_layers(pattern: str) -> list[int]:
    """The paper's notation for partial stacking (table 5): digits are layers from 1, `part*n` is repeated n times."""
    layers = []
    for part in pattern.split("-"):
        digits, _, times = part.partition("*")
        layers += [int(digit) - 1 for digit in digits] * int(times or 1)
    return layers


def middle_layers(num_layers: int, block_layers: int) -> list[int]:
    """MIDAS: a copy of the middle block, the one at ceil(B/2) - 1 of B, right after it."""
    blocks = [list(range(start, start + block_layers)) for start in range(0, num_layers, block_layers)]
    middle = math.ceil(len(blocks) / 2) - 1
    blocks.insert(middle + 1, blocks[middle])
    return sum(blocks, [])


def lidas_layers(num_layers: int, block_layers: int) -> list[int]:
    """LIDAS: between the middle block and the next, the last half of the one and the first half of the other."""
    blocks = [list(range(start, start + block_layers)) for start in range(0, num_layers, block_layers)]
    middle = math.ceil(len(blocks) / 2) - 1
    half = block_layers // 2
    blocks.insert(middle + 1, blocks[middle][-half:] + blocks[middle + 1][:half])
    return sum(blocks, [])


def solar_layers(num_layers: int, drop_layers: int) -> list[int]:
    """SOLAR's depth up-scaling: the model without its last m layers, then the model without its first m."""
    return list(range(num_layers - drop_layers)) + list(range(drop_layers, num_layers))


def last_layers(num_layers: int, target: int) -> list[int]:
    """Gradual stacking: the layers on top once more."""
    return list(range(num_layers)) + list(range(num_layers - (target - num_layers), num_layers))


def identity_layer(layer: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A block that adds nothing to the residual stream: both its output projections are zero."""
    zeroed = {name: torch.zeros_like(layer[name]) for name in ("self_attn.o_proj.weight", "mlp.down_proj.weight")}
    return layer | zeroed


def zero_depth(model: Model, num_layers: int) -> Model:
    """G_zero in depth, interleaved: each layer, then copies of it that are identity blocks (A.1.3)."""
    times = num_layers // model.num_layers
    layers = []
    for index in range(model.num_layers):
        layers += [model.layer(index)] + [identity_layer(model.layer(index))] * (times - 1)
    return model.with_layers(layers)


def llama_pro(model: Model, num_layers: int) -> Model:
    """LLaMA Pro: an identity copy after each group of l / (L - l) layers."""
    group = model.num_layers // (num_layers - model.num_layers)
    layers = []
    for index in range(model.num_layers):
        layers.append(model.layer(index))
        if (index + 1) % group == 0:
            layers.append(identity_layer(model.layer(index)))
    return model.with_layers(layers)


def zero_depth_on_top(model: Model, num_layers: int) -> Model:
    """G_zero in depth on top: the model, then identity copies in the order of a stack."""
    old = [model.layer(index) for index in range(model.num_layers)]
    new = [identity_layer(old[index % model.num_layers]) for index in range(model.num_layers, num_layers)]
    return model.with_layers(old + new)


def random_depth(model: Model, num_layers: int) -> Model:
    """G_random in depth: fresh layers on top (A.5)."""
    fresh = {name: torch.full_like(tensor, FRESH) for name, tensor in model.layer(0).items()}
    old = [model.layer(index) for index in range(model.num_layers)]
    return model.with_layers(old + [fresh] * (num_layers - model.num_layers))


def learned_depth(model: Model, matrices: dict[str, torch.Tensor]) -> Model:
    """LiGO in depth: W'_i = sum_j D[i, j] W_j, with one D [L, l] for each kind of tensor within a layer."""
    old = [model.layer(index) for index in range(model.num_layers)]
    num_layers = next(iter(matrices.values())).shape[0]

    def combined(name: str, index: int) -> torch.Tensor:
        weights = matrices[name][index].double()
        return sum(weights[j] * layer[name].double() for j, layer in enumerate(old)).float()

    return model.with_layers([{name: combined(name, index) for name in old[0]} for index in range(num_layers)])


def noise_std(name: str, config: LlamaConfig) -> float:
    """The deviation of epsilon in (1 - alpha) W + alpha epsilon, equations 53 and 54, with d and l of the grown
    model."""
    if name.endswith(("o_proj.weight", "down_proj.weight")):
        return 1.0 / (math.sqrt(config.hidden_size) * config.num_hidden_layers)
    return math.sqrt(2.0 / (5.0 * config.hidden_size))
