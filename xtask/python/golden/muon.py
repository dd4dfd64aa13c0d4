"""Makes the golden files of optimizers: fifty steps of AdamW, and of Muon with AdamW for the rest.

crates/outgrow-train/tests/golden/muon: config.json and model.safetensors (the start), settings.json (what each case is
told), expected.safetensors (tokens; losses and norms; some final parameters).

PyTorch's Muon iterates in bf16 whatever the gradient is. Most cases have its iteration in f32 instead, so that what is
compared is the algorithm; `as-released` has PyTorch's own.
"""

import contextlib
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy
import torch
from torch.optim import _muon
from transformers import LlamaConfig

from golden.optimization import GOLDEN as OPTIMIZER, TOKENS_PER_STEP, VOCAB_SIZE, predictable_tokens
from models.tiny_llama import (
    compute_reproducibly,
    empty_folder,
    mean_cross_entropy,
    open_model,
    write_expected,
    write_random_model,
)

GOLDEN = OPTIMIZER / "muon"
STEPS, WARMUP = 50, 5
WEIGHT_STD = 0.15
SEED = 21
CLIP = 1.5
ADAMW = {"betas": (0.9, 0.95), "eps": 1e-8, "weight_decay": 0.1}
FINAL_CASE = "match-rms-adamw"
# A square matrix, an oblong one either way, and a parameter that stays AdamW's.
FINAL = [
    "model.layers.0.self_attn.q_proj.weight",
    "model.layers.0.mlp.up_proj.weight",
    "model.layers.1.mlp.down_proj.weight",
    "model.layers.1.input_layernorm.weight",
]


@dataclass(frozen=True)
class Muon:
    """Its settings by PyTorch's names, but for the ratio to AdamW's learning rate."""

    adjust_lr_fn: str = "match_rms_adamw"
    momentum: float = 0.95
    nesterov: bool = True
    ns_steps: int = 5
    weight_decay: float = 0.1
    learning_rate_ratio: float = 1.0


@dataclass(frozen=True)
class Case:
    """A run; without `muon` it is AdamW's alone."""

    name: str
    peak: float = 0.02
    muon: Muon | None = None
    iterates_in_f32: bool = True

    def learning_rate(self, step: int) -> float:
        """Linear from 0, then a cosine to a tenth; a step has the rate of the tokens that it ends with."""
        if step < WARMUP:
            return self.peak * step / WARMUP
        minimum = self.peak / 10
        return minimum + 0.5 * (self.peak - minimum) * (1 + math.cos(math.pi * (step - WARMUP) / (STEPS - WARMUP)))


CASES = [
    Case("adamw"),
    Case("match-rms-adamw", muon=Muon()),
    Case("as-released", muon=Muon(), iterates_in_f32=False),
    Case("original", muon=Muon("original", learning_rate_ratio=0.7)),
    Case("spectral-unclamped", muon=Muon("spectral_unclamped", weight_decay=0.3)),
    Case("plain-momentum", muon=Muon(momentum=0.9, nesterov=False, ns_steps=4)),
]


def orthogonalized(gradient: torch.Tensor, coefficients: tuple[float, ...], steps: int, eps: float) -> torch.Tensor:
    """The iteration in the gradient's own type."""
    first, third, fifth = coefficients
    is_tall = gradient.size(0) > gradient.size(1)
    matrix = gradient.T if is_tall else gradient
    matrix = matrix / matrix.norm().clamp(min=eps)
    for _ in range(steps):
        gram = matrix @ matrix.T
        matrix = first * matrix + (third * gram + fifth * gram @ gram) @ matrix
    return matrix.T if is_tall else matrix


@contextlib.contextmanager
def iterating_in_f32(enabled: bool) -> Iterator[None]:
    """PyTorch's Muon with this iteration instead of its own."""
    own = _muon._zeropower_via_newtonschulz
    if enabled:
        _muon._zeropower_via_newtonschulz = orthogonalized
    try:
        yield
    finally:
        _muon._zeropower_via_newtonschulz = own


def is_matrix_of_a_layer(name: str) -> bool:
    return ".layers." in name and name.endswith("_proj.weight")


def optimizers(case: Case, parameters: dict[str, torch.nn.Parameter]) -> list[tuple[torch.optim.Optimizer, float]]:
    """Each with what the learning rate is multiplied by."""
    if case.muon is None:
        return [(torch.optim.AdamW(parameters.values(), **ADAMW), 1.0)]
    settings = asdict(case.muon)
    ratio = settings.pop("learning_rate_ratio")
    matrices = [parameter for name, parameter in parameters.items() if is_matrix_of_a_layer(name)]
    others = [parameter for name, parameter in parameters.items() if not is_matrix_of_a_layer(name)]
    return [(torch.optim.AdamW(others, **ADAMW), 1.0), (torch.optim.Muon(matrices, **settings), ratio)]


def train(folder: Path, case: Case, tokens: torch.Tensor) -> dict[str, torch.Tensor]:
    """Takes all steps, and returns what each saw before its update."""
    model = open_model(folder)
    parameters = dict(model.named_parameters())
    chosen = optimizers(case, parameters)
    losses, norms = [], []
    for step, batch in enumerate(tokens, 1):
        loss = mean_cross_entropy(model(input_ids=batch[:, :-1]).logits, batch[:, 1:])
        model.zero_grad()
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(parameters.values(), CLIP))
        for optimizer, ratio in chosen:
            for group in optimizer.param_groups:
                group["lr"] = case.learning_rate(step) * ratio
            with iterating_in_f32(case.iterates_in_f32):
                optimizer.step()
        losses.append(loss.detach())
    clipped = sum(norm > CLIP for norm in norms)
    assert 5 <= clipped <= STEPS - 5, f"{case.name}: clip {CLIP} acts on {clipped} of {STEPS} steps"
    seen = {f"losses.{case.name}": torch.stack(losses), f"gradient_norms.{case.name}": torch.stack(norms)}
    return seen | {f"final.{name}": parameters[name] for name in FINAL if case.name == FINAL_CASE}


def main() -> None:
    compute_reproducibly()
    random = numpy.random.default_rng(SEED)
    config = LlamaConfig(
        vocab_size=VOCAB_SIZE,
        hidden_size=16,
        intermediate_size=40,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=8,
    )
    write_random_model(empty_folder(GOLDEN), config, random, WEIGHT_STD)
    tokens = predictable_tokens(random, STEPS)
    expected = {"tokens": tokens.to(torch.uint8)}
    for case in CASES:
        expected |= train(GOLDEN, case, tokens)
        losses = expected[f"losses.{case.name}"]
        print(f"{case.name}: {losses[0]:.3f} to {losses[-1]:.3f}")
    settings = {
        "weight_decay": ADAMW["weight_decay"],
        "betas": ADAMW["betas"],
        "epsilon": ADAMW["eps"],
        "clip": CLIP,
        "warmup_tokens": WARMUP * TOKENS_PER_STEP,
        "horizon_tokens": STEPS * TOKENS_PER_STEP,
        "cases": {case.name: asdict(case) for case in CASES},
    }
    (GOLDEN / "settings.json").write_text(json.dumps(settings, indent=2) + "\n")
    write_expected(GOLDEN, expected)


if __name__ == "__main__":
    main()
