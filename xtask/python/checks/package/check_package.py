"""The Python package: growing, reading runs, and a Trainer's runs against the program's own.

    cargo xtask compare package OUTGROW [--keep FOLDER]

A small LLaMA that transformers saved is planned, grown and refused through the package. Then the same model is trained
by `outgrow train` and by transformers' Trainer with `RunCallback`, on the same shards:

- the losses before the first step are the same, so both are measured on the same tokens;
- tokens, FLOPs by both conventions, data and model are the same in both runs' files;
- a Trainer that goes on from a checkpoint leaves each step in the file once;
- a checkpoint of the Trainer, grown by `outgrow.grow`, carries its cost into the next run of a Trainer;
- `outgrow.report` compares all of them, and finds nothing that speaks against it.

One line a case; the exit status is 1 if one of them fails. Half a minute.
"""

import argparse
import json
import os
import random
import sys
import tempfile
from pathlib import Path

import numpy
import torch
from checks.folders.check_bases import SAME, SIZES, WORDS
from checks.folders.check_checkpoint import read_tokens
from models.tiny_llama import REPOSITORY
from transformers import AutoConfig, AutoModelForCausalLM, Trainer, TrainingArguments
from transformers.utils import logging

sys.path.insert(0, str(REPOSITORY / "python"))
import outgrow
from outgrow.program import run
from outgrow.token_shards import TokenShards
from outgrow.trainer_callback import RunCallback

SEQUENCE_LENGTH = 32
BATCH, STEPS, VALIDATION = 4, 12, 6
RATE = "{ peak = 1e-2, minimum = 1e-3, warmup_tokens = 128 }"
RECIPE = """
name = "%(name)s"
seed = 1
[model]
%(model)s
[data]
training = "shards/training"
validation = "shards/validation"
sequence_length = %(sequence_length)d
[training]
batch_sequences = %(batch)d
validation_interval_tokens = %(interval)d
validation_sequences = %(validation)d
[schedule]
%(schedule)s
"""


def write_model(folder: Path) -> None:
    torch.manual_seed(1)
    AutoModelForCausalLM.from_config(AutoConfig.for_model("llama", **SIZES)).save_pretrained(folder)


def write_corpus(folder: Path) -> None:
    """Words that follow each other by a rule with exceptions, and a tokenizer with an id for each."""
    vocabulary = {"<unk>": 0, "<s>": 1, "</s>": 2, "<pad>": 3, "<eot>": 4}
    vocabulary |= {f"w{index}": index + 5 for index in range(WORDS)}
    special = dict(single_word=False, lstrip=False, rstrip=False, normalized=False, special=True)
    tokenizer = {
        "version": "1.0",
        "added_tokens": [dict(id=2, content="</s>", **special)],
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "<unk>"},
    }
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    draw = random.Random(1)
    for name, count in [("training", 4000), ("validation", 600)]:
        word, words = 0, []
        for _ in range(count):
            word = (3 * word + 1) % WORDS if draw.random() < 0.8 else draw.randrange(WORDS)
            words.append(f"w{word}")
        (folder / f"{name}.txt").write_text(" ".join(words))
        out = folder / "shards" / name
        run("data", "prepare", folder / f"{name}.txt", "--tokenizer", folder / "tokenizer.json", "--out", out)


def train_ours(folder: Path, name: str, model: str, schedule: str) -> outgrow.Run:
    values = dict(name=name, model=model, schedule=schedule, sequence_length=SEQUENCE_LENGTH, batch=BATCH)
    values |= dict(interval=4 * BATCH * SEQUENCE_LENGTH, validation=VALIDATION)
    recipe = folder / f"{name}.toml"
    recipe.write_text(RECIPE % values)
    run("train", recipe, "--out", folder / name)
    return outgrow.read_run(folder / name)


def train_theirs(folder: Path, name: str, model: Path, resume: bool = False, **options: str) -> outgrow.Run:
    training = TokenShards(folder / "shards/training", SEQUENCE_LENGTH)
    validation = TokenShards(folder / "shards/validation", SEQUENCE_LENGTH, sequences=VALIDATION)
    arguments = TrainingArguments(
        folder / f"{name}-trainer",
        per_device_train_batch_size=BATCH,
        per_device_eval_batch_size=2,
        max_steps=STEPS,
        learning_rate=1e-2,
        logging_steps=1,
        eval_strategy="steps",
        eval_steps=4,
        eval_on_start=True,
        save_steps=8,
        seed=1,
        use_cpu=True,
        report_to="none",
        disable_tqdm=True,
    )
    callback = RunCallback(folder / name, training=training, validation=validation, **options)
    trainer = Trainer(
        AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32),
        arguments,
        train_dataset=training,
        eval_dataset=validation,
        callbacks=[callback],
    )
    checkpoint = arguments.output_dir + "/checkpoint-8"
    trainer.train(resume_from_checkpoint=checkpoint if resume else None)
    return outgrow.read_run(folder / name)


def refusal(kind: type, function, *arguments, **options) -> str:
    try:
        function(*arguments, **options)
    except kind as error:
        return str(error)
    raise AssertionError(f"{function.__name__} refused nothing")


def growing(folder: Path) -> None:
    """plan_growth and grow."""
    small, grown = folder / "small", folder / "grown"
    account = outgrow.plan_growth(small, grown, operator="stack", factor=2)
    assert "2 → 4" in account and not grown.exists(), account
    assert outgrow.grow(small, grown, layers=[0, 1, 1]) == grown
    assert AutoModelForCausalLM.from_pretrained(grown).config.num_hidden_layers == 3
    assert "exists" in refusal(outgrow.OutgrowError, outgrow.grow, small, grown, layers=[0, 1])
    said = refusal(outgrow.OutgrowError, outgrow.grow, small, folder / "other", operator="stack")
    assert said == "--factor is missing, such as --factor 4", said
    said = refusal(TypeError, outgrow.grow, small, folder / "other", operator="stack", foctor=2)
    assert said.endswith("'foctor'; did you mean 'factor'?"), said
    try:
        outgrow.grow(folder / "nowhere", folder / "other", operator="stack", factor=2)
    except outgrow.OutgrowError as error:
        assert error.is_input and "nowhere" in str(error), error


def shards(folder: Path) -> None:
    """TokenShards' sequences are the program's windows, over the seams of shards too."""
    out = folder / "small-shards"
    run("data", "prepare", folder / "training.txt", "--tokenizer", folder / "tokenizer.json", "--out", out,
        "--shard-tokens", "700")  # fmt: skip
    data = TokenShards(out, SEQUENCE_LENGTH)
    tokens = read_tokens(out, data.manifest["tokens"])
    assert len(data.manifest["shards"]) > 4 and len(data) == (tokens.size - 1) // SEQUENCE_LENGTH
    for index in range(len(data)):
        start = index * SEQUENCE_LENGTH
        assert numpy.array_equal(data[index]["input_ids"], tokens[start : start + SEQUENCE_LENGTH + 1]), index
    assert "are wanted" in refusal(ValueError, TokenShards, out, SEQUENCE_LENGTH, sequences=10_000)


def callback(folder: Path) -> None:
    """The files of a Trainer's run hold what those of the program's run do."""
    model = f'from = "{folder / "small"}"'
    ours = train_ours(folder, "ours", model, f'method = "scratch"\ntokens = {STEPS * BATCH * SEQUENCE_LENGTH}\n'
                      f"learning_rate = {RATE}")  # fmt: skip
    said = refusal(FileNotFoundError, RunCallback, folder / "no", sequence_length=8, base=folder / "nowhere")
    assert said.endswith("nowhere: no such folder; give the one of the model that the run begins with"), said
    theirs = train_theirs(folder, "theirs", folder / "small", base=folder / "small")
    for key in ("model", "data", "parameters"):
        (one, two) = (ours.description[key], theirs.description[key])
        if key == "model":
            spared = ("bos_token_id", "eos_token_id", "torch_dtype", "use_cache")
            one = {name: value for name, value in one.items() if name not in spared}
        assert one == two, (key, one, two)
    first = [frame.validations.validation_loss[0] for frame in (ours, theirs)]
    assert abs(first[0] - first[1]) < SAME, first
    for column in ("step", "tokens", "flops", "flops_6nt"):
        assert list(ours.steps[column]) == list(theirs.steps[column]), column
    assert list(theirs.validations.step) == [0, 4, 8, 12] and theirs.is_finished
    assert theirs.steps.seconds.notna().all()
    assert theirs.validations.validation_loss.iloc[-1] < first[1] - 0.1, "it learns nothing"


def resuming(folder: Path) -> None:
    """A Trainer that goes on from a checkpoint."""
    before = (folder / "theirs/metrics.jsonl").read_text()
    again = train_theirs(folder, "theirs", folder / "small", resume=True, base=folder / "small")
    steps = [line["step"] for line in map(json.loads, (folder / "theirs/metrics.jsonl").open()) if "loss" in line]
    assert steps == list(range(1, STEPS + 1)), steps
    assert again.is_finished and before
    said = refusal(FileExistsError, train_theirs, folder, "theirs", folder / "small")
    assert said.endswith("holds a run already; give the callback another folder"), said


def carrying_on(folder: Path) -> None:
    """From scratch in a Trainer, grown, and trained on in another; both in one report with a run of the program."""
    fresh = AutoModelForCausalLM.from_config(AutoConfig.for_model("llama", **SIZES | dict(num_hidden_layers=4)))
    fresh.save_pretrained(folder / "fresh")
    scratch = train_theirs(folder, "scratch-seed-1", folder / "fresh")
    small = train_theirs(folder, "base-seed-1", folder / "small", method="base")
    checkpoint = folder / f"base-seed-1-trainer/checkpoint-{STEPS}"
    grown = outgrow.grow(checkpoint, folder / "stacked", operator="stack", factor=2)
    stacked = train_theirs(folder, "stacked-seed-1", grown, method="g-stack", base=grown)
    assert stacked.description["base"]["flops"] == small.steps.flops.iloc[-1]
    sizes = {key: value for key, value in SIZES.items() if key not in ("initializer_range", "vocab_size")}
    # transformers' own, where the program's is another.
    sizes |= dict(num_hidden_layers=4, rms_norm_eps=1e-6)
    model = "\n".join(f"{key} = {value}" for key, value in sizes.items() if key != "max_position_embeddings")
    tokens = STEPS * BATCH * SEQUENCE_LENGTH
    schedule = f'method = "g-stack"\nfactor = 2\nbase_tokens = {tokens // 3}\nscratch_tokens = {tokens}\n'
    schedule += f"base_learning_rate = {RATE}\ngrown_learning_rate = {RATE}"
    ours = train_ours(folder, "ours-seed-1", model, schedule)
    assert ours.growths.shape[0] == 1
    page = outgrow.report(scratch.folder, stacked.folder, ours.folder, out=folder / "report.html")
    sentences = json.loads(page.with_suffix(".json").read_text())["sentences"]
    assert "<svg" in page.read_text() and len(sentences) == 2, sentences
    assert "stacked" in sentences[0] and "Its base included" in sentences[0], sentences
    assert all("can't be compared" not in one and "unknown" not in one.split(":")[-1] for one in sentences), sentences


def reading(folder: Path) -> None:
    """read_run of a run that goes on, was resumed, or isn't there."""
    of = folder / "made-up"
    of.mkdir()
    (of / "run.json").write_text(json.dumps(dict(format=1, name="a", method="scratch", seed=1, finished=False)))

    def step(number: int, loss: float) -> str:
        return json.dumps(dict(step=number, tokens=10 * number, stage="train", loss=loss)) + "\n"

    evaluation = dict(step=2, tokens=20, stage="train", evaluation=dict(piqa=dict(acc=0.5, acc_stderr=0.1)))
    lines = [step(1, 3.0), step(2, 2.5), step(3, 9.0), step(2, 2.0), json.dumps(evaluation) + "\n", '{"step": 3, "lo']
    (of / "metrics.jsonl").write_text("".join(lines))
    found = outgrow.read_run(of)
    assert list(found.steps.loss) == [3.0, 2.0] and not found.is_finished
    assert found.evaluations.iloc[0][["task", "metric", "value", "standard_error"]].tolist() == ["piqa", "acc", 0.5, 0.1]
    assert found.validations.empty and list(found.validations.columns)[-1] == "validation_loss"
    (of / "metrics.jsonl").write_text(step(1, 3.0) + "cut\n" + step(2, 2.0))
    assert "line 2" in refusal(ValueError, outgrow.read_run, of)
    assert "run.json" in refusal(FileNotFoundError, outgrow.read_run, folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("outgrow", type=Path, metavar="OUTGROW")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave everything that is made in this folder")
    options = parser.parse_args()
    os.environ["OUTGROW"] = str(options.outgrow.resolve())
    logging.disable_progress_bar()
    failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if options.keep:
            folder = options.keep.resolve()
            folder.mkdir(parents=True)
        write_model(folder / "small")
        write_corpus(folder)
        for case in (growing, reading, shards, callback, resuming, carrying_on):
            try:
                case(folder)
                print(f"ok    {case.__name__}", flush=True)
            except Exception as error:
                failed += 1
                print(f"FAIL  {case.__name__}: {type(error).__name__}: {error}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
