"""`outgrow eval` against the harness with its own `hf` model: every request, on the same weights.

    cargo xtask compare eval_models OUTGROW DATA --tokenizers FOLDER [--limit N] [--only WORDS …] [--keep FOLDER]

OUTGROW is the program, built in release; DATA the folder with the nine tasks' files; FOLDER has prose-bpe-4096.json and
sp4096/tokenizer.json, or others by those names. Models are made here: random ones, and ones that were trained for a
moment on WikiText's pages, so that their probabilities are far from even. For each case: contexts, continuations and
all hashes are the same; log-likelihoods differ by at most 1e-4 + 1e-5 · |ll|; whether a continuation is the greedy one,
acc and acc_norm are the same unless the harness' own two best are closer than 1e-5, relatively; perplexities differ by
at most 1e-5, relatively. A line for each case and a Markdown table of all; the exit status is 1 if something differs.
"""

import argparse
import json
import math
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import torch
from transformers import (
    AutoModelForCausalLM,
    LlamaConfig,
    PreTrainedConfig,
    PreTrainedTokenizerFast,
    Qwen2Config,
)

NINE = "lambada_openai,lambada_standard,arc_easy,arc_challenge,logiqa,piqa,sciq,winogrande,wikitext"
WITH_EXAMPLES = "lambada_openai,lambada_standard,arc_easy,arc_challenge,piqa,winogrande"
PERPLEXITIES = {"perplexity,none", "word_perplexity,none", "byte_perplexity,none", "bits_per_byte,none"}


@dataclass(frozen=True)
class Model:
    name: str
    tokenizer: str
    positions: int
    steps: int
    heads: int = 4
    key_value_heads: int = 4
    tied: bool = False
    family: type[PreTrainedConfig] = LlamaConfig


RANDOM_128 = Model("random, 128 positions, byte-level BPE", "prose-bpe-4096.json", 128, 0)
RANDOM_512 = Model("random, 512 positions, SentencePiece", "sp4096/tokenizer.json", 512, 0, key_value_heads=2)
TRAINED_128 = Model("trained, 128 positions, SentencePiece", "sp4096/tokenizer.json", 128, 120, key_value_heads=1)
TRAINED_512 = Model("trained, 512 positions, byte-level BPE", "prose-bpe-4096.json", 512, 120, tied=True)
QWEN2 = Model(
    "trained, a Qwen2, 512 positions, byte-level BPE",
    "prose-bpe-4096.json",
    512,
    120,
    key_value_heads=2,
    tied=True,
    family=Qwen2Config,
)


@dataclass(frozen=True)
class Case:
    model: Model
    tasks: str = NINE
    flags: tuple[str, ...] = ()
    """The flags that both programs take."""
    ours: tuple[str, ...] = ()
    theirs: tuple[str, ...] = ()
    words: str = "0-shot"


CASES = [
    *(Case(model) for model in (RANDOM_128, RANDOM_512, TRAINED_128, TRAINED_512)),
    # The harness is given tokenizer.json as it is, of which Qwen2's own class makes another.
    Case(QWEN2, ours=("--tokenizer-from", "file")),
    Case(TRAINED_128, flags=("--add-bos-token", "false"), words="0-shot, no BOS"),
    Case(RANDOM_512, flags=("--add-bos-token", "true"), words="0-shot, BOS"),
    Case(
        TRAINED_128,
        ours=("--preset", "paper"),
        theirs=("--add-bos-token", "false", "--prefix-token-id", "2"),
        words="0-shot, preset paper",
    ),
    Case(TRAINED_512, tasks=WITH_EXAMPLES, flags=("--num-fewshot", "2"), words="2-shot"),
    Case(RANDOM_128, tasks=WITH_EXAMPLES, flags=("--num-fewshot", "5"), words="5-shot, all truncated"),
    Case(TRAINED_512, flags=("--max-length", "100"), words="0-shot, at most 100 tokens"),
]


class Failed(Exception):
    """What differs, in one line."""


@dataclass
class Compared:
    requests: int = 0
    documents: int = 0
    largest: float = 0.0
    """Of log-likelihoods, as a part of what is allowed."""
    metrics: int = 0
    close: list[str] = field(default_factory=list)
    """Answers that differ where the harness' two best are closer than rounding."""


def make(model: Model, tokenizers: Path, data: Path, folder: Path) -> None:
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(tokenizers / model.tokenizer))
    spelt = (
        {"bos_token": "<s>", "eos_token": "</s>"}
        if "sp4096" in model.tokenizer
        else {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"}
    )
    identities = {key: tokenizer.convert_tokens_to_ids(token) for key, token in spelt.items()}
    torch.manual_seed(7)
    config = model.family(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=172,
        num_hidden_layers=3,
        num_attention_heads=model.heads,
        num_key_value_heads=model.key_value_heads,
        max_position_embeddings=model.positions,
        tie_word_embeddings=model.tied,
        initializer_range=0.02 if model.steps else 0.1,
        bos_token_id=identities["bos_token"],
        eos_token_id=identities["eos_token"],
    )
    network = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    for name, parameter in network.named_parameters():
        if name.endswith(".bias"):
            torch.nn.init.normal_(parameter, std=0.5)
    pages = [
        json.loads(line)["page"]
        for line in (data / "wikitext" / "wikitext2_raw_test_pages.jsonl").open(encoding="utf-8")
    ]
    # Line by line: SentencePiece's merges go over a text as a whole, in time that grows with its square.
    lines = [line for page in pages[:20] for line in page.split("\n") if line.strip()]
    ids = torch.tensor([identity for line in tokenizer(lines)["input_ids"] for identity in line])
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    for step in range(model.steps):
        start = (step * 16 * 64) % (len(ids) - 16 * 64)
        batch = ids[start : start + 16 * 64].view(16, 64)
        loss = network(batch, labels=batch).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    network.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    shutil.copyfile(tokenizers / model.tokenizer, folder / "tokenizer.json")
    configuration = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": model.positions, **spelt}
    (folder / "tokenizer_config.json").write_text(json.dumps(configuration))


def close(best: list[float]) -> bool:
    """Whether the two largest are closer than rounding."""
    first, second = sorted(best)[-1:-3:-1]
    return abs(first - second) <= 1e-5 * max(abs(first), 1.0)


def compare_document(task: str, own: dict, their: dict, compared: Compared) -> None:
    where = f"{task}, document {their['doc_id']}"
    for key in ("arguments", "target", "doc_hash", "prompt_hash", "target_hash"):
        if own[key] != their[key]:
            raise Failed(f"{where}: {key} differs: {str(own[key])[:100]!r}, not {str(their[key])[:100]!r}")
    scores = []
    for own_answer, their_answer in zip(own["filtered_resps"], their["filtered_resps"], strict=True):
        pair = isinstance(their_answer, list)
        ours, theirs = (float(answer[0] if pair else answer) for answer in (own_answer, their_answer))
        allowed = 1e-4 + 1e-5 * abs(theirs)
        compared.largest = max(compared.largest, abs(ours - theirs) / allowed)
        compared.requests += 1
        scores.append(theirs)
        if not abs(ours - theirs) <= allowed:
            raise Failed(f"{where}: log-likelihood {ours!r}, not {theirs!r}")
        if pair and own_answer[1] != their_answer[1]:
            raise Failed(f"{where}: greedy is {own_answer[1]}, not {their_answer[1]}")
    choices = [len(argument["arg_1"]) - 1 for argument in their["arguments"].values()] if len(scores) > 1 else []
    for metric, best in (
        ("acc", scores),
        ("acc_norm", [score / max(length, 1) for score, length in zip(scores, choices, strict=False)]),
    ):
        if metric in their and own[metric] != their[metric]:
            if len(scores) < 2 or not close(best):
                raise Failed(f"{where}: {metric} is {own[metric]}, not {their[metric]}")
            compared.close.append(f"{where}: {metric}")
    compared.documents += 1


def compare(ours: Path, theirs: Path) -> Compared:
    compared = Compared()
    (own_results,), (their_results,) = (list(folder.glob("*/results_*.json")) for folder in (ours, theirs))
    own_results, their_results = json.loads(own_results.read_text()), json.loads(their_results.read_text())
    if own_results["task_hashes"] != their_results["task_hashes"]:
        raise Failed("task_hashes differ")
    for task, metrics in their_results["results"].items():
        (own,), (their,) = (list(folder.glob(f"*/samples_{task}_2*.jsonl")) for folder in (ours, theirs))
        lines = zip(own.open(encoding="utf-8"), their.open(encoding="utf-8"), strict=True)
        for own_line, their_line in lines:
            compare_document(task, json.loads(own_line), json.loads(their_line), compared)
        for name, value in metrics.items():
            if name in PERPLEXITIES:
                found = own_results["results"][task][name]
                compared.metrics += 1
                if not math.isclose(found, value, rel_tol=1e-5):
                    raise Failed(f"{task}: {name} is {found}, not {value}")
            elif name.startswith("acc") and not any(line.startswith(f"{task},") for line in compared.close):
                compared.metrics += 1
                if not math.isclose(own_results["results"][task][name], value, rel_tol=1e-9):
                    raise Failed(f"{task}: {name} is {own_results['results'][task][name]}, not {value}")
    return compared


def call(command: list) -> None:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"{Path(str(command[0])).name}: {(done.stderr.strip().splitlines() or ['failed'])[-1]}")


def run(case: Case, program: Path, data: Path, tokenizers: Path, limit: int, folder: Path) -> Compared:
    model = folder / "model"
    make(case.model, tokenizers, data, model)
    shared = ["--tasks", case.tasks, "--limit", limit, *case.flags]
    call([program, "eval", model, "--data", data, "--out", folder / "ours", "--log-samples", *shared, *case.ours])
    call([sys.executable, "-m", "peers.evaluation", model, data, folder / "theirs", *shared, *case.theirs])
    return compare(folder / "ours", folder / "theirs")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("program", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--tokenizers", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=50)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    rows, failed = [], 0
    for index, case in enumerate(CASES):
        name = f"{case.model.name}; {case.words}"
        if not all(word in name for word in given.only):
            continue
        with tempfile.TemporaryDirectory() as temporary:
            folder = given.keep / str(index) if given.keep else Path(temporary)
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            try:
                found = run(case, given.program, given.data, given.tokenizers, given.limit, folder)
            except Failed as problem:
                failed += 1
                print(f"FAILED {name}: {problem}", flush=True)
                continue
        print(f"OK {name}: {found.requests} requests, {found.largest:.3f} of the tolerance at most", flush=True)
        rows.append(
            f"| {name} | {len(case.tasks.split(','))} | {found.documents} | {found.requests} | {found.largest:.3f} | {found.metrics} | {len(found.close)} |"
        )
    print(
        "\n| case | tasks | documents | requests | largest difference / allowed | metrics equal | closer than rounding |\n|---|---|---|---|---|---|---|"
    )
    print("\n".join(rows))
    print(f"\n{failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
