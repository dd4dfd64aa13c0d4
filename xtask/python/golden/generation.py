"""Makes generation.json of the decoder: what transformers generates greedily behind prompts."""

import json

import numpy
import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from golden import decoder
from models.tiny_llama import compute_reproducibly

PROMPTS = [[1], [5, 11, 3], list(range(2, 32))]
NEW_TOKENS = 40
# Where the two most probable tokens are closer than this, rounding could choose between them.
LEAST_MARGIN = 1e-4


def generate(model: PreTrainedModel, prompt: list[int]) -> list[int]:
    """The tokens behind the prompt; fails where a choice is too close to be the same in other arithmetic."""
    new_tokens = min(NEW_TOKENS, model.config.max_position_embeddings - len(prompt))
    output = model.generate(
        torch.tensor([prompt]),
        do_sample=False,
        max_new_tokens=new_tokens,
        eos_token_id=None,
        pad_token_id=0,
        output_logits=True,
        return_dict_in_generate=True,
    )
    for logits in output.logits:
        best = numpy.sort(logits[0].numpy())[-2:]
        assert best[1] - best[0] > LEAST_MARGIN, f"a margin of {best[1] - best[0]}: choose another prompt"
    return output.sequences[0, len(prompt) :].tolist()


def main() -> None:
    compute_reproducibly()
    for case in decoder.CASES:
        folder = decoder.GOLDEN / case.name
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        texts = [{"prompt": prompt, "generated": generate(model, prompt)} for prompt in PROMPTS]
        (folder / "generation.json").write_text(json.dumps(texts) + "\n")


if __name__ == "__main__":
    main()
