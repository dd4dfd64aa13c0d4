"""Runs that begin with a folder of transformers (`[model] from`): losses before, and folders after.

    cargo xtask compare bases OUTGROW [--only WORDS ...] [--keep FOLDER]

Small random models are saved by transformers: LLaMA with as many heads as key-value heads, tied with llama3's rope
scaling, in bf16, with a head width of its own; Mistral without a window; Qwen2. `outgrow train` begins with each and
trains it on, stacks it, adds layers on top, and widens it, the last three at once. For each run:

- the first validation loss, before any step, is transformers' loss of the folder on the same windows;
- the checkpoint of a base that grows at once has the base's values;
- the last checkpoint opens in transformers with no tensor missing or too many, in the class and with the shape that
  follow from the growth, and its loss there is the run's last one.

One line a case; the exit status is 1 if one of them fails. A minute and a half with a debug build.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from checks.folders.check_checkpoint import open_model, read_tokens, validation_loss
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.utils import logging

WORDS = 60
SEQUENCE_LENGTH = 32
SEQUENCES = 6
# Sums in another order, of a mean loss near 4.
SAME = 2e-5
SIZES = dict(
    vocab_size=WORDS + 5,
    hidden_size=32,
    intermediate_size=48,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=64,
    initializer_range=0.2,
)
LLAMA3 = dict(
    rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=16
)
TIED = dict(tie_word_embeddings=True)
BASES = [
    ("llama", "llama", dict(num_key_value_heads=4), torch.float32),
    ("llama, tied, llama3", "llama", TIED | dict(rope_scaling=LLAMA3, rms_norm_eps=1e-3), torch.float32),
    ("llama, bf16", "llama", dict(rope_theta=5000.0), torch.bfloat16),
    ("llama, f16, head_dim", "llama", dict(head_dim=16), torch.float16),
    ("mistral", "mistral", dict(sliding_window=None), torch.float32),
    ("qwen2", "qwen2", dict(), torch.float32),
    ("qwen2, tied, bf16", "qwen2", TIED, torch.bfloat16),
]
RATE = "{ peak = 1e-2, minimum = 1e-3, warmup_tokens = 64 }"
WIDTH = "{ hidden_size = 64, intermediate_size = 96, num_attention_heads = 8, num_key_value_heads = %d }"
# Method, `[schedule]`, and what the growth makes of 2 layers and 32 channels.
METHODS = [
    ("trained on", f'method = "scratch"\ntokens = 256\nlearning_rate = {RATE}', 2, 32),
    (
        "stacked",
        f'method = "g-stack"\nfactor = 2\nbase_tokens = 0\ngrown_tokens = 256\ngrown_learning_rate = {RATE}',
        4,
        32,
    ),
    (
        "added on top",
        f'method = "stacking2"\nlayer_counts = [2, 3]\nbase_tokens = 0\nstage_tokens = 128\n'
        f"stage_learning_rate = {RATE}\njoint_tokens = 128\njoint_learning_rate = {RATE}",
        3,
        32,
    ),
    (
        "widened",
        'method = "stages"\n[[schedule.stages]]\nname = "wide"\n'
        f'enter = {{ operator = "split", width = {WIDTH} }}\ntokens = 256\nlearning_rate = {RATE}',
        2,
        64,
    ),
]


class Failed(Exception):
    """What is wrong with a run, in one line."""


def tokenizer() -> str:
    vocabulary = {"<|endoftext|>": 0, "?": 1} | {f"w{word}": word + 2 for word in range(WORDS)}
    separator = dict(id=0, content="<|endoftext|>", single_word=False, lstrip=False, rstrip=False)
    return json.dumps(
        dict(
            version="1.0",
            truncation=None,
            padding=None,
            normalizer=None,
            post_processor=None,
            decoder=None,
            pre_tokenizer=dict(type="Whitespace"),
            added_tokens=[separator | dict(normalized=False, special=True)],
            model=dict(type="WordLevel", unk_token="?", vocab=vocabulary),
        )
    )


def run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"exit {done.returncode}: {done.stderr.strip()}")
    return done.stdout.strip()


def write_base(folder: Path, model_type: str, settings: dict, dtype: torch.dtype) -> None:
    torch.manual_seed(3)
    config = AutoConfig.for_model(model_type, **(SIZES | settings))
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            # Norms and biases too, so that a forgotten one shows.
            if parameter.dim() == 1:
                parameter.add_(0.15 * torch.randn_like(parameter))
    model.to(dtype).save_pretrained(folder)
    (folder / "tokenizer.json").write_text(tokenizer())


def recipe(base: Path, shards: Path, schedule: str) -> str:
    return f"""name = "check"
seed = 1
[model]
from = {json.dumps(str(base))}
[data]
training = {json.dumps(str(shards / "training"))}
validation = {json.dumps(str(shards / "validation"))}
sequence_length = {SEQUENCE_LENGTH}
[training]
batch_sequences = 2
validation_interval_tokens = 128
validation_sequences = {SEQUENCES}
[schedule]
{schedule}
"""


def loss(folder: Path, shards: Path) -> float:
    tokens = read_tokens(shards / "validation", SEQUENCES * SEQUENCE_LENGTH + 1)
    return validation_loss(open_model(folder), tokens, SEQUENCES, SEQUENCE_LENGTH)


def check(outgrow: str, base: Path, shards: Path, out: Path, schedule: str, shape: tuple[int, int]) -> str:
    out.mkdir()
    (out / "recipe.toml").write_text(recipe(base, shards, schedule))
    last = Path(run([outgrow, "train", str(out / "recipe.toml"), "--out", str(out / "run")]))
    lines = [json.loads(line) for line in (out / "run/metrics.jsonl").read_text().splitlines()]
    validations = [line for line in lines if "validation_loss" in line]
    first, of_base = validations[0]["validation_loss"], loss(base, shards)
    if validations[0]["tokens"] != 0 or abs(first - of_base) > SAME:
        raise Failed(f"begins at {first}, transformers at {of_base}")
    at_once = out / "run/step-00000000"
    if at_once.exists():
        here, there = open_model(at_once).state_dict(), open_model(base).state_dict()
        differing = [name for name in there if not torch.equal(here[name], there[name])]
        if differing:
            raise Failed(f"the base's checkpoint has other values: {differing[:3]}")
    model = open_model(last)
    found = (model.config.num_hidden_layers, model.config.hidden_size)
    if found != shape:
        raise Failed(f"has {found} layers and channels, expected {shape}")
    end, of_last = validations[-1]["validation_loss"], loss(last, shards)
    if abs(end - of_last) > SAME:
        raise Failed(f"ends at {end}, transformers at {of_last}")
    return f"{first:.6f} (transformers {of_base:.6f}) to {end:.6f} ({of_last:.6f}), {type(model).__name__}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("outgrow", metavar="OUTGROW")
    parser.add_argument("--only", nargs="+", default=[], metavar="WORDS")
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    options = parser.parse_args()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        folder.mkdir(exist_ok=True)
        drawn = random.Random(7)
        (folder / "tokenizer.json").write_text(tokenizer())
        for name, words in [("training", 1200), ("validation", 400)]:
            text = " ".join(f"w{min(drawn.randrange(WORDS), drawn.randrange(WORDS))}" for _ in range(words))
            (folder / f"{name}.txt").write_text(text)
            arguments = ["--tokenizer", str(folder / "tokenizer.json"), "--out", str(folder / name)]
            run([options.outgrow, "data", "prepare", str(folder / f"{name}.txt"), *arguments])
        failed = 0
        for number, (of_base, model_type, settings, dtype) in enumerate(BASES):
            base = folder / f"base-{number}"
            write_base(base, model_type, settings, dtype)
            for method, schedule, layers, hidden in METHODS:
                name = f"{of_base}, {method}"
                if not all(word in name for word in options.only):
                    continue
                groups = 2 * (SIZES | settings)["num_key_value_heads"]
                schedule = schedule % groups if "%d" in schedule else schedule
                out = folder / f"{number}-{method.replace(' ', '-')}"
                try:
                    said = f"OK      {name}: " + check(options.outgrow, base, folder, out, schedule, (layers, hidden))
                except Failed as problem:
                    failed += 1
                    said = f"FAILED  {name}: {problem}"
                print(said, flush=True)
        sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
