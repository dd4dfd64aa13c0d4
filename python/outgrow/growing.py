"""Growing model folders: `outgrow grow`, with its flags as keyword arguments."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Iterable, List, Sequence, TypedDict

from .program import PathLike, run

if TYPE_CHECKING:
    # For type checkers, which bring it along.
    from typing_extensions import Unpack


class GrowthOptions(TypedDict, total=False):
    """How to grow. Each is the flag of `outgrow grow` of that name; `outgrow grow --help` says what they mean."""

    #: stack, interleave, middle, lidas, solar, last, zero, random, learned, split, hyperclone or aki.
    operator: str
    #: depth or width, for operators that can do both.
    axis: str
    #: How many times as large.
    factor: int
    #: The source layer of each new layer, counted from 0, in place of an operator.
    layers: Sequence[int]
    #: Partial stacking, in place of an operator, layers counted from 1: "12-3456*5-56".
    pattern: str
    block_layers: int
    drop_layers: int
    num_hidden_layers: int
    #: Where new layers that are zero stand: interleaved or top.
    placement: str
    hidden_size: int
    intermediate_size: int
    num_attention_heads: int
    num_key_value_heads: int
    #: split: the part of a weight that the first copy of a channel gets.
    share: float
    #: learned: trained matrices, a safetensors file.
    matrices: PathLike
    #: At last, mix so much noise into all matrices.
    noise: float
    #: linear or variance-preserving.
    noise_mix: str
    #: Seeds whatever is drawn.
    seed: int
    #: A file that says how to grow, TOML or mergekit's YAML, in place of all above.
    recipe: PathLike
    #: What becomes of the optimizer's moments: reset, copy, keep-old or scaled.
    moments: str
    #: What of the new parts is let in, 0 to 1.
    mask: float
    #: Tokens over which the mask is to open.
    ramp_tokens: int
    #: Largest size of a shard, such as "5GB".
    shard_size: str


def plan_growth(source: PathLike, target: PathLike, **options: Unpack[GrowthOptions]) -> str:
    """What growing `source` into `target` would make, and what it would take, as text; makes nothing.

    Of a LLaMA-style source, config.json and model.safetensors.index.json are enough. Raises OutgrowError for what
    `grow` would refuse.
    """
    return run("grow", source, target, "--plan", *_flags("plan_growth", options))


def grow(source: PathLike, target: PathLike, **options: Unpack[GrowthOptions]) -> Path:
    """Grows a Hugging Face folder, or a run's last checkpoint, into a larger folder, and returns that.

    transformers opens it as it opened the source. Raises OutgrowError, and leaves nothing behind, where the growth
    doesn't fit the source, or the target is there already.
    """
    run("grow", source, target, *_flags("grow", options))
    return Path(target)


def _flags(function: str, options: GrowthOptions) -> List[str]:
    """Options as the program's flags; one that is None is left out."""
    flags: List[str] = []
    for name, value in options.items():
        if name not in GrowthOptions.__annotations__:
            near = difflib.get_close_matches(name, GrowthOptions.__annotations__, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise TypeError(f"{function}() got an unexpected keyword argument {name!r}{hint}")
        if value is None:
            continue
        if isinstance(value, os.PathLike):
            text = os.fspath(value)
        elif isinstance(value, Iterable) and not isinstance(value, str):
            text = ",".join(str(one) for one in value)
        else:
            text = str(value)
        flags.append(f"--{name.replace('_', '-')}={text}")
    return flags
