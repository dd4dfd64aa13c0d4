"""Corpora as Python writes them, through `outgrow data prepare`, against the tokenizers library.

The tokens in the shards are those that the library gives for the texts that Python reads from the same files.

    cargo xtask compare corpora OUTGROW [--tokenizer TOKENIZER_JSON] [--only WORD ...] [--seed 1]

OUTGROW is the program. Without a tokenizer, a small byte-level BPE is trained. A line for each case; files that
Python's libraries refuse, or read wrongly, are cases that must be refused here, in one line and with status 2.
"""

import argparse
import bz2
import gzip
import json
import lzma
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

WORDS = "the river was high that spring and nobody crossed it bees hives numbers 1 2 33 café naïve 河川 😀 x\u2028y \t \n \r\n  ".split(
    " "
)


def texts_of(generator, count):
    def text():
        kind = generator.random()
        if kind < 0.05:
            return ""
        if kind < 0.1:
            return None
        if kind < 0.15:
            return "".join(
                chr(generator.choice([generator.randrange(1, 0xD800), generator.randrange(0xE000, 0x110000)]))
                for _ in range(40)
            )
        return " ".join(generator.choice(WORDS) for _ in range(generator.randrange(1, 400)))

    return [text() for _ in range(count)]


def new_tokenizer(path):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([" ".join(WORDS)] * 50, trainer)
    tokenizer.save(str(path))


class Side:
    """Python's side: ids of texts, with a separator in front of each."""

    def __init__(self, path):
        self.tokenizer = Tokenizer.from_file(str(path))
        # The spelling of a special token in a text is text.
        self.tokenizer.encode_special_tokens = True

    def ids(self, texts, separator):
        ids = []
        for text in texts:
            # Half a surrogate pair has no UTF-8; the library says of such a text that it is none.
            text = (text or "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            if text:
                ids += [separator] + self.tokenizer.encode(text, add_special_tokens=False).ids
        return ids


def json_lines(rows, **options):
    return "".join(json.dumps(row, **options) + "\n" for row in rows).encode()


def parquet(table, path, **options):
    pq.write_table(table, path, **options)
    return pq.read_table(path)


def read_lines(raw):
    return [json.loads(line)["text"] for line in raw.decode("utf-8-sig").split("\n") if line.strip()]


def cases(folder, generator):
    """Name, inputs, further arguments, and the texts that Python reads."""
    texts = texts_of(generator, 300)
    rows = [{"id": number, "text": text} for number, text in enumerate(texts)]
    raw = json_lines(rows)
    cut = generator.randrange(len(raw))

    def file(name, data):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def case(name, data, expected=texts, *arguments):
        return name, [file(name, data)], list(arguments), expected

    yield case("plain.jsonl", raw, read_lines(raw))
    yield case("utf8.jsonl", json_lines(rows, ensure_ascii=False), texts)
    yield case("mark.jsonl", b"\xef\xbb\xbf" + raw, read_lines(b"\xef\xbb\xbf" + raw))
    yield case("carriage.jsonl", raw.replace(b"\n", b"\r\n"))
    odd = [
        {"text": text, "score": generator.choice([float("nan"), float("inf"), -float("inf"), 10**30])} for text in texts
    ]
    yield case("nan.jsonl", json_lines(odd), read_lines(json_lines(odd)))
    halves = [{"text": f"{text}\ud83d", "other": "\ude00"} for text in texts] + [
        {"text": "\ude00\ud83d \ud83d\ude00", "n": float("nan")}
    ]
    yield case("surrogates.jsonl", json_lines(halves), read_lines(json_lines(halves)))
    twice = b"".join(b'{"text": "one", ' + json.dumps({"text": text}).encode()[1:] + b"\n" for text in texts)
    yield case("twice.jsonl", twice, read_lines(twice))
    yield case("array.json", json.dumps(rows).encode(), [row["text"] for row in json.loads(json.dumps(rows))])
    yield case("indented.json.gz", gzip.compress(json.dumps(rows, indent=4).encode()))
    yield case("array.jsonl", json.dumps(rows, indent=None).encode())
    yield case("objects.json", b"".join(json.dumps(row, indent=2).encode() + b"\n" for row in rows))
    yield case("c4-train.00000-of-01024.json.gz", gzip.compress(raw), read_lines(gzip.decompress(gzip.compress(raw))))
    members = gzip.compress(raw[:cut]) + gzip.compress(raw[cut:], 1) + bytes(512)
    yield case("members.jsonl.gz", members, read_lines(gzip.decompress(members)))
    frames = zstandard.compress(raw[:cut]) + zstandard.compress(raw[cut:])
    read = zstandard.ZstdDecompressor().stream_reader(frames, read_across_frames=True).read()
    yield case("frames.jsonl.zst", frames, read_lines(read))
    yield case("skippable.json.zst", b"\x50\x2a\x4d\x18\x04\0\0\0abcd" + zstandard.compress(raw))
    yield case("streams.jsonl.xz", lzma.compress(raw[:cut]) + lzma.compress(raw[cut:]), read_lines(raw))
    deep = [{"data": {"inner": {"text": text}}} for text in texts]
    yield case("deep.jsonl", json_lines(deep), texts, "--text-field", "data.inner.text")
    book = "\n".join(text or "" for text in texts).encode()
    yield case("book.txt", b"\xef\xbb\xbf" + book, [book.decode()])
    yield case("book.txt.zst", zstandard.compress(book), [book.decode()])
    yield case("book.txt.gz", gzip.compress(book), [book.decode()])

    table = pa.table({"id": list(range(len(texts))), "text": texts, "tags": [["a", "b"]] * len(texts)})
    for codec in ["none", "snappy", "gzip", "brotli", "lz4", "zstd"]:
        for version in ["1.0", "2.0"]:
            path = folder / f"{codec}-{version}.parquet"
            size = generator.randrange(1, 400)
            column = parquet(
                table, path, compression=codec, data_page_version=version, row_group_size=size, data_page_size=1000
            )["text"]
            yield path.name, [path], [], column.to_pylist()
    for kind in [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string()), pa.binary()]:
        for encoding in [None, "PLAIN", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"]:
            is_dictionary = pa.types.is_dictionary(kind)
            # pyarrow writes these, and can't read them.
            if is_dictionary and encoding not in (None, "PLAIN"):
                continue
            path = folder / f"{'dictionary' if is_dictionary else kind}-{encoding}.parquet"
            values = pa.array(texts).dictionary_encode() if is_dictionary else pa.array(texts, kind)
            chosen = {} if encoding is None else {"use_dictionary": False, "column_encoding": {"text": encoding}}
            parquet(pa.table({"text": values}), path, **chosen)
            yield path.name, [path], [], texts
    path = folder / "structure.parquet"
    parquet(pa.table({"data": [None if text is None else {"text": text} for text in texts]}), path)
    yield path.name, [path], ["--text-field", "data.text"], texts

    shards = folder / "published"
    for number in range(12):
        file(f"published/train/{number}.jsonl.gz", gzip.compress(json_lines(rows[number * 25 : number * 25 + 25])))
    file("published/README.md", b"# About")
    file("published/.gitattributes", b"*.gz filter=lfs")
    file("published/dataset_info.json", b"{}")
    paths = sorted(shards.glob("train/*.jsonl.gz"), key=lambda path: path.name.encode())
    in_order = [text for path in paths for text in read_lines(gzip.decompress(path.read_bytes()))]
    yield "a folder", [shards], [], in_order
    yield "a pattern", [shards / "**" / "*.gz"], [], in_order
    bad = b"not JSON\n" + raw + b'{"content": 1}\n{"text": "\xe9t\xe9"}\n{"text": "cut'
    yield case("bad.jsonl", bad, texts, "--skip-bad-lines", "4")


def refusals(folder, generator):
    """Name, contents, and a word of what must be said."""
    raw = json_lines([{"text": "%032x" % generator.getrandbits(128)} for _ in range(5000)])
    packed, squeezed = gzip.compress(raw), zstandard.compress(raw)
    yield "gzip-named.jsonl.zst", packed, "gzip"
    yield "zstd-named.jsonl.gz", squeezed, "zstd"
    yield "plain-named.jsonl.zst", raw, "plain text"
    yield "cut.jsonl.gz", packed[: len(packed) // 2], "cannot read on after line"
    yield "cut.jsonl.zst", squeezed[: len(squeezed) * 2 // 3], "cannot read on after line"
    yield "cut.jsonl", raw[:-20], "not JSON"
    yield "junk.jsonl.gz", packed + b"junk", "gzip"
    yield "junk.jsonl.zst", squeezed + b"junk", "cannot read on after line 5000"
    yield "bzip2.jsonl.bz2", bz2.compress(raw), "bunzip2"
    yield "pointer.parquet", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "Git LFS"
    yield "page.jsonl", b"<!DOCTYPE html><html>404</html>", "HTML"
    yield "wide.txt", raw.decode().encode("utf-16"), "UTF-16"
    yield "wide-without-mark.txt", raw.decode().encode("utf-16-le"), "UTF-16"
    yield "latin1.txt", "café ".encode("latin-1") * 50, "not UTF-8"
    path = folder / "whole.parquet"
    parquet(pa.table({"text": [line.decode() for line in raw.splitlines()], "turns": [["a"]] * 5000}), path)
    yield "cut.parquet", path.read_bytes()[:-100], "parquet"
    yield "lists.jsonl", json_lines([{"text": ["a", "b"]}]), "list"
    yield "other-field.jsonl", json_lines([{"content": "a"}]), '"content"'


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("outgrow")
    parser.add_argument("--tokenizer", type=Path)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    generator = random.Random(arguments.seed)
    folder = Path(tempfile.mkdtemp(prefix="corpora-"))
    tokenizer = arguments.tokenizer or folder / "tokenizer.json"
    if arguments.tokenizer is None:
        new_tokenizer(tokenizer)
    side, shards, failures, count = Side(tokenizer), folder / "shards", 0, 0
    wanted = lambda name: not arguments.only or any(word in name for word in arguments.only)

    def run(inputs, further):
        shutil.rmtree(shards, ignore_errors=True)
        command = [
            arguments.outgrow,
            "data",
            "prepare",
            *map(str, inputs),
            "--tokenizer",
            str(tokenizer),
            "--out",
            str(shards),
        ]
        return subprocess.run(command + further, capture_output=True, text=True)

    def say(name, problem, words):
        nonlocal failures, count
        count += 1
        failures += problem is not None
        print("OK  " if problem is None else "BAD ", name, problem or words, flush=True)

    for name, inputs, further, texts in cases(folder, generator):
        if not wanted(name):
            continue
        result = run(inputs, further)
        if result.returncode != 0:
            say(name, f"status {result.returncode}: {result.stderr.strip()}", "")
            continue
        manifest = json.loads((shards / "manifest.json").read_text())
        kind = {"u16": "<u2", "u32": "<u4"}[manifest["dtype"]]
        ids = np.concatenate([np.fromfile(shards / shard["file"], kind) for shard in manifest["shards"]]).tolist()
        expected = side.ids(texts, manifest["separator"]["id"])
        difference = None if ids == expected else f"{len(ids)} tokens, Python has {len(expected)}"
        say(name, difference, f"{len(ids)} tokens; {result.stderr.strip().replace(str(folder) + '/', '')}")
    for name, data, word in refusals(folder, generator):
        if not wanted(name):
            continue
        path = folder / name
        path.write_bytes(data)
        result = run([path], [])
        message = result.stderr.strip().replace(f"{folder}/", "")
        fine = result.returncode == 2 and word in message and "\n" not in message and not shards.exists()
        say(name, None if fine else f"status {result.returncode}: {message}", message)
    shutil.rmtree(folder)
    print(f"{count - failures} of {count} cases")
    sys.exit(failures > 0 or count == 0)


if __name__ == "__main__":
    main()
