"""Benchmarks' documents as parquet, in each codec, as large types and in parts, against JSON lines.

outgrow-eval's samples files are those of the JSON lines, byte for byte. The hashes of the documents are those of the
rows that `datasets`, which loads them for lm-evaluation-harness, reads in the parquet.

    cargo xtask compare eval_files HASHED_SCORES DATA --tokenizer TOKENIZER_JSON [--limit 40]

HASHED_SCORES is the built example of outgrow-eval; DATA has the files of the nine tasks as JSON lines.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ["HF_DATASETS_CACHE"] = tempfile.mkdtemp(prefix="datasets-")

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
from lm_eval.utils import handle_non_serializable, hash_string

TASKS = {
    "lambada_openai": "lambada_openai/lambada_openai_test",
    "lambada_standard": "lambada_standard/lambada_standard_test",
    "arc_easy": "arc_easy/arc_easy_test",
    "arc_challenge": "arc_challenge/arc_challenge_test",
    "logiqa": "logiqa/logiqa_test",
    "piqa": "piqa/piqa_validation",
    "sciq": "sciq/sciq_test",
    "winogrande": "winogrande/winogrande_xl_validation",
    "wikitext": "wikitext/wikitext2_raw_test_pages",
}
LAYOUTS = ["snappy", "gzip", "brotli", "lz4", "zstd", "none", "large", "pages", "parts"]


def large(kind):
    """The same type with 64-bit offsets."""
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(field.name, large(field.type)) for field in kind])
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pa.large_list(large(kind.value_type))
    return pa.large_string() if pa.types.is_string(kind) else kind


def write(table, target, layout):
    target.parent.mkdir(parents=True, exist_ok=True)
    small = {"row_group_size": 70, "data_page_size": 2000}
    if layout == "parts":
        for part in range(3):
            start, end = table.num_rows * part // 3, table.num_rows * (part + 1) // 3
            pq.write_table(
                table.slice(start, end - start), f"{target}-{part:05}-of-00003.parquet", compression="zstd", **small
            )
    elif layout == "large":
        schema = pa.schema([pa.field(field.name, large(field.type)) for field in table.schema])
        pq.write_table(table.cast(schema), f"{target}.parquet", **small)
    elif layout == "pages":
        pq.write_table(table, f"{target}.parquet", data_page_version="2.0", use_dictionary=False, **small)
    else:
        pq.write_table(table, f"{target}.parquet", compression=layout, **small)


def samples(program, data, tokenizer, limit):
    out = tempfile.mkdtemp(prefix="samples-")
    options = json.dumps({"bos_token_id": 1, "eos_token_id": 2, "limit": limit, "bootstrap_iters": 10})
    subprocess.run([program, str(data), ",".join(TASKS), str(tokenizer), out, options], check=True, capture_output=True)
    files = {}
    for path in sorted(Path(out).rglob("samples_*.jsonl")):
        name = path.name.removeprefix("samples_").rsplit("_", 1)[0]
        files[name] = path.read_bytes()
    return files


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("data", type=Path)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=40)
    arguments = parser.parse_args()
    datasets.disable_progress_bars()
    rows = {
        file: datasets.load_dataset("json", data_files=str(arguments.data / f"{file}.jsonl"), split="train")
        for file in TASKS.values()
    }
    expected = samples(arguments.program, arguments.data, arguments.tokenizer, arguments.limit)
    failures = set(TASKS) ^ set(expected)
    for layout in LAYOUTS:
        folder = Path(tempfile.mkdtemp(prefix=f"{layout}-"))
        for file, dataset in rows.items():
            write(dataset.data.table.combine_chunks(), folder / file, layout)
        found = samples(arguments.program, folder, arguments.tokenizer, arguments.limit)
        for task, file in TASKS.items():
            parts = sorted(str(path) for path in folder.glob(f"{file}*.parquet"))
            read = datasets.load_dataset("parquet", data_files=parts, split="train")
            hashes = [
                hash_string(json.dumps(row, indent=2, default=handle_non_serializable, ensure_ascii=False))
                for row in read.select(range(min(arguments.limit, len(read))))
            ]
            lines = [json.loads(line) for line in found[task].splitlines()]
            # The harness adds fields to the documents of some tasks before it hashes them.
            theirs = [line["doc_hash"] for line in lines] == hashes
            added = list(lines[0]["doc"]) != list(read.column_names)
            same = found[task] == expected[task] and (theirs or added)
            if not same:
                failures.add(f"{layout} {task}")
            print(
                "OK  " if same else "BAD ",
                layout,
                task,
                len(lines),
                "documents",
                "(fields added)" if added else "",
                flush=True,
            )
    print("all the same" if not failures else f"differ: {', '.join(sorted(failures))}")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
