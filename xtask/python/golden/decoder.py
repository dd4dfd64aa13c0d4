"""Makes golden files of the decoder: logits, loss and all gradients of tiny LLaMAs and a Qwen2.

One folder a case in crates/outgrow-model/tests/golden: config.json, model.safetensors, expected.safetensors.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy
import torch
from transformers import LlamaConfig, PreTrainedConfig, Qwen2Config
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

from models.tiny_llama import (
    REPOSITORY,
    compute_reproducibly,
    empty_folder,
    mean_cross_entropy,
    open_model,
    spell_config_as_before_version_5,
    write_expected,
    write_random_model,
)

GOLDEN = REPOSITORY / "crates" / "outgrow-model" / "tests" / "golden"
VOCAB_SIZE = 37
SEQUENCES = 2
WEIGHT_STD = 0.2


@dataclass(frozen=True)
class Case:
    """One model: what sets it apart from the others, and the length of its two sequences."""

    name: str
    sequence_length: int
    config: dict[str, Any]
    family: type[PreTrainedConfig] = LlamaConfig
    old_spelling: bool = False
    rope: dict[str, Any] = field(default_factory=lambda: {"rope_type": "default", "rope_theta": 10000.0})


CASES = [
    Case(
        "mha-untied",
        sequence_length=13,
        # An epsilon near the mean square of the embeddings: one left out or misplaced is far out of tolerance.
        config=dict(
            hidden_size=16,
            intermediate_size=20,
            num_hidden_layers=2,
            num_attention_heads=4,
            rms_norm_eps=1e-2,
        ),
    ),
    Case(
        "gqa-tied",
        sequence_length=7,
        config=dict(
            hidden_size=24,
            intermediate_size=13,
            num_hidden_layers=2,
            num_attention_heads=6,
            num_key_value_heads=2,
            tie_word_embeddings=True,
        ),
        old_spelling=True,
        rope={"rope_type": "default", "rope_theta": 500.0},
    ),
    Case(
        "own-head-dim",
        sequence_length=7,
        config=dict(
            hidden_size=12,
            intermediate_size=17,
            num_hidden_layers=3,
            num_attention_heads=3,
            num_key_value_heads=1,
            head_dim=6,
            rms_norm_eps=1e-5,
        ),
    ),
    Case(
        "llama3-rope",
        sequence_length=31,
        config=dict(
            hidden_size=16,
            intermediate_size=20,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            tie_word_embeddings=True,
            rms_norm_eps=1e-5,
        ),
        old_spelling=True,
        # Wavelengths 6.3, 19.9, 62.8 and 199 tokens against the bounds 8 and 24: kept, blended, divided, divided.
        rope={
            "rope_type": "llama3",
            "rope_theta": 100.0,
            "factor": 4.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 3.0,
            "original_max_position_embeddings": 24,
        },
    ),
    Case(
        "linear-rope",
        sequence_length=13,
        config=dict(hidden_size=16, intermediate_size=20, num_hidden_layers=2, num_attention_heads=2),
        rope={"rope_type": "linear", "rope_theta": 1000.0, "factor": 2.5},
    ),
    Case(
        "qwen2",
        sequence_length=13,
        family=Qwen2Config,
        # A window that is not used, as its files have it.
        config=dict(
            hidden_size=16,
            intermediate_size=12,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            sliding_window=5,
            tie_word_embeddings=True,
        ),
    ),
    Case(
        "attention-bias",
        sequence_length=7,
        config=dict(
            hidden_size=12,
            intermediate_size=9,
            num_hidden_layers=2,
            num_attention_heads=3,
            num_key_value_heads=1,
            attention_bias=True,
            tie_word_embeddings=True,
        ),
        old_spelling=True,
    ),
    Case(
        "yarn-rope",
        sequence_length=31,
        family=Qwen2Config,
        config=dict(
            hidden_size=16,
            intermediate_size=12,
            num_hidden_layers=1,
            num_attention_heads=2,
            num_key_value_heads=1,
            tie_word_embeddings=True,
        ),
        old_spelling=True,
        # Of four pairs the first is kept, the second blended, the others divided; scores are 1.3 times as large.
        rope={
            "rope_type": "yarn",
            "rope_theta": 100.0,
            "factor": 4.0,
            "original_max_position_embeddings": 24,
        },
    ),
]


def write_case(folder: Path, case: Case, seed: int) -> None:
    """Draws the model and the tokens, lets transformers open the folder, and records what it computes."""
    random = numpy.random.default_rng(seed)
    config = case.family(
        vocab_size=VOCAB_SIZE, max_position_embeddings=96, rope_parameters=dict(case.rope), **case.config
    )
    write_random_model(empty_folder(folder), config, random, WEIGHT_STD)
    if case.old_spelling:
        spell_config_as_before_version_5(folder)

    model = open_model(folder)
    assert model.config.rope_parameters == case.rope, f"{case.name}: opened with {model.config.rope_parameters}"
    if case.rope["rope_type"] in ("llama3", "yarn"):
        assert_every_band_is_hit(config)

    tokens = torch.from_numpy(random.integers(0, VOCAB_SIZE, (SEQUENCES, case.sequence_length + 1)))
    inputs, targets = tokens[:, :-1], tokens[:, 1:]
    logits = model(input_ids=inputs).logits
    loss = mean_cross_entropy(logits, targets)
    loss.backward()
    gradients = {f"gradients.{name}": parameter.grad for name, parameter in model.named_parameters()}
    values = {"inputs": inputs, "targets": targets, "logits": logits, "loss": loss.reshape(1)}
    write_expected(folder, values | gradients)


def assert_every_band_is_hit(config: LlamaConfig) -> None:
    """Such scaling keeps short wavelengths, divides long ones and blends between: a case must have all three."""
    plain, _ = LlamaRotaryEmbedding.compute_default_rope_parameters(config)
    ratios = (plain / LlamaRotaryEmbedding(config).inv_freq).tolist()
    factor = config.rope_parameters["factor"]
    assert 1.0 in ratios and factor in ratios and any(1.0 < ratio < factor for ratio in ratios), ratios


def main() -> None:
    compute_reproducibly()
    for seed, case in enumerate(CASES):
        write_case(GOLDEN / case.name, case, seed)


if __name__ == "__main__":
    main()
