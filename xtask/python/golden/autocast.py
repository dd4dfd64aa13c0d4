"""Makes autocast.json of the decoder: how far PyTorch's gradients in bf16 are from those in f32.

`torch.autocast` on the CPU, its fused attention, weights and residuals in f32: what a step in bf16 here is held to.
"""

import json

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, PreTrainedModel

from golden import decoder
from models.tiny_llama import compute_reproducibly, mean_cross_entropy


def errors(model: PreTrainedModel, expected: dict[str, torch.Tensor]) -> dict[str, float]:
    """‖g − g_f32‖ / ‖g_f32‖ over all gradients together, and the largest such quotient of one parameter."""
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(input_ids=expected["inputs"]).logits
    loss = mean_cross_entropy(logits.float(), expected["targets"])
    loss.backward()
    pairs = [(parameter.grad, expected[f"gradients.{name}"]) for name, parameter in model.named_parameters()]
    norms = [((found - exact).norm().item(), exact.norm().item()) for found, exact in pairs]
    together = [sum(norm**2 for norm in column) ** 0.5 for column in zip(*norms)]
    return {
        "gradient_error": round(together[0] / together[1], 6),
        "largest_gradient_error": round(max(error / norm for error, norm in norms), 6),
    }


def main() -> None:
    compute_reproducibly()
    for case in decoder.CASES:
        folder = decoder.GOLDEN / case.name
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="sdpa")
        found = errors(model, load_file(folder / "expected.safetensors"))
        (folder / "autocast.json").write_text(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
