"""outgrow-eval against lm-evaluation-harness: the same tokenizers and made-up scores through both.

    cargo xtask compare eval HASHED_SCORES DATA --tokenizers FOLDER [--only WORDS …] [--keep FOLDER]

HASHED_SCORES is the crate's example of that name, built in release; DATA a folder with the files of the nine tasks;
FOLDER has tokenizers as <name>/tokenizer.json or <name>.json. For each case (cases.py): (a) every line of every
samples file is the same, byte for byte: documents, contexts, continuations, scores (and so tokens, of which they are
hashes), metrics, hashes; (b) the results file has the same keys in the same order, and the same values but for those
that speak of the program; sums may differ by 1e-10; (c) the tables are the same. A line for each case and a Markdown
table of all; the exit status is 1 if something differs.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from checks.evaluation.cases import Case, cases
from models.documents import write_further_tasks, write_pools
from peers.harness import evaluate, read_documents_from, subjects

SAME = 1e-10
# What speaks of the program and not of what it found.
OF_THE_PROGRAM = {
    "config",
    "git_hash",
    "date",
    "pretty_env_info",
    "transformers_version",
    "upper_git_hash",
    "tokenizer_pad_token",
    "model_source",
    "total_evaluation_time_seconds",
    "fewshot_as_multiturn",
    "chat_template",
    "system_instruction",
}
CONFIG_OF_THE_PROGRAM = {
    "model",
    "model_args",
    "model_num_parameters",
    "model_dtype",
    "model_revision",
    "model_sha",
    "batch_size",
    "batch_sizes",
    "device",
    "gen_kwargs",
}
OURS = ["outgrow"]


class Failed(Exception):
    """What differs, in one line."""


@dataclass
class Compared:
    documents: int = 0
    requests: int = 0
    tasks: int = 0
    largest: float = 0.0


def short(text: str) -> str:
    return text if len(text) < 160 else text[:160] + " …"


def compare_samples(ours: Path, theirs: Path, task: str, compared: Compared) -> None:
    (own,), (their,) = (list(folder.glob(f"*/samples_{task}_2*.jsonl")) for folder in (ours, theirs))
    own_lines, their_lines = (path.read_text(encoding="utf-8").split("\n") for path in (own, their))
    if len(own_lines) != len(their_lines):
        raise Failed(f"{task}: {len(own_lines)} lines of samples, not {len(their_lines)}")
    for number, (own_line, their_line) in enumerate(zip(own_lines, their_lines, strict=True)):
        if own_line != their_line and not nearly(own_line, their_line, compared):
            own_keys, their_keys = json.loads(own_line), json.loads(their_line)
            keys = [key for key in their_keys if own_keys.get(key) != their_keys[key]] or ["order of keys or spelling"]
            detail = f"{own_keys.get(keys[0])!r}, not {their_keys.get(keys[0])!r}"
            raise Failed(f"{task}, document {number}: {', '.join(keys)} differ: {short(detail)}")
        if their_line:
            compared.documents += 1
            compared.requests += their_line.count('"arg_0": ')
    compared.tasks += 1


def nearly(own_line: str, their_line: str, compared: Compared) -> bool:
    """Whether nothing but the last digits of TruthfulQA's probability mass differ, which NumPy sums in another
    order."""
    own, their = json.loads(own_line), json.loads(their_line)
    if list(own) != list(their) or not own["filter"] == "none" or "mc2_targets" not in own["doc"]:
        return False
    a, b = own.pop("acc"), their.pop("acc")
    compared.largest = max(compared.largest, abs(a - b))
    return own == their and abs(a - b) <= SAME


def compare_values(name: str, own, their, compared: Compared) -> None:
    if isinstance(own, dict) and isinstance(their, dict):
        if list(own) != list(their):
            raise Failed(f"{name}: keys {list(own)}, not {list(their)}")
        for key in their:
            compare_values(f"{name}.{key}", own[key], their[key], compared)
    elif isinstance(own, float) and isinstance(their, float):
        apart = abs(own - their) / max(abs(their), 1e-300) if own != their else 0.0
        compared.largest = max(compared.largest, apart)
        if not apart <= SAME and not (math.isnan(own) and math.isnan(their)):
            raise Failed(f"{name} is {own!r}, not {their!r}")
    elif type(own) is not type(their) or own != their:
        raise Failed(f"{name} is {short(repr(own))}, not {short(repr(their))}")


def without_functions(config: dict) -> dict:
    """A task's configuration without the sources and addresses of functions, the file it is from and the model."""
    is_function = lambda value: (
        isinstance(value, str) and (value.startswith(("def ", "<function")) or value == "a function of outgrow-eval")
    )  # noqa: E731
    plain = lambda entries: {key: "function" if is_function(value) else value for key, value in entries.items()}  # noqa: E731
    config = plain(config)
    config["fewshot_config"] = plain(config["fewshot_config"])
    config["metadata"] = {key: value for key, value in config["metadata"].items() if key == "version"}
    return config


def compare_results(ours: Path, theirs: Path, compared: Compared) -> None:
    (own,), (their,) = (list(folder.glob("*/results_*.json")) for folder in (ours, theirs))
    own, their = json.loads(own.read_text()), json.loads(their.read_text())
    if list(own) != list(their) + OURS:
        raise Failed(f"results: keys {list(own)}, not {list(their)}")
    for key, value in their.items():
        if key == "configs":
            own[key] = {task: without_functions(config) for task, config in own[key].items()}
            value = {task: without_functions(config) for task, config in value.items()}
        if key == "config":
            if list(own[key]) != list(value):
                raise Failed(f"config: keys {list(own[key])}, not {list(value)}")
            for name in value.keys() - CONFIG_OF_THE_PROGRAM:
                compare_values(f"config.{name}", own[key][name], value[name], compared)
        elif key not in OF_THE_PROGRAM:
            compare_values(key, own[key], value, compared)


def run(case: Case, program: Path, data: Path, tokenizer: Path, folder: Path) -> tuple[Compared, float, float]:
    tasks = case.tasks
    begin = time.perf_counter()
    command = [program, data, ",".join(tasks), tokenizer, folder / "ours", json.dumps(case.options)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"the program says: {done.stderr.strip()}")
    between = time.perf_counter()
    tables = evaluate(tokenizer, tasks, case.options, folder / "theirs")
    end = time.perf_counter()
    compared = Compared()
    for path in sorted((folder / "theirs").glob("*/samples_*.jsonl")):
        compare_samples(folder / "ours", folder / "theirs", path.name[len("samples_") :].rsplit("_", 1)[0], compared)
    compare_results(folder / "ours", folder / "theirs", compared)
    if not done.stdout.startswith(tables):
        pairs = zip(tables.split("\n"), done.stdout.split("\n"), strict=False)
        line = next((pair for pair in pairs if pair[0] != pair[1]), ("", ""))
        raise Failed(f"table: {line[1]!r}, not {line[0]!r}")
    return compared, between - begin, end - between


def linked(data: Path, folder: Path) -> None:
    """The folders of `data`, each file a link, so that made-up files can stand beside them."""
    for path in data.glob("*/*.jsonl"):
        target = folder / path.parent.name / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(path.resolve())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--tokenizers", type=Path, required=True)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--keep", type=Path)
    arguments = parser.parse_args()
    failed, rows = 0, []
    with tempfile.TemporaryDirectory() as temporary:
        work = arguments.keep or Path(temporary)
        data = work / "data"
        linked(arguments.data, data)
        write_pools(data)
        write_further_tasks(data, subjects())
        read_documents_from(data, work / "cache")
        for case in cases():
            if arguments.only and not any(word in case.name for word in arguments.only):
                continue
            tokenizer = next(
                path
                for path in (
                    arguments.tokenizers / case.tokenizer / "tokenizer.json",
                    arguments.tokenizers / f"{case.tokenizer}.json",
                )
                if path.is_file()
            )
            try:
                compared, own, their = run(case, arguments.program, data, tokenizer, work / case.folder())
            except Failed as problem:
                failed += 1
                print(f"FAILED {case.name}: {problem}", flush=True)
                continue
            print(
                f"OK {case.name}: {compared.tasks} tasks, {compared.documents} documents, {compared.requests} requests,"
                f" largest difference {compared.largest:.1e}"
                f" ({own:.1f} s, {their:.1f} s)",
                flush=True,
            )
            rows.append(
                f"| {case.name} | {compared.tasks} | {compared.documents} | {compared.requests} | {compared.largest:.0e} |"
            )
    print(
        "\n| case | tasks | documents | requests | largest relative difference |\n|---|---|---|---|---|\n"
        + "\n".join(rows)
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
