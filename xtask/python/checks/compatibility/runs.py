"""Runs that are taken up again after something changed or broke, for check_compatibility.py.

A small run is stopped behind its third checkpoint. Each case copies it, changes the recipe or damages the copy, and
starts it again for a moment. Right is one of
- "goes on": more metrics behind the old ones, tokens counted up, nothing of what was there lost;
- "refused": exit 2, and metrics.jsonl as it was, byte for byte.
"""

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from checks.compatibility.tokenizer_variants import CORPUS, byte_level, llama_2

SETTINGS = {
    "training": "llama",
    "validation": "llama",
    "sequence_length": 32,
    "tokens": 300_000,
    "horizon": 400_000,
    "peak": 2e-3,
    "batch_sequences": 8,
    "micro_batch_sequences": 8,
    "validation_interval_tokens": 2048,
    "validation_sequences": 4,
    "checkpoint_interval_tokens": 2048,
    "checkpoints_kept": 4,
    "weight_decay": 0.1,
    "seed": 1,
    "dtype": "f32",
    "name": "small",
}
RECIPE = """name = "{name}"
seed = {seed}
device = "cpu"
dtype = "{dtype}"
[model]
hidden_size = 16
intermediate_size = 32
num_hidden_layers = 2
num_attention_heads = 2
[data]
training = "{training}"
validation = "{validation}"
sequence_length = {sequence_length}
[schedule]
method = "scratch"
tokens = {tokens}
learning_rate = {{ peak = {peak}, minimum = 2e-4, warmup_tokens = 2000, horizon_tokens = {horizon} }}
[training]
batch_sequences = {batch_sequences}
micro_batch_sequences = {micro_batch_sequences}
validation_interval_tokens = {validation_interval_tokens}
validation_sequences = {validation_sequences}
checkpoint_interval_tokens = {checkpoint_interval_tokens}
checkpoints_kept = {checkpoints_kept}
[training.optimizer]
beta1 = 0.9
beta2 = 0.95
epsilon = 1e-8
weight_decay = {weight_decay}
decay = "all"
clip_norm = 1.0
"""


@dataclass(frozen=True)
class Case:
    name: str
    words: str
    outcome: str
    recipe: dict = field(default_factory=dict)
    damage: Callable[[list[Path]], None] = lambda _: None
    """Gets the checkpoints, oldest first."""
    flags: tuple[str, ...] = ()


def zeros(checkpoints: list[Path]) -> None:
    weights = checkpoints[-1] / "model.safetensors"
    weights.write_bytes(bytes(weights.stat().st_size))


def cut(checkpoints: list[Path]) -> None:
    weights = checkpoints[-1] / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:20_000])


def without_training(which: slice) -> Callable[[list[Path]], None]:
    def damage(checkpoints: list[Path]) -> None:
        for checkpoint in checkpoints[which]:
            shutil.rmtree(checkpoint / "training")

    return damage


GOES_ON, REFUSED = "goes on", "refused"
CASES = [
    Case("nothing", "the same recipe", GOES_ON),
    Case(
        "interval",
        "other intervals, fewer checkpoints kept",
        GOES_ON,
        {"checkpoint_interval_tokens": 4096, "checkpoints_kept": 1, "validation_interval_tokens": 4096},
    ),
    Case("name", "another name", GOES_ON, {"name": "other"}),
    Case("micro-batch", "micro_batch_sequences halved", GOES_ON, {"micro_batch_sequences": 4}),
    Case("longer", "more tokens, with --extend", GOES_ON, {"tokens": 350_000}, flags=("--extend",)),
    Case("horizon", "another horizon, with --extend", GOES_ON, {"horizon": 500_000}, flags=("--extend",)),
    Case("longer-unsaid", "more tokens, without --extend", REFUSED, {"tokens": 350_000}),
    Case("validation-data", "other validation text", REFUSED, {"validation": "other"}),
    Case(
        "validation-tokenizer",
        "validation shards of another tokenizer of the same size",
        REFUSED,
        {"validation": "bytes"},
    ),
    Case("validation-count", "other number of validation sequences", REFUSED, {"validation_sequences": 2}),
    Case("training-data", "other training text", REFUSED, {"training": "other"}),
    Case("sequence-length", "another sequence length", REFUSED, {"sequence_length": 16}),
    Case("batch", "another batch", REFUSED, {"batch_sequences": 16}),
    Case("rate", "another learning rate", REFUSED, {"peak": 1e-3}),
    Case("decay", "another weight decay", REFUSED, {"weight_decay": 0.0}),
    Case("seed", "another seed", REFUSED, {"seed": 2}),
    Case("dtype", "another dtype", REFUSED, {"dtype": "bf16-emulated"}),
    Case("weights-cut", "the newest model.safetensors is cut", REFUSED, damage=cut),
    Case("weights-zero", "the newest model.safetensors is all zeros", REFUSED, damage=zeros),
    Case(
        "state-empty",
        "the newest training/state.json is empty",
        REFUSED,
        damage=lambda checkpoints: (checkpoints[-1] / "training/state.json").write_text("") and None,
    ),
    Case(
        "newest-published",
        "training/ removed from the newest checkpoint",
        REFUSED,
        damage=without_training(slice(-1, None)),
    ),
    Case("all-published", "training/ removed from all checkpoints", REFUSED, damage=without_training(slice(None))),
]


def checkpoints_of(run: Path) -> list[Path]:
    return sorted(path for path in run.glob("step-*") if path.is_dir())


def metrics_of(run: Path) -> bytes:
    file = run / "metrics.jsonl"
    return file.read_bytes() if file.is_file() else b""


def started(program: Path, recipe: Path, run: Path, flags: tuple, enough: Callable[[], bool]) -> tuple[int, str]:
    """Trains until there is enough, then stops it as Ctrl-C does; its status and its last words."""
    log = run.with_suffix(".log")
    with log.open("w") as said:
        command = [str(word) for word in (program, "train", recipe, "--out", run, *flags)]
        process = subprocess.Popen(command, stdout=said, stderr=said)
        end = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < end and not enough():
            time.sleep(0.05)
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        status = process.wait(timeout=120)
    return status, (log.read_text().strip().splitlines() or [""])[-1]


def prepare(program: Path, folder: Path) -> Path:
    """Shards by two tokenizers and of another text, and a run that was stopped."""
    for name, tokenizer in (("llama", llama_2()), ("bytes", byte_level())):
        (folder / f"{name}.json").write_text(tokenizer)
    for name, tokenizer, words in (
        ("llama", "llama", CORPUS),
        ("bytes", "bytes", CORPUS),
        ("other", "llama", CORPUS[:2]),
    ):
        text = folder / f"{name}.jsonl"
        text.write_text("".join(json.dumps({"text": f"{word} {i}"}) + "\n" for i in range(300) for word in words))
        command = [
            program,
            "data",
            "prepare",
            text,
            "--tokenizer",
            folder / f"{tokenizer}.json",
            "--out",
            folder / name,
        ]
        subprocess.run([str(word) for word in command], capture_output=True, check=True)
    run = folder / "run"
    recipe = folder / "recipe.toml"
    recipe.write_text(RECIPE.format(**SETTINGS))
    started(program, recipe, run, (), lambda: len(checkpoints_of(run)) > 2)
    return run


def taken_up(program: Path, run: Path, case: Case) -> tuple[str, bool]:
    """What the program does of a copy with this change, in words, and whether that is right."""
    copy = run.with_name(case.name)
    shutil.copytree(run, copy)
    case.damage(checkpoints_of(copy))
    before = metrics_of(copy)
    recipe = run.with_name(f"{case.name}.toml")
    recipe.write_text(RECIPE.format(**(SETTINGS | case.recipe)))
    status, said = started(program, recipe, copy, case.flags, lambda: len(metrics_of(copy)) > len(before) + 1500)
    said = said.replace(f"{run.parent}/", "")
    after = metrics_of(copy)
    if status == 2:
        return f"refuses: {said}", case.outcome == REFUSED and after == before
    rows = [json.loads(line) for line in after.decode().splitlines()]
    tokens = [row["tokens"] for row in rows if "tokens" in row]
    whole = tokens == sorted(tokens) and after[:200] == before[:200] and len(after) > len(before)
    if status in (0, 130) and whole:
        return "goes on", case.outcome == GOES_ON
    return f"exit {status}{'' if whole else ', metrics lost'}: {said}", False
