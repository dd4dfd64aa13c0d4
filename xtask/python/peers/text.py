"""A LLaMA folder with random weights, and transformers' greedy text from one: the peer of `outgrow generate`.

    python -m peers.text make FOLDER --tokenizer FILE --hidden N
    python -m peers.text generate FOLDER --prompt TEXT --new-tokens N [--threads N]

`generate` prints one JSON object: the tokens, and the seconds from the first new token to the last.
"""

import argparse
import contextlib
import io
import json
import shutil
import time
from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from transformers.generation.streamers import BaseStreamer


class Clock(BaseStreamer):
    """Notes when each token is there."""

    def __init__(self):
        self.times = []

    def put(self, value):
        self.times.append(time.perf_counter())

    def end(self):
        pass


def make(folder: Path, tokenizer: Path, hidden: int) -> None:
    """About as deep as wide: 6 layers at 256, 12 at 1024."""
    vocabulary = len(PreTrainedTokenizerFast(tokenizer_file=str(tokenizer)))
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=hidden,
        intermediate_size=(hidden * 8 // 3 + 15) // 16 * 16,
        num_hidden_layers=6 if hidden < 512 else 12,
        num_attention_heads=max(hidden // 64, 1),
        num_key_value_heads=max(hidden // 64, 1),
        max_position_embeddings=1024,
        initializer_range=0.05,
        bos_token_id=0,
        eos_token_id=0,
    )
    model = LlamaForCausalLM(config)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    shutil.copyfile(tokenizer, folder / "tokenizer.json")
    first = PreTrainedTokenizerFast(tokenizer_file=str(tokenizer)).convert_ids_to_tokens(0)
    configuration = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": first,
        "eos_token": first,
        "model_max_length": 1024,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(configuration))
    print(json.dumps({"parameters": sum(parameter.numel() for parameter in model.parameters())}))


def generate(folder: Path, prompt: str, new_tokens: int) -> None:
    with contextlib.redirect_stderr(io.StringIO()):
        model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        ids = torch.tensor([PreTrainedTokenizerFast.from_pretrained(folder)(prompt)["input_ids"]])
        flags = {"do_sample": False, "eos_token_id": None, "pad_token_id": 0}
        model.generate(ids, max_new_tokens=4, **flags)
        clock = Clock()
        output = model.generate(ids, max_new_tokens=new_tokens, streamer=clock, **flags)
    # The first call of the streamer is the prompt's.
    seconds = clock.times[-1] - clock.times[1]
    print(json.dumps({"tokens": output[0, ids.shape[1] :].tolist(), "seconds": seconds}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["make", "generate"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tokenizer", type=Path)
    parser.add_argument("--hidden", type=int)
    parser.add_argument("--prompt")
    parser.add_argument("--new-tokens", type=int)
    parser.add_argument("--threads", type=int)
    given = parser.parse_args()
    if given.threads:
        torch.set_num_threads(given.threads)
    if given.what == "make":
        make(given.folder, given.tokenizer, given.hidden)
    else:
        generate(given.folder, given.prompt, given.new_tokens)


if __name__ == "__main__":
    main()
