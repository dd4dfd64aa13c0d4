"""Growth in width in PyTorch: as depth.py, and from A.3-A.6 of the same paper, bert2BERT (2110.07143), HyperCloning
(2409.12903) and LiGO (2303.00980).

W is [fan-out, fan-in]. New channels and heads follow the old ones.
"""

import copy
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import torch
from transformers import LlamaConfig

from checks.growth.depth import EMBEDDING, FINAL_NORM, FRESH, LAYER, Model


@dataclass
class Sizes:
    """The widths of a model, of which a width operator changes some. `head_dim` never changes."""

    hidden_size: int
    intermediate_size: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int

    @classmethod
    def of(cls, config: LlamaConfig, **changes: int) -> "Sizes":
        names = ("hidden_size", "intermediate_size", "num_attention_heads", "num_key_value_heads")
        head_dim = config.head_dim or config.hidden_size // config.num_attention_heads
        return cls(**{name: changes.get(name, getattr(config, name)) for name in names}, head_dim=head_dim)

    def axis(self, name: str) -> int:
        """The length of an axis: `hidden`, `intermediate`, `queries` or `keys` (rows of k and v)."""
        return {
            "hidden": self.hidden_size,
            "intermediate": self.intermediate_size,
            "queries": self.num_attention_heads * self.head_dim,
            "keys": self.num_key_value_heads * self.head_dim,
        }[name]

    def config(self, config: LlamaConfig) -> LlamaConfig:
        grown = copy.deepcopy(config)
        for name, value in vars(self).items():
            setattr(grown, name, value)
        return grown


# The axes of each tensor: fan-out, fan-in. `vocabulary` never grows.
AXES = {
    "q_proj": ("queries", "hidden"),
    "k_proj": ("keys", "hidden"),
    "v_proj": ("keys", "hidden"),
    "o_proj": ("hidden", "queries"),
    "gate_proj": ("intermediate", "hidden"),
    "up_proj": ("intermediate", "hidden"),
    "down_proj": ("hidden", "intermediate"),
    "lm_head": ("vocabulary", "hidden"),
}


def linear_axes(name: str) -> tuple[str, str] | None:
    """Fan-out and fan-in of a linear layer; none for the embedding and the norms, whose only axis is hidden."""
    return AXES.get(name.split(".")[-2])


def apply_width(model: Model, sizes: Sizes, vector: Callable, matrix: Callable, embedding: Callable) -> Model:
    """Applies one rule to the norms, one to the linear layers, one to the embedding."""

    def grown(name: str, tensor: torch.Tensor) -> torch.Tensor:
        if name == EMBEDDING:
            return embedding(tensor)
        axes = linear_axes(name)
        return vector(name, tensor) if axes is None else matrix(name, tensor, *axes)

    return Model(sizes.config(model.config), {name: grown(name, tensor) for name, tensor in model.tensors.items()})


def index_maps(old: Sizes, new: Sizes) -> dict[str, list[int]]:
    """Which old channel each new one is a copy of: [I I ...], and whole heads with their group for attention.

    Key-value heads that grow alone are copied for a part of their queries each, which keep their order.
    """
    old_in_group = old.num_attention_heads // old.num_key_value_heads
    new_in_group = new.num_attention_heads // new.num_key_value_heads
    if new_in_group < old_in_group:
        parts = new.num_key_value_heads // old.num_key_value_heads
        groups = [index // parts for index in range(new.num_key_value_heads)]
        heads = list(range(new.num_attention_heads))
    else:
        groups = [index % old.num_key_value_heads for index in range(new.num_key_value_heads)]
        heads = [group * old_in_group + index % old_in_group for group in groups for index in range(new_in_group)]

    def rows(heads: list[int]) -> list[int]:
        return [head * old.head_dim + row for head in heads for row in range(old.head_dim)]

    return {
        "hidden": [index % old.hidden_size for index in range(new.hidden_size)],
        "intermediate": [index % old.intermediate_size for index in range(new.intermediate_size)],
        "queries": rows(heads),
        "keys": rows(groups),
    }


def fan_in_weights(indices: list[int], share: float) -> torch.Tensor:
    """The weight of each copy, 1 over the copies of a channel: even, or `share` to the first of several."""
    counts, seen, weights = Counter(indices), set(), []
    for index in indices:
        count = counts[index]
        first = index not in seen
        seen.add(index)
        if count == 1:
            weights.append(1.0)
        elif share == 0.5:
            weights.append(1.0 / count)
        else:
            weights.append(share if first else (1.0 - share) / (count - 1))
    return torch.tensor(weights, dtype=torch.float64)


def split(model: Model, share: float = 0.5, **changes: int) -> Model:
    """G_direct in width: W' = L W R, fan-out rows duplicated, fan-in columns split with alpha + beta = I (A.3).

    The embedding and the norm weights are copied. A tied head can't split its fan-in, so that the final norm does.
    """
    old, new = Sizes.of(model.config), Sizes.of(model.config, **changes)
    maps = index_maps(old, new)
    tied = model.config.tie_word_embeddings

    def vector(name: str, tensor: torch.Tensor) -> torch.Tensor:
        copied = tensor[maps["hidden"]]
        if tied and name == FINAL_NORM:
            copied = (copied.double() * fan_in_weights(maps["hidden"], 0.5)).float()
        return copied

    def matrix(_: str, tensor: torch.Tensor, fan_out: str, fan_in: str) -> torch.Tensor:
        rows = tensor if fan_out == "vocabulary" else tensor[maps[fan_out]]
        return (rows[:, maps[fan_in]].double() * fan_in_weights(maps[fan_in], share)).float()

    return apply_width(model, new, vector, matrix, lambda table: table[:, maps["hidden"]])


def hyperclone(model: Model, factor: int) -> Model:
    """HyperCloning: every width n times, [[W/n, W/n], [W/n, W/n]]."""
    old = Sizes.of(model.config)
    names = ("hidden_size", "intermediate_size", "num_attention_heads", "num_key_value_heads")
    new = Sizes.of(model.config, **{name: getattr(old, name) * factor for name in names})

    def vector(name: str, tensor: torch.Tensor) -> torch.Tensor:
        tied = model.config.tie_word_embeddings and name == FINAL_NORM
        return tensor.repeat(factor) / (factor if tied else 1)

    def matrix(_: str, tensor: torch.Tensor, fan_out: str, __: str) -> torch.Tensor:
        return (tensor / factor).repeat(1 if fan_out == "vocabulary" else factor, factor)

    return apply_width(model, new, vector, matrix, lambda table: table.repeat(1, factor))


def aki(model: Model, **changes: int) -> Model:
    """bert2BERT's advanced knowledge initialization: as `split`, but new fan-out rows are the next layer's."""
    grown = split(model, **changes)
    old, new = Sizes.of(model.config), Sizes.of(model.config, **changes)
    tensors = dict(grown.tensors)
    for name, tensor in grown.tensors.items():
        match = LAYER.match(name)
        if not match or linear_axes(name) is None:
            continue
        following = grown.tensors[f"model.layers.{min(int(match[1]) + 1, model.num_layers - 1)}.{match[2]}"]
        tensors[name] = torch.where(is_new(old, new, linear_axes(name)[0])[:, None], following, tensor)
    return Model(grown.config, tensors)


def new_rows(old: Sizes, new: Sizes, axis: str) -> tuple[torch.Tensor, int]:
    """Where on the grown axis the old entries lie, in order, and how long the grown axis is."""
    if axis == "queries":
        old_in_group = old.num_attention_heads // old.num_key_value_heads
        new_in_group = new.num_attention_heads // new.num_key_value_heads
        heads = [g * new_in_group + i for g in range(old.num_key_value_heads) for i in range(old_in_group)]
        places = [head * old.head_dim + row for head in heads for row in range(old.head_dim)]
    else:
        places = list(range(old.axis(axis)))
    return torch.tensor(places), new.axis(axis)


def fresh_width(model: Model, lower_left: float, embedding_value: float, **changes: int) -> Model:
    """[[W, A], [B, C]] with A and C random; B is `lower_left`, new embedding columns are `embedding_value`.

    Norms are [sqrt(d/D) gamma, random]. The mean of squares is over D channels of which D - d are zero, so that epsilon
    shrinks by d/D with it.
    """
    old, new = Sizes.of(model.config), Sizes.of(model.config, **changes)
    ratio = old.hidden_size / new.hidden_size

    def vector(_: str, tensor: torch.Tensor) -> torch.Tensor:
        grown = torch.full((new.hidden_size,), FRESH)
        grown[: old.hidden_size] = (tensor.double() * math.sqrt(ratio)).float()
        return grown

    def matrix(_: str, tensor: torch.Tensor, fan_out: str, fan_in: str) -> torch.Tensor:
        places, length = new_rows(old, new, fan_in)
        columns = torch.full((tensor.shape[0], length), FRESH)
        columns[:, places] = tensor
        if fan_out == "vocabulary":
            return columns
        rows, height = new_rows(old, new, fan_out)
        grown = torch.full((height, length), FRESH)
        grown[:, places] = lower_left
        grown[rows] = columns
        return grown

    def embedding(table: torch.Tensor) -> torch.Tensor:
        grown = torch.full((table.shape[0], new.hidden_size), embedding_value)
        grown[:, : old.hidden_size] = table
        return grown

    grown = apply_width(model, new, vector, matrix, embedding)
    grown.config.rms_norm_eps = model.config.rms_norm_eps * ratio
    return grown


def zero_width(model: Model, **changes: int) -> Model:
    """G_zero in width: the fan-out of what is new is zero: E' = [E, O], W' = [[W, A], [O, C]] (A.4).

    Two cases that the paper, which grows everything at once, doesn't have; there what reads the new is zero instead:
    without new channels no C would ever wake new heads and neurons up, and new queries on old keys and values put out
    the mean of the values even when they are zero.
    """
    old, new = Sizes.of(model.config), Sizes.of(model.config, **changes)
    grown = fresh_width(model, 0.0, 0.0, **changes)
    asleep = new.hidden_size == old.hidden_size
    silenced = {"intermediate"} if asleep else set()
    if asleep or new.num_key_value_heads == old.num_key_value_heads:
        silenced.add("queries")
    for name, tensor in grown.tensors.items():
        axes = linear_axes(name)
        if axes is None:
            continue
        fan_out, fan_in = axes
        if fan_in in silenced:
            tensor[:, is_new(old, new, fan_in)] = 0.0
        if fan_out in silenced or (asleep and fan_out == "keys"):
            tensor[is_new(old, new, fan_out)] = FRESH
    return grown


def random_width(model: Model, **changes: int) -> Model:
    """G_random in width: all that is new is random, and exact while it is masked (A.5)."""
    return fresh_width(model, FRESH, FRESH, **changes)


def is_new(old: Sizes, new: Sizes, axis: str) -> torch.Tensor:
    """Which entries of the grown axis are new."""
    places, length = new_rows(old, new, axis)
    mask = torch.ones(length, dtype=torch.bool)
    mask[places] = False
    return mask


def masked(grown: Model, source: Model) -> Model:
    """A grown model at mask c = [1_d, 0]: what is new puts out nothing, so that its fan-out rows can stand as zeros.

    A new head is masked where it puts out, which is o_proj's fan-in: it could read old keys and values.
    """
    old, new = Sizes.of(source.config), Sizes.of(grown.config)
    tensors = {name: tensor.clone() for name, tensor in grown.tensors.items()}
    for name, tensor in tensors.items():
        axes = linear_axes(name)
        if name == EMBEDDING:
            tensor[:, is_new(old, new, "hidden")] = 0.0
        elif axes is not None and axes[0] != "vocabulary":
            tensor[is_new(old, new, axes[0])] = 0.0
            if axes[1] == "queries":
                tensor[:, is_new(old, new, "queries")] = 0.0
    return Model(grown.config, tensors)


def by_query(values: torch.Tensor, old: Sizes) -> torch.Tensor:
    """B_V for o_proj's fan-in: of the queries of a group, each has the group's block to itself."""
    group, heads = old.num_attention_heads // old.num_key_value_heads, old.num_key_value_heads
    blocks = values.reshape(-1, old.head_dim, heads, old.head_dim)
    spread = torch.einsum("adbe,qr->aqdbre", blocks, torch.eye(group, dtype=values.dtype))
    return spread.reshape(values.shape[0] * group, values.shape[1] * group)


def learned_width(model: Model, matrices: dict[str, torch.Tensor], **changes: int) -> Model:
    """LiGO in width: W' = B_out W B_in^T, with B_emb, B_Q, B_K, B_V and B_mlp the same for all layers (A.6)."""
    old, new = Sizes.of(model.config), Sizes.of(model.config, **changes)
    wide = {name: matrix.double() for name, matrix in matrices.items()}
    sides = {
        "q_proj": (wide["query"], wide["embedding"]),
        "k_proj": (wide["key"], wide["embedding"]),
        "v_proj": (wide["value"], wide["embedding"]),
        "o_proj": (wide["embedding"], by_query(wide["value"], old)),
        "gate_proj": (wide["feed_forward"], wide["embedding"]),
        "up_proj": (wide["feed_forward"], wide["embedding"]),
        "down_proj": (wide["embedding"], wide["feed_forward"]),
    }

    def vector(_: str, tensor: torch.Tensor) -> torch.Tensor:
        return (wide["embedding"] @ tensor.double()).float()

    def matrix(name: str, tensor: torch.Tensor, _: str, __: str) -> torch.Tensor:
        kind = name.split(".")[-2]
        if kind == "lm_head":
            return embedding(tensor)
        left, right = sides[kind]
        return (left @ tensor.double() @ right.T).float()

    def embedding(table: torch.Tensor) -> torch.Tensor:
        return (table.double() @ wide["embedding"].T).float()

    return apply_width(model, new, vector, matrix, embedding)


def recovered_matrices(source: Model, grown: Model) -> dict[str, torch.Tensor]:
    """The width matrices that made `grown` of `source`, by least squares over all layers at once.

    A tensor that they don't give back was made by others.
    """

    def solve(inputs: torch.Tensor, outputs: torch.Tensor) -> torch.Tensor:
        return torch.linalg.lstsq(inputs.double(), outputs.double()).solution.T

    def of(model: Model, *kinds: str) -> list[torch.Tensor]:
        return [tensor.double() for name, tensor in model.tensors.items() if name.split(".")[-2] in kinds]

    embedding = solve(source.tensors[EMBEDDING], grown.tensors[EMBEDDING])
    matrices = {"embedding": embedding}
    kinds = {"query": ["q_proj"], "key": ["k_proj"], "value": ["v_proj"], "feed_forward": ["gate_proj", "up_proj"]}
    for name, of_kind in kinds.items():
        inputs = torch.cat([tensor @ embedding.T for tensor in of(source, *of_kind)], dim=1)
        matrices[name] = solve(inputs.T, torch.cat(of(grown, *of_kind), dim=1).T)
    return matrices
