"""Makes the optimizer's golden files: twenty AdamW steps with clip, warm-up and cosine.

One folder a variant in crates/outgrow-train/tests/golden: config.json and model.safetensors (the start),
settings.json, expected.safetensors (tokens, losses, norms, learning rates, final weights).
"""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy
import torch
from transformers import LlamaConfig

from models.tiny_llama import (
    REPOSITORY,
    compute_reproducibly,
    empty_folder,
    mean_cross_entropy,
    open_model,
    write_expected,
    write_random_model,
)

GOLDEN = REPOSITORY / "crates" / "outgrow-train" / "tests" / "golden"
STEPS, SEQUENCES, SEQUENCE_LENGTH = 20, 4, 8
TOKENS_PER_STEP = SEQUENCES * SEQUENCE_LENGTH
VOCAB_SIZE = 23
WEIGHT_STD = 0.2
SEED = 20


@dataclass(frozen=True)
class Settings:
    """Everything that a step depends on beside the model and the tokens; written as settings.json."""

    peak: float = 0.02
    minimum: float = 0.002
    warmup_tokens: int = 5 * TOKENS_PER_STEP
    horizon_tokens: int = STEPS * TOKENS_PER_STEP
    weight_decay: float = 0.1
    betas: tuple[float, float] = (0.9, 0.95)
    epsilon: float = 1e-8
    clip: float = 1.75
    decay_norms_and_embedding: bool = True

    def learning_rate(self, tokens: int) -> float:
        """The rate of the step after which `tokens` tokens are seen: linear from 0, then a cosine to the minimum."""
        if tokens < self.warmup_tokens:
            return self.peak * tokens / self.warmup_tokens
        progress = (tokens - self.warmup_tokens) / (self.horizon_tokens - self.warmup_tokens)
        return self.minimum + 0.5 * (self.peak - self.minimum) * (1.0 + math.cos(math.pi * progress))

    def decays(self, name: str) -> bool:
        """Whether weight decay acts on this parameter. The head of an untied model is a matrix like any other."""
        return self.decay_norms_and_embedding or not (name.endswith("norm.weight") or "embed_tokens" in name)


VARIANTS = {"adamw": Settings(), "adamw-norms-excluded": Settings(decay_norms_and_embedding=False)}


def tiny_model() -> LlamaConfig:
    """What is trained."""
    return LlamaConfig(
        vocab_size=VOCAB_SIZE,
        hidden_size=16,
        intermediate_size=12,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=SEQUENCE_LENGTH,
    )


def predictable_tokens(random: numpy.random.Generator, steps: int) -> torch.Tensor:
    """Tokens [steps, sequences, length + 1] that can be learned: each is 3 × the last + 1, one in ten at random."""
    tokens = random.integers(0, VOCAB_SIZE, (steps, SEQUENCES, SEQUENCE_LENGTH + 1))
    surprises = random.random(tokens.shape) < 0.1
    for position in range(1, SEQUENCE_LENGTH + 1):
        expected = (3 * tokens[:, :, position - 1] + 1) % VOCAB_SIZE
        tokens[:, :, position] = numpy.where(surprises[:, :, position], tokens[:, :, position], expected)
    return torch.from_numpy(tokens)


def train(folder: Path, settings: Settings, tokens: torch.Tensor) -> dict[str, torch.Tensor]:
    """Takes one step a batch and returns what each step saw (losses and norms before the update) and the end."""
    model = open_model(folder)
    parameters = dict(model.named_parameters())
    groups = [
        {"params": [p for n, p in parameters.items() if settings.decays(n)], "weight_decay": settings.weight_decay},
        {"params": [p for n, p in parameters.items() if not settings.decays(n)], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW([g for g in groups if g["params"]], betas=settings.betas, eps=settings.epsilon)

    losses, gradient_norms, learning_rates = [], [], []
    for step, batch in enumerate(tokens):
        learning_rates.append(settings.learning_rate((step + 1) * TOKENS_PER_STEP))
        for group in optimizer.param_groups:
            group["lr"] = learning_rates[-1]
        loss = mean_cross_entropy(model(input_ids=batch[:, :-1]).logits, batch[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        gradient_norms.append(torch.nn.utils.clip_grad_norm_(parameters.values(), settings.clip))
        optimizer.step()
        losses.append(loss.detach())

    norms = torch.stack(gradient_norms)
    clipped = int((norms > settings.clip).sum())
    assert 5 <= clipped <= STEPS - 5, f"clip {settings.clip} acts on {clipped} of {STEPS} steps: {norms.tolist()}"
    return {
        "losses": torch.stack(losses),
        "gradient_norms": norms,
        "learning_rates": torch.tensor(learning_rates, dtype=torch.float64),
    } | {f"final.{name}": parameter for name, parameter in parameters.items()}


def write_variant(folder: Path, settings: Settings) -> None:
    """Every variant starts from the same weights and reads the same tokens."""
    random = numpy.random.default_rng(SEED)
    write_random_model(empty_folder(folder), tiny_model(), random, WEIGHT_STD)
    (folder / "settings.json").write_text(json.dumps(asdict(settings), indent=2) + "\n")
    tokens = predictable_tokens(random, STEPS)
    write_expected(folder, {"inputs": tokens[:, :, :-1], "targets": tokens[:, :, 1:]} | train(folder, settings, tokens))


def main() -> None:
    compute_reproducibly()
    for name, settings in VARIANTS.items():
        write_variant(GOLDEN / name, settings)


if __name__ == "__main__":
    main()
