"""Tiny random models of LLaMA's kind, their folders, and the files of expected values beside them.

Weights and token ids come from numpy's generator, whose stream does not depend on the machine; torch only computes.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy
import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, PreTrainedConfig, PreTrainedModel
from transformers.utils import logging

REPOSITORY = Path(__file__).resolve().parents[3]


def compute_reproducibly() -> None:
    """One thread and deterministic kernels: the same sums in the same order each time. No progress bars either."""
    logging.disable_progress_bar()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)


def empty_folder(folder: Path) -> Path:
    """Makes `folder` anew, so that no file of an earlier run stays in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def write_random_model(folder: Path, config: PreTrainedConfig, random: numpy.random.Generator, std: float) -> None:
    """Writes config.json and model.safetensors as `save_pretrained` does, with weights drawn from `random`.

    Matrices are normal with deviation `std`; norm weights are spread around one and biases are as large as what they
    are added to, so that a forgotten one shows.
    """
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = random.standard_normal(tuple(parameter.shape), dtype=numpy.float32)
            if name.endswith("norm.weight"):
                values = 1.0 + 0.2 * noise
            else:
                values = (0.5 if name.endswith(".bias") else std) * noise
            parameter.copy_(torch.from_numpy(values.astype(numpy.float32)))
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)  # sampling defaults, nothing of the model


def spell_config_as_before_version_5(folder: Path) -> None:
    """Rewrites config.json to the keys of transformers 4: `rope_theta`, `rope_scaling`, `torch_dtype`."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    rope = config.pop("rope_parameters")
    config["rope_theta"] = rope.pop("rope_theta")
    config["rope_scaling"] = None if rope["rope_type"] == "default" else rope
    config["torch_dtype"] = config.pop("dtype")
    config["transformers_version"] = "4.57.0"
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def open_model(folder: Path) -> PreTrainedModel:
    """Opens a folder in f32 with attention spelt out (no fused kernel)."""
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")


def mean_cross_entropy(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean over all tokens, in nats: logits [sequences, tokens, vocabulary], targets [sequences, tokens]."""
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())


def write_expected(folder: Path, tensors: Mapping[str, torch.Tensor]) -> None:
    """Writes `expected.safetensors` beside the model."""
    save_file({name: tensor.detach().contiguous() for name, tensor in tensors.items()}, folder / "expected.safetensors")
