"""Folders, tokenizers, corpora and runs as people have them, against the usual tools: tables.

    cargo xtask compare compatibility OUTGROW [--part folders tokenizers corpora harness runs] [--only WORDS …]
        [--into MARKDOWN] [--without-outgrow]

OUTGROW is the program. Everything is made here, in a temporary folder: small random models (folders.py), tokenizers
(tokenizer_variants.py) and corpora (corpora.py), each with one odd property.

- folders: the tokens that `outgrow generate` writes greedily are those of transformers' generate behind AutoTokenizer's
  ids, ends included. What opens is also grown to twice its layers, and the grown folder is asked the same.
- tokenizers: the shards of `outgrow data prepare` have the ids of Python's tokenizers.
- corpora: the shards hold the texts that `datasets` reads (a .txt file: Python), in their order.
- harness: `outgrow eval` gives what lm-evaluation-harness gives through its own `hf` model and AutoTokenizer, with and
  without add_bos_token: every request's text, metrics, and log-likelihoods within the tolerance of
  checks/evaluation/check_eval_models.py.
- runs: a run that is taken up with another recipe, or after damage, goes on or is refused with its metrics untouched
  (no peer).

Prints Markdown, and with --into puts the rows into docs/COMPATIBILITY.md; the exit status is 1 if something differs, or
is refused by one side only, where the case says what is right. Needs transformers, lm_eval, datasets, pyarrow,
zstandard, sentencepiece and protobuf, and no network.
"""

import argparse
import contextlib
import importlib.metadata
import io
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("TQDM_DISABLE", "1")

import numpy
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

from checks.compatibility.corpora import CASES as CORPORA
from checks.compatibility.corpora import texts
from checks.compatibility.folders import CASES as FOLDERS
from checks.compatibility.harness import CASES as HARNESS
from checks.compatibility.harness import lay_documents, run_harness
from checks.compatibility.plain_folder import plain
from checks.compatibility.runs import CASES as RUNS
from checks.compatibility.runs import prepare, taken_up
from checks.compatibility.tokenizer_variants import SEPARATORS, TEXTS, byte_level, ids_of, variants

PROMPT = " The river  1987 was high"
NEW_TOKENS = 16
PACKAGES = (
    "transformers",
    "tokenizers",
    "lm_eval",
    "datasets",
    "pyarrow",
    "zstandard",
    "sentencepiece",
    "safetensors",
    "torch",
)


@dataclass
class Result:
    """What one side gives: tokens, or the words in which it refuses."""

    tokens: list[int] | None = None
    refusal: str = ""
    notes: str = ""


@dataclass
class Row:
    name: str
    words: str
    theirs: str
    ours: str
    right: bool = True

    def __str__(self) -> str:
        cells = (self.name, self.words, self.theirs, self.ours + ("" if self.right else " **wrong**"))
        return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def shortened(text: str, length: int = 140) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 1] + "…"


def call(command: list, folder: Path) -> tuple[int, str, str]:
    """Runs the program; paths are named in its words as the case has them, not as this machine does."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, timeout=600)
    return done.returncode, done.stdout, done.stderr.replace(f"{folder}/", "")


def refused(status: int, said: str) -> str:
    last = (said.strip().splitlines() or ["nothing said"])[-1]
    return f"refuses: {shortened(last)}" if status == 2 else f"**exit {status}**: {shortened(last)}"


def by_transformers(path: Path) -> Result:
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            model, report = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, output_loading_info=True)
            tokenizer = AutoTokenizer.from_pretrained(path)
        if report["missing_keys"]:
            names = sorted(report["missing_keys"])
            return Result(refusal=f"opens, {len(names)} tensors drawn at random ({names[0]})")
        ids = torch.tensor([tokenizer(PROMPT)["input_ids"]])
        if ids.max() >= model.config.vocab_size:
            return Result(refusal="opens; the prompt has a token that the embedding lacks")
        written = model.generate(ids, max_new_tokens=NEW_TOKENS, do_sample=False)[0, ids.shape[1] :].tolist()
        ends = model.generation_config.eos_token_id
        if written and written[-1] in (ends if isinstance(ends, list) else [ends]):
            written.pop()
        return Result([ids.shape[1], *written])
    except Exception as error:  # whatever it is, it is the library's answer to this folder
        return Result(refusal=f"refuses: {type(error).__name__}")


def by_outgrow(program: Path, path: Path) -> Result:
    command = [program, "generate", path, "--prompt", PROMPT, "--max-new-tokens", NEW_TOKENS, "--json"]
    status, printed, said = call(command, path.parent)
    if status:
        return Result(refusal=refused(status, said))
    written = json.loads(printed)
    return Result([written["prompt_tokens"], *written["tokens"]], notes=shortened(said))


def verdict(theirs: Result, ours: Result, outcome: str | None, plainly: Result | None = None) -> tuple[str, bool]:
    if ours.tokens is None:
        right = outcome is None or (outcome in ("refused", "plain") and not ours.refusal.startswith("**exit"))
        return ours.refusal, right
    notes = f"; {ours.notes}" if ours.notes else ""
    if theirs.tokens is None:
        as_plain = plainly is not None and ours.tokens == plainly.tokens
        right = outcome is None or (outcome == "plain" and as_plain)
        return f"{'as plain' if as_plain else 'opens'}{notes}", right
    same = ours.tokens == theirs.tokens
    return f"{'same' if same else 'differs'}{notes}", same or outcome is None


def folders(program: Path | None, folder: Path, only: list[str]) -> list[Row]:
    plainly = by_transformers(plain().write(folder / "plain-itself"))
    rows = []
    for case in FOLDERS:
        if not all(word in case.name for word in only):
            continue
        made = plain()
        made.written = plainly.tokens[1:]
        case.change(made)
        path = made.write(folder / case.name)
        theirs = by_transformers(path)
        words = theirs.refusal or ("as plain" if theirs.tokens == plainly.tokens else "a text of its own")
        row = Row(case.name, case.words, words, "…")
        if program:
            ours = by_outgrow(program, path)
            row.ours, row.right = verdict(theirs, ours, case.outcome, plainly)
            if ours.tokens is not None and theirs.tokens is not None:
                growth, right = grown(program, path)
                row.ours, row.right = f"{row.ours}; {growth}", row.right and right
        rows.append(row)
        print(row, flush=True)
    return rows


def grown(program: Path, path: Path) -> tuple[str, bool]:
    """Stacks the folder twice: both sides write the same behind it, and its embedding, last norm and head are the
    source's."""
    target = path.with_name(f"{path.name}-grown")
    status, _, said = call([program, "grow", path, target, "--operator", "stack", "--factor", "2"], path.parent)
    if status:
        return f"grown: {refused(status, said)}", status == 2
    ours, theirs = by_outgrow(program, target), by_transformers(target)
    if ours.tokens is None or ours.tokens != theirs.tokens:
        return f"grown: {ours.refusal or theirs.refusal or 'differs'}", False
    small, large = (AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32) for model in (path, target))
    lost = [name for name, tensor in ends_of(small).items() if not torch.equal(tensor, ends_of(large)[name])]
    return f"grown: {'same' if not lost else 'another ' + ' and '.join(lost)}", not lost


def ends_of(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {
        "embedding": model.get_input_embeddings().weight,
        "norm": model.model.norm.weight,
        "head": model.get_output_embeddings().weight,
    }


def shards_of(program: Path, inputs: list, tokenizer: Path, out: Path, arguments: tuple = ()) -> tuple[Result, int]:
    """The ids of `data prepare`, and the separator's."""
    command = [program, "data", "prepare", *inputs, "--tokenizer", tokenizer, "--out", out, *arguments]
    status, _, said = call(command, out.parent)
    if status:
        return Result(refusal=refused(status, said)), 0
    manifest = json.loads((out / "manifest.json").read_text())
    dtype = {"u16": "<u2", "u32": "<u4"}[manifest["dtype"]]
    ids = [numpy.fromfile(out / shard["file"], dtype) for shard in manifest["shards"]]
    notes = [line for line in said.splitlines() if "tokens" not in line]
    return Result(numpy.concatenate(ids).tolist(), notes=shortened(" ".join(notes))), manifest["separator"]["id"]


def tokenizers(program: Path | None, folder: Path, only: list[str]) -> list[Row]:
    corpus = folder / "texts.jsonl"
    corpus.write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
    rows = []
    for number, (name, (words, written)) in enumerate(variants().items()):
        if not all(word in name for word in only):
            continue
        file = folder / f"{number}.json"
        file.write_text(json.dumps(written, ensure_ascii=False), encoding="utf-8")
        asked = SEPARATORS.get(name)
        arguments = ("--separator", asked) if asked else ()
        ours, separator = Result(), 0
        if program:
            ours, separator = shards_of(program, [corpus], file, folder / f"shards-{number}", arguments)
        theirs = Result(ids_of(written, TEXTS, asked or separator))
        row = Row(name, words, f"{len(theirs.tokens) - len(TEXTS)} ids", "…")
        if program:
            row.ours, row.right = verdict(theirs, ours, "same")
        rows.append(row)
        print(row, flush=True)
    return rows


def corpora(program: Path | None, folder: Path, only: list[str]) -> list[Row]:
    tokenizer = folder / "tokenizer.json"
    tokenizer.write_text(byte_level())
    rows = []
    for number, case in enumerate(CORPORA):
        if not all(word in case.file for word in only):
            continue
        path = case.write(folder)
        try:
            read = texts(case, path, folder / f"cache-{number}")
            theirs, words = Result(), f"{case.reader}: {len(read)} {'text' if len(read) == 1 else 'texts'}"
            if all(isinstance(text, str) for text in read):
                theirs = Result(ids_of(json.loads(byte_level()), read, 0))
            else:
                words += f", {sum(not isinstance(text, str) for text in read)} of them no string"
        except Exception as error:
            cause = error.__cause__ or error
            theirs, words = Result(refusal="refused"), f"{case.reader}: refuses, {type(cause).__name__}"
        row = Row(case.file, case.words, words, "…")
        if program:
            ours, _ = shards_of(program, [path], tokenizer, folder / f"shards-{number}", case.arguments)
            row.ours, row.right = verdict(theirs, ours, case.outcome)
        rows.append(row)
        print(row, flush=True)
    return rows


def harness(program: Path | None, folder: Path, only: list[str]) -> list[Row]:
    documents = lay_documents(folder)
    by_name = {case.name: case for case in FOLDERS}
    rows = []
    for number, (name, flag) in enumerate(HARNESS):
        if not all(word in name for word in only):
            continue
        made = plain()
        by_name[name].change(made)
        path = made.write(folder / f"{number}")
        words, ours, right = run_harness(program, path, documents, folder / f"out-{number}", flag)
        row = Row(name, f"add_bos_token {flag or 'not given'}", words, ours, right)
        rows.append(row)
        print(row, flush=True)
    return rows


def runs(program: Path | None, folder: Path, only: list[str]) -> list[Row]:
    run = prepare(program, folder) if program else None
    rows = []
    for case in RUNS:
        if not all(word in case.name for word in only):
            continue
        words, right = taken_up(program, run, case) if program else ("…", True)
        rows.append(Row(case.name, case.words, f"right is: {case.outcome}", shortened(words), right))
        print(rows[-1], flush=True)
    return rows


PARTS = {"folders": folders, "tokenizers": tokenizers, "corpora": corpora, "harness": harness, "runs": runs}


def replace_rows(file: Path, rows: list[Row]) -> None:
    """Rows of a table go by their first two cells."""

    def key(line: str) -> str:
        return "|".join(line.replace("\\|", "").split("|")[:3])

    written = {key(str(row)): str(row) for row in rows}
    lines = [written.get(key(line), line) for line in file.read_text(encoding="utf-8").split("\n")]
    missing = written.keys() - set(map(key, lines))
    file.write_text("\n".join(lines), encoding="utf-8")
    if missing:
        print(f"{file} has no row for: {', '.join(sorted(missing))}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("program", type=Path, nargs="?")
    parser.add_argument("--part", nargs="*", choices=PARTS, default=list(PARTS))
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--without-outgrow", action="store_true")
    parser.add_argument(
        "--into", type=Path, metavar="MARKDOWN", help="put the rows in place of its rows of the same case"
    )
    given = parser.parse_args()
    if bool(given.program) == given.without_outgrow:
        parser.error("give the program, or --without-outgrow")
    logging.set_verbosity_error()
    torch.set_num_threads(1)
    print("With " + ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES))
    rows = []
    for part in given.part:
        print(f"\n{part}:\n\n| case | what is odd | peer | outgrow |\n|---|---|---|---|", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            program = given.program.resolve() if given.program else None
            rows += PARTS[part](program, Path(folder), given.only)
    if given.into:
        replace_rows(given.into, rows)
    wrong = sum(not row.right for row in rows)
    print(f"\n{wrong} wrong")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
