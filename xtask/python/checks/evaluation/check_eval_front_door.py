"""`outgrow eval` and `generate` against the harness' and transformers' own ways to open a folder.

On folders as people have them.

    cargo xtask compare eval_front_door OUTGROW DATA --tokenizers FOLDER [--limit N] [--only WORDS …] [--keep FOLDER]

OUTGROW is the program; DATA the folder with the nine tasks' files; FOLDER has prose-bpe/prose-bpe-4096.json and sp4096/
with tokenizer.json and tokenizer.model. For each folder, each `add_bos_token` (not given, true, false) and zero or two
examples: `lm_eval --model hf --model_args pretrained=…,add_bos_token=…`, called as its command line calls it, against
`outgrow eval --add-bos-token …`. Requests and hashes are the same, log-likelihoods within 1e-4 + 1e-5 · |ll|, greedy
flags and named tokens the same. Then `AutoModelForCausalLM.from_pretrained(…).generate(do_sample=False)` on
`AutoTokenizer`'s ids against `outgrow generate`: the same tokens and text. A line for each case; the exit status is 1
if something differs.
"""

import argparse
import contextlib
import functools
import io
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import lm_eval.api.metrics
import lm_eval.tasks
import torch
import transformers
from lm_eval.__main__ import cli_evaluate
from lm_eval.tasks._index import TaskIndex
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from checks.evaluation.check_eval_models import Failed, compare
from peers.evaluation import with_all_splits
from peers.harness import read_documents_from

transformers.logging.set_verbosity_error()

# The bootstrap takes a minute, depends on nothing that is compared here, and is compared by check_eval.py.
lm_eval.api.metrics.bootstrap_stderr = lambda f, xs, iters: 0.0

# Thirteen thousand YAML files are read at each call of the command line: once is enough.
BUILD = TaskIndex.build
INDEX = functools.cache(lambda paths: BUILD(list(paths)))
TaskIndex.build = staticmethod(lambda paths: dict(INDEX(tuple(paths))))

TASKS = "arc_easy,piqa,lambada_openai,wikitext"
PROMPTS = ["The river was high", " and then 1234 of them", "Hello</s> world<|endoftext|>"]
POSITIONS = 128


def added(content: str, **flags) -> dict:
    return {
        "content": content,
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": True,
        **flags,
    }


def template(front: list, behind: list) -> dict:
    special = lambda token, part: {"SpecialToken": {"id": token, "type_id": part}}
    single = [
        *(special(token, 0) for token, _ in front),
        {"Sequence": {"id": "A", "type_id": 0}},
        *(special(token, 0) for token, _ in behind),
    ]
    tokens = {token: {"id": token, "ids": [identity], "tokens": [token]} for token, identity in [*front, *behind]}
    return {
        "type": "TemplateProcessing",
        "single": single,
        "pair": [*single, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": tokens,
    }


@dataclass(frozen=True)
class Folder:
    name: str
    base: str
    configuration: dict | None = None
    edit: dict = field(default_factory=dict)
    files: dict = field(default_factory=dict)
    """Others, by name."""
    only: tuple[str, ...] = ("tokenizer.json",)
    """The vocabulary's files."""
    config: dict = field(default_factory=dict)
    generation: dict | None = None
    rows: int = 4160


ANGLES = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
END = {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"}
FAST = "PreTrainedTokenizerFast"
DIGITS = {
    "pre_tokenizer": {
        "type": "Sequence",
        "pretokenizers": [
            {"type": "Digits", "individual_digits": True},
            {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        ],
    }
}
BEGIN = {"post_processor": template([("<|endoftext|>", 0)], [])}
BOTH = {"post_processor": template([("<s>", 1)], [("</s>", 2)])}
CHAT = {"0": added("<|endoftext|>"), "4096": added("<|im_start|>"), "4097": added("<|im_end|>")}

FOLDERS = [
    Folder("LlamaTokenizer, legacy", "sp", {"tokenizer_class": "LlamaTokenizer", "legacy": True, **ANGLES}),
    Folder(
        "LlamaTokenizer, not legacy",
        "sp",
        {"tokenizer_class": "LlamaTokenizerFast", **ANGLES},
        generation={"eos_token_id": 2},
    ),
    Folder("GPT2Tokenizer over digits", "bpe", {"tokenizer_class": "GPT2Tokenizer", **END}, edit=DIGITS),
    Folder("GPTNeoXTokenizer over a template", "bpe", {"tokenizer_class": "GPTNeoXTokenizer", **END}, edit=BEGIN),
    Folder("Qwen2Tokenizer", "bpe", {"tokenizer_class": "Qwen2TokenizerFast", **END}, edit={**DIGITS, **BEGIN}),
    Folder("CohereTokenizer", "bpe", {"tokenizer_class": "CohereTokenizerFast", **END}, edit=BEGIN),
    Folder("generic, a template with the beginning", "sp", {"tokenizer_class": FAST, **ANGLES}, generation={}),
    Folder("generic, a template with both", "sp", {"tokenizer_class": FAST, **ANGLES}, edit=BOTH),
    Folder("generic, no template", "bpe", {"tokenizer_class": FAST, **END}),
    Folder("byte level that calls itself Llama's", "bpe", {"tokenizer_class": "LlamaTokenizerFast", **END}, edit=BEGIN),
    Folder(
        "special_tokens_map.json left over",
        "sp",
        {"tokenizer_class": FAST, **ANGLES},
        files={"special_tokens_map.json": {"bos_token": "</s>", "eos_token": added("<s>")}},
    ),
    Folder("only an end", "sp", {"tokenizer_class": FAST, "eos_token": "</s>"}, config={"eos_token_id": None}),
    Folder(
        "tokens that the file lacks",
        "bpe",
        {
            "tokenizer_class": "GPT2Tokenizer",
            "added_tokens_decoder": CHAT,
            "bos_token": "<|im_start|>",
            "eos_token": "<|im_end|>",
        },
    ),
    Folder("a filler without a row", "sp", {"tokenizer_class": FAST, "pad_token": "[PAD]", **ANGLES}, rows=4096),
    Folder("special tokens split", "sp", {"tokenizer_class": FAST, "split_special_tokens": True, **ANGLES}),
    Folder(
        "tokenizer.model alone",
        "sp",
        {"tokenizer_class": "LlamaTokenizer", "add_bos_token": True, "legacy": False, **ANGLES},
        only=("tokenizer.model",),
    ),
    Folder("tokenizer.model and no class", "sp", None, only=("tokenizer.model",)),
    Folder(
        "vocab.json and merges.txt",
        "bpe",
        {"tokenizer_class": "GPT2Tokenizer", **END},
        only=("vocab.json", "merges.txt"),
    ),
    Folder(
        "mistral",
        "sp",
        {"tokenizer_class": "LlamaTokenizer", **ANGLES},
        config={"model_type": "mistral", "architectures": ["MistralForCausalLM"], "sliding_window": None},
    ),
]


def make(folder: Folder, tokenizers: Path, path: Path) -> None:
    source = tokenizers / ("sp4096/tokenizer.json" if folder.base == "sp" else "prose-bpe/prose-bpe-4096.json")
    file = json.loads(source.read_text(encoding="utf-8")) | folder.edit
    torch.manual_seed(7)
    config = LlamaConfig(
        vocab_size=folder.rows,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=POSITIONS,
        initializer_range=0.2,
        bos_token_id=1 if folder.base == "sp" else 0,
        eos_token_id=2 if folder.base == "sp" else 0,
    )
    LlamaForCausalLM(config).save_pretrained(path)
    (path / "generation_config.json").unlink(missing_ok=True)
    written = json.loads((path / "config.json").read_text()) | folder.config
    (path / "config.json").write_text(json.dumps(written))
    contents = {
        "tokenizer.json": file,
        "tokenizer_config.json": folder.configuration,
        "generation_config.json": folder.generation,
        **folder.files,
    }
    contents["vocab.json"] = file["model"]["vocab"]
    for name in {*contents} - {"tokenizer.json", "vocab.json"} | {*folder.only} & {*contents}:
        if contents[name] is not None:
            (path / name).write_text(json.dumps(contents[name], ensure_ascii=False), encoding="utf-8")
    if "merges.txt" in folder.only:
        pairs = [merge if isinstance(merge, str) else " ".join(merge) for merge in file["model"]["merges"]]
        (path / "merges.txt").write_text("#version: 0.2\n" + "".join(pair + "\n" for pair in pairs), encoding="utf-8")
    if "tokenizer.model" in folder.only:
        shutil.copy(tokenizers / "sp4096/tokenizer.model", path)


def harness(model: Path, add_bos_token: str | None, shots: int, limit: int, out: Path) -> None:
    """The harness' command line, in this process: its imports take longer than its work here."""
    arguments = f"pretrained={model},dtype=float32" + (
        "" if add_bos_token is None else f",add_bos_token={add_bos_token.title()}"
    )
    sys.argv = [
        "lm_eval",
        "--model",
        "hf",
        "--model_args",
        arguments,
        "--tasks",
        TASKS,
        "--limit",
        str(limit),
        "--device",
        "cpu",
    ]
    sys.argv += ["--batch_size", "8", "--output_path", str(out), "--log_samples"] + (
        ["--num_fewshot", str(shots)] if shots else []
    )
    quiet = io.StringIO()
    try:
        with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
            cli_evaluate()
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        raise Failed(f"lm_eval: {type(error).__name__}: {str(error)[:150]}") from error


def ours(program: Path, words: list) -> str:
    done = subprocess.run([str(program), *map(str, words)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"outgrow {words[0]}: {(done.stderr.strip().splitlines() or ['failed'])[-1]}")
    return done.stdout


def evaluation(
    program: Path,
    data: Path,
    own_data: Path,
    model: Path,
    add_bos_token: str | None,
    shots: int,
    limit: int,
    folder: Path,
) -> str:
    harness(model, add_bos_token, shots, limit, folder / "theirs")
    words = [
        "eval",
        model,
        "--data",
        own_data,
        "--out",
        folder / "ours",
        "--tasks",
        TASKS,
        "--limit",
        limit,
        "--log-samples",
    ]
    words += [] if add_bos_token is None else ["--add-bos-token", add_bos_token]
    ours(program, words + (["--num-fewshot", shots] if shots else []))
    found = compare(folder / "ours", folder / "theirs")
    own, their = (json.loads(next((folder / side).glob("*/results_*.json")).read_text()) for side in ("ours", "theirs"))
    for key in ("tokenizer_bos_token", "tokenizer_eos_token", "tokenizer_pad_token", "eot_token_id", "max_length"):
        if own[key] != their[key]:
            raise Failed(f"{key} is {own[key]}, not {their[key]}")
    return f"{found.requests} requests, {found.largest:.3f} of the tolerance at most"


def generation(program: Path, model: Path) -> str:
    network = AutoModelForCausalLM.from_pretrained(str(model), dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(str(model))
    count = 0
    for prompt in PROMPTS:
        ids = tokenizer(prompt, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            whole = network.generate(
                ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=48, pad_token_id=0
            )[0].tolist()
        theirs = whole[ids.shape[1] :]
        ends = network.generation_config.eos_token_id
        ends = ends if isinstance(ends, list) else [ends]
        theirs = theirs[:-1] if theirs and theirs[-1] in ends else theirs
        own = json.loads(ours(program, ["generate", model, "--prompt", prompt, "--max-new-tokens", 48, "--json"]))
        if own["prompt_tokens"] != ids.shape[1]:
            raise Failed(f"generate: {prompt!r} has {own['prompt_tokens']} tokens, not {ids.shape[1]}")
        if own["tokens"] != theirs:
            raise Failed(
                f"generate: {prompt!r} goes on with {own['tokens'][:8]}, not {theirs[:8]} ({len(own['tokens'])}, {len(theirs)})"
            )
        text = tokenizer.decode(whole[: ids.shape[1] + len(theirs)])
        before = tokenizer.decode(ids[0].tolist())
        if before + own["text"] != text and "\N{REPLACEMENT CHARACTER}" not in text:
            raise Failed(f"generate: {prompt!r} goes on as {own['text']!r}, not {text[len(before) :]!r}")
        count += len(theirs)
    return f"{count} tokens written"


def run_case(
    given: argparse.Namespace, folder: Folder, index: int, flag: str | None, shots: int | None, documents: Path
) -> tuple[str, str]:
    """One case, in a process of its own: the harness keeps hundreds of megabytes of each call."""
    with tempfile.TemporaryDirectory() as temporary:
        name = "".join(letter if letter.isalnum() else "-" for letter in folder.name)
        place = given.keep / name / str(index) if given.keep else Path(temporary)
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        make(folder, given.tokenizers, place / "model")
        try:
            if shots is None:
                return "OK", generation(given.program, place / "model")
            return "OK", evaluation(
                given.program, given.data, documents, place / "model", flag, shots, given.limit, place
            )
        except Failed as problem:
            return "FAILED", str(problem)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("program", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--tokenizers", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as cache:
        documents = with_all_splits(given.data, Path(cache) / "documents")
        read_documents_from(documents, Path(cache))
        TaskIndex.build([Path(lm_eval.tasks.__file__).parent])
        for folder in FOLDERS:
            cases = [(flag, shots) for flag in (None, "true", "false") for shots in (0, 2)]
            cases = [(f"{folder.name}; add_bos_token {flag}, {shots}-shot", flag, shots) for flag, shots in cases]
            for index, (name, flag, shots) in enumerate([*cases, (f"{folder.name}; generate", None, None)]):
                if not all(word in name for word in given.only):
                    continue
                with multiprocessing.get_context("fork").Pool(1) as pool:
                    outcome, words = pool.apply(run_case, (given, folder, index, flag, shots, documents))
                failed += outcome == "FAILED"
                print(f"{outcome} {name}: {words}", flush=True)
    print(f"{failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
