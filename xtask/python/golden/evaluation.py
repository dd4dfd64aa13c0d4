"""Makes crates/outgrow-eval/tests/golden: documents of every task, and what the harness makes of them.

    cargo xtask golden evaluation [DATA]

With DATA (the files of the nine tasks), the rows of Lambada, PIQA and WinoGrande are taken from there; without, those
that are there stay. All others are made up, because their data sets' licences ask for more than a test should have to
keep to. Scores are hashes of tokens (peers/harness.py).
"""

import hashlib
import json
import random
import shutil
import sys
import tempfile
from pathlib import Path

import datasets
from lm_eval.api.metrics import bootstrap_stderr, mean_stderr, perplexity, pooled_sample_stderr
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from models.documents import Writer, boolq, hellaswag, logiqa, mmlu, openbookqa, sciq, truthfulqa, write_rows
from peers.harness import NINE, evaluate, hashed_model, read_documents_from, subjects

GOLDEN = Path(__file__).resolve().parents[3] / "crates/outgrow-eval/tests/golden"
FURTHER = ["hellaswag", "truthfulqa_mc1", "truthfulqa_mc2", "mmlu_anatomy", "boolq", "openbookqa"]
LLAMA = {"bos_token_id": 1, "eos_token_id": 2, "bootstrap_iters": 1500}
CASES = {
    "0-shot": LLAMA | {"max_length": 200},
    "2-shot": LLAMA | {"max_length": 1024, "num_fewshot": 2, "add_bos_token": False, "prefix_token_id": 2},
    "5-shot": LLAMA | {"max_length": 700, "num_fewshot": 5, "add_bos_token": True, "fewshot_seed": 77},
}
# Whole samples files of these, to be read by people; of all others a hash of each line.
IN_FULL = {"2-shot": ("lambada_standard", "piqa", "sciq", "winogrande")}
# How many rows are taken where rows are taken.
ROWS = {
    "lambada_openai/lambada_openai_test": 7,
    "lambada_standard/lambada_standard_test": 3,
    "piqa/piqa_validation": 3,
    "winogrande/winogrande_xl_validation": 3,
}


def arc(write: Writer, index: int) -> dict:
    count = write.random.randint(3, 5)
    labels = [str(number + 1) for number in range(count)] if index % 3 == 2 else list("ABCDE"[:count])
    return {
        "id": f"made_up_{index}",
        "question": write.words(),
        "choices": {"text": [write.edged() for _ in range(count)], "label": labels},
        "answerKey": write.random.choice(labels),
    }


def piqa(write: Writer, _: int) -> dict:
    return {"goal": write.words(), "sol1": write.edged(), "sol2": write.edged(), "label": write.pick(2)}


def winogrande(write: Writer, index: int) -> dict:
    end = "_" if index % 7 == 0 else f"_ {write.words(5)}."
    return {
        "sentence": f"{write.words(6)} {end}",
        "option1": "stone",
        "option2": "old fish",
        "answer": write.random.choice("12"),
    }


def lambada(write: Writer, _: int) -> dict:
    return {"text": write.words(25)}


def wikitext(write: Writer, index: int) -> dict:
    tokens = [
        "Robert 's old stones",
        "1 @,@ 000 fish @-@ ponds",
        "( in 3 @.@ 5 m )",
        '" cold " water',
        "the 's ' of it",
        "[ sic ]",
        "{ a b }",
        "at 20 ° C",
        "waters : old ; cold !",
        "= = = Fish = = =",
        "= = Stones = =",
        "rain , rain",
        "N is 1",
        "( open",
        "why ?",
        "' kept '",
        "naïve \u2003 日本",
    ]
    write.random.shuffle(tokens)
    lines = [" . ".join(tokens[start : start + 3]) for start in range(0, len(tokens), 3)]
    return {"page": f" = Page {index} = \n \n " + " \n ".join(lines) + " . \n "}


def write_documents(folder: Path, data: Path | None) -> None:
    for name, rows in ROWS.items():
        if data is not None:
            lines = (data / f"{name}.jsonl").read_text(encoding="utf-8").split("\n")[:rows]
            path = folder / f"{name}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    made = [
        ("lambada_standard/lambada_standard_validation", lambada, 8), ("piqa/piqa_train", piqa, 24), ("winogrande/winogrande_xl_train", winogrande, 24),
        ("arc_easy/arc_easy_test", arc, 4), ("arc_easy/arc_easy_train", arc, 24), ("arc_challenge/arc_challenge_test", arc, 4),
        ("arc_challenge/arc_challenge_train", arc, 7), ("logiqa/logiqa_test", logiqa, 3), ("logiqa/logiqa_train", logiqa, 8),
        ("sciq/sciq_test", sciq, 4), ("sciq/sciq_train", sciq, 8), ("wikitext/wikitext2_raw_test_pages", wikitext, 6),
        ("hellaswag/hellaswag_validation", hellaswag, 3), ("truthfulqa/truthfulqa_validation", truthfulqa, 3), ("mmlu/anatomy_test", mmlu, 3),
        ("mmlu/anatomy_dev", mmlu, 5), ("boolq/boolq_validation", boolq, 3), ("openbookqa/openbookqa_test", openbookqa, 3),
        ("openbookqa/openbookqa_train", openbookqa, 7),
    ]  # fmt: skip
    for seed, (name, make, rows) in enumerate(made):
        write_rows(folder / f"{name}.jsonl", make, rows, 1000 + seed)
    # Pools with the evaluated documents in them, twice.
    for seed, (name, make) in {
        1012: ("hellaswag/hellaswag_train", hellaswag),
        1016: ("boolq/boolq_train", boolq),
    }.items():
        write_rows(folder / f"{name}.jsonl", make, 9, seed, repeated=3)


def with_unread_splits(folder: Path, copy: Path) -> None:
    """The documents, something in place of splits that are opened but not read, and anatomy for all subjects of
    MMLU."""
    shutil.copytree(folder, copy)
    for name in ("arc_easy", "arc_challenge", "logiqa", "sciq", "openbookqa"):
        shutil.copy(copy / name / f"{name}_test.jsonl", copy / name / f"{name}_validation.jsonl")
    for subject in subjects():
        for split in ("test", "dev"):
            if subject != "anatomy":
                shutil.copy(copy / f"mmlu/anatomy_{split}.jsonl", copy / f"mmlu/{subject}_{split}.jsonl")


def write_tokenizer(path: Path) -> None:
    """A small BPE in LLaMA's layout: spaces as ▁, one in front, bytes for what it doesn't know, a BOS by the
    post-processor."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    special = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    # No piece spans two words; once trained, nothing is split beforehand.
    tokenizer.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    trainer = trainers.BpeTrainer(
        vocab_size=360,
        special_tokens=[AddedToken(token, normalized=False) for token in special[:3]],
        show_progress=False,
    )
    text = Writer(0)
    tokenizer.train_from_iterator(
        (text.words(8) + " Question: Answer: Passage: A. B. C. D." for _ in range(400)), trainer
    )
    model = json.loads(tokenizer.to_str()) | {"pre_tokenizer": None}
    # Bytes between the special tokens and the pieces; the trainer knows nothing of them.
    pieces = [piece for piece, _ in sorted(model["model"]["vocab"].items(), key=lambda entry: entry[1])][3:]
    model["model"]["vocab"] = {piece: index for index, piece in enumerate(special + pieces)}
    tokenizer = Tokenizer.from_str(json.dumps(model))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)]
    )
    path.write_text(tokenizer.to_str(pretty=False) + "\n", encoding="utf-8")


def write_case(name: str, options: dict, tokenizer: Path) -> None:
    folder = GOLDEN / name
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as temporary:
        table = evaluate(tokenizer, NINE + FURTHER, options, Path(temporary))
        (folder / "options.json").write_text(json.dumps(options, indent=1) + "\n")
        (folder / "table.txt").write_text(table, encoding="utf-8")
        hashes = {}
        for path in sorted(Path(temporary).glob("*/samples_*.jsonl")):
            task = path.name[len("samples_") :].rsplit("_", 1)[0]
            lines = path.read_text(encoding="utf-8").rstrip("\n").split("\n")
            if task in IN_FULL.get(name, ()):
                (folder / f"{task}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
            else:
                hashes[task] = [hashlib.sha256(line.encode()).hexdigest() for line in lines]
        (folder / "lines.json").write_text(json.dumps(hashes, indent=1) + "\n")
        (results,) = Path(temporary).glob("*/results_*.json")
        results = json.loads(results.read_text(encoding="utf-8"))
        kept = ("results", "versions", "n-shot", "higher_is_better", "n-samples", "task_hashes")
        kept = {"keys": list(results)} | {key: results[key] for key in kept}
        (folder / "results.json").write_text(json.dumps(kept) + "\n")


def write_group(tokenizer: Path) -> None:
    """MMLU as a group, each subject with anatomy's documents."""
    options = LLAMA | {"max_length": 512}
    with tempfile.TemporaryDirectory() as temporary:
        table = evaluate(tokenizer, ["mmlu", "arc_easy"], options, Path(temporary))
        (results,) = Path(temporary).glob("*/results_*.json")
        results = json.loads(results.read_text(encoding="utf-8"))
    kept = ("groups", "group_subtasks", "n-shot", "higher_is_better")
    (GOLDEN / "group.json").write_text(json.dumps({key: results[key] for key in kept}) + "\n")
    (GOLDEN / "group.txt").write_text(table, encoding="utf-8")


def write_tokens(tokenizer: Path) -> None:
    """How contexts and continuations are split, with whitespace that moves, and texts that spell special tokens."""
    contexts = [
        "Question: the river\nAnswer:",
        "old stones ",
        "rain\x1c",
        "cold \u00a0\u2003",
        "<s> fish",
        " small",
        "wait\n\n",
        "</s>keep",
    ]
    continuations = [" the", " 日本", "bends", " ", " wait for"]
    cases = []
    for options in ({}, {"add_bos_token": False}, {"add_bos_token": True}, {"prefix_token_id": 2}):
        model = hashed_model(tokenizer, LLAMA | {"max_length": 64} | options)
        pairs = [(context, continuation) for context in contexts for continuation in continuations]
        tokens = [
            [context, continuation, *model._encode_pair(context, continuation)] for context, continuation in pairs
        ]
        cases.append({"options": options, "pairs": tokens})
    (GOLDEN / "tokens.json").write_text(json.dumps(cases, ensure_ascii=False) + "\n", encoding="utf-8")


def write_numbers() -> None:
    """CPython's generator, and standard errors of given values."""
    samples = [
        {"seed": seed, "population": population, "count": count, "drawn": draws(seed, population, count)}
        for seed in (0, 1234, 2**40 + 7)
        for population, count in ((5, 5), (21, 5), (22, 5), (84, 6), (85, 6), (86, 6), (500, 25), (16113, 6))
    ]
    likelihoods = [-random.Random(index).random() * 9 for index in range(120)]
    chosen = random.Random(3).choices(likelihoods, k=20)
    numbers = {
        "samples": samples,
        "likelihoods": likelihoods,
        "choices_of_seed_3": chosen,
        "perplexity": perplexity(likelihoods),
        "mean_error": mean_stderr(likelihoods),
        "bootstrap": {str(count): bootstrap_stderr(perplexity, likelihoods, count) for count in (7, 1500, 100_000)},
        "pooled": {
            "errors": [0.01, 0.2, 0.03],
            "sizes": [100, 7, 45],
            "error": float(pooled_sample_stderr([0.01, 0.2, 0.03], [100, 7, 45])),
        },
    }
    (GOLDEN / "numbers.json").write_text(json.dumps(numbers) + "\n")


def draws(seed: int, population: int, count: int) -> list[int]:
    """Two samples, one after the other."""
    generator = random.Random(seed)
    return [index for _ in range(2) for index in generator.sample(range(population), count)]


def main() -> None:
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    documents, tokenizer = GOLDEN / "documents", GOLDEN / "tokenizer.json"
    for name in CASES:
        shutil.rmtree(GOLDEN / name, ignore_errors=True)
    write_documents(documents, data)
    write_tokenizer(tokenizer)
    with tempfile.TemporaryDirectory() as temporary:
        with_unread_splits(documents, Path(temporary) / "documents")
        read_documents_from(Path(temporary) / "documents", Path(temporary) / "cache")
        for name, options in CASES.items():
            write_case(name, options, tokenizer)
        write_group(tokenizer)
    write_tokens(tokenizer)
    write_numbers()
    source = documents / "arc_challenge/arc_challenge_test.jsonl"
    datasets.Dataset.from_json(str(source)).to_parquet(GOLDEN / "arc_challenge_test.parquet")


if __name__ == "__main__":
    main()
