"""Small corpora for check_compatibility.py, each with one property that published files have.

A case writes a file and names a reader that people use for such files; what `outgrow data prepare` makes of it is held
to the texts that the reader gives. `outcome` as in folders.py.
"""

import gzip
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from checks.compatibility.tokenizer_variants import CORPUS

ROWS = [{"text": f"{text} ({i})", "id": i} for i in range(8) for text in CORPUS]
TEXTS = [row["text"] for row in ROWS]


def lines(rows: list, end: str = "\n") -> bytes:
    return "".join((row if isinstance(row, str) else json.dumps(row)) + end for row in rows).encode()


def with_row(row, place: int = 5) -> bytes:
    return lines(ROWS[:place] + [row] + ROWS[place:])


def zstd(*parts: bytes, before: bytes = b"", cut: int = 0) -> Callable[[Path], None]:
    """A file of zstd frames, one for each part."""

    def write(path: Path) -> None:
        import zstandard

        frames = b"".join(zstandard.ZstdCompressor().compress(part) for part in parts)
        path.write_bytes(before + frames[: len(frames) - cut])

    return write


def parquet(path: Path, *, column: str = "text", type_=None, **settings) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts = pa.array(TEXTS, type_ or pa.string())
    table = pa.table({"id": pa.array(range(len(TEXTS))), column: texts, "score": pa.array([0.5] * len(TEXTS))})
    pq.write_table(table, path, **settings)


@dataclass(frozen=True)
class Case:
    file: str
    """Its name; what is given to both sides."""
    words: str
    reader: str
    """`datasets json`, `datasets parquet`, or `python`: the file as one text."""
    outcome: str | None
    content: bytes | Callable[[Path], None]
    arguments: tuple[str, ...] = ()

    def write(self, folder: Path) -> Path:
        path = folder / self.file
        if isinstance(self.content, bytes):
            path.write_bytes(self.content)
        else:
            self.content(path)
        return path


PLAIN = lines(ROWS)
HALVES = (lines(ROWS[: len(ROWS) // 2]), lines(ROWS[len(ROWS) // 2 :]))
# A frame that readers pass over, as some writers put in front.
SKIPPABLE = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"
JSON, PARQUET, PYTHON = "datasets json", "datasets parquet", "python"
NAN = [row | {"score": float("nan"), "ratio": float("inf")} for row in ROWS]
LONE = '{"text": "half of a pair \\ud83d here"}'


def arrow(name: str):
    """The type by name, when it is needed: pyarrow is loaded then."""
    import pyarrow as pa

    return {"large": pa.large_string(), "dictionary": pa.dictionary(pa.int32(), pa.string())}[name]


CASES = [
    Case("plain.jsonl", "nothing odd", JSON, "same", PLAIN),
    Case("mark.jsonl", "begins with a byte order mark", JSON, "same", b"\xef\xbb\xbf" + PLAIN),
    Case("windows.jsonl", "lines end in CR LF", JSON, "same", lines(ROWS, "\r\n")),
    Case("blank.jsonl", "blank lines", JSON, "same", lines(["", *ROWS[:3], "", "  ", *ROWS[3:]])),
    Case("nan.jsonl", "NaN and Infinity in other fields", JSON, "same", lines(NAN)),
    Case("half-pair.jsonl", "an escape that is half a surrogate pair", JSON, None, with_row(LONE)),
    Case("field-missing.jsonl", "a line without the field", JSON, None, with_row({"content": "other", "id": 99})),
    Case("null.jsonl", "a null for a text", JSON, None, with_row({"text": None, "id": 99})),
    Case("list.jsonl", "a list for a text", JSON, "refused", with_row({"text": ["a", "b"], "id": 99})),
    Case("empty-text.jsonl", "an empty text", JSON, None, with_row({"text": "", "id": 99})),
    Case("nul.jsonl", "a NUL character in a text", JSON, "same", with_row({"text": "a\0b", "id": 99})),
    Case("twice.jsonl", "a line with the field twice", JSON, None, with_row('{"text": "one", "text": "two"}')),
    Case("cut.jsonl", "the last line is cut", JSON, "refused", PLAIN + b'{"text": "the last line was cu'),
    Case("not-utf-8.jsonl", "a byte that isn't UTF-8", JSON, "refused", PLAIN + b'{"text": "a \xe9"}\n'),
    Case("array.json", "one JSON array", JSON, None, json.dumps(ROWS).encode()),
    Case("lines.json", "JSON lines named .json", JSON, "same", PLAIN),
    Case("lines.json.gz", "the same, gzip", JSON, "same", gzip.compress(PLAIN)),
    Case(
        "two-members.jsonl.gz",
        "gzip in two members",
        JSON,
        "same",
        b"".join(map(gzip.compress, HALVES)),
    ),
    Case(
        "frames.jsonl.zst",
        "zstd in two frames",
        JSON,
        "same",
        zstd(*HALVES),
    ),
    Case(
        "skippable.jsonl.zst",
        "zstd with a skippable frame",
        JSON,
        "same",
        zstd(PLAIN, before=SKIPPABLE),
    ),
    Case("cut.jsonl.zst", "zstd that is cut", JSON, "refused", zstd(PLAIN, cut=20)),
    Case("not.jsonl.zst", "plain lines named .zst", JSON, "refused", PLAIN),
    Case("gzip.jsonl.zst", "gzip named .zst", JSON, None, gzip.compress(PLAIN)),
    Case("plain.parquet", "parquet, Snappy", PARQUET, "same", parquet),
    *(
        Case(
            f"{codec}.parquet",
            f"parquet, {codec}",
            PARQUET,
            "same",
            lambda path, codec=codec: parquet(path, compression=codec),
        )
        for codec in ("none", "gzip", "zstd", "lz4", "brotli")
    ),
    Case("large.parquet", "parquet, large_string", PARQUET, "same", lambda path: parquet(path, type_=arrow("large"))),
    Case(
        "dictionary.parquet",
        "parquet, a dictionary column",
        PARQUET,
        "same",
        lambda path: parquet(path, type_=arrow("dictionary")),
    ),
    Case(
        "groups.parquet",
        "parquet, row groups of seven rows",
        PARQUET,
        "same",
        lambda path: parquet(path, row_group_size=7),
    ),
    Case(
        "column.parquet",
        "parquet, the text in another column",
        PARQUET,
        "same",
        lambda path: parquet(path, column="content"),
        ("--text-field", "content"),
    ),
    Case("book.txt", "text, byte order mark, CR LF", PYTHON, None, b"\xef\xbb\xbf" + "\r\n".join(TEXTS).encode()),
    Case(
        "book.txt.zst",
        "text, zstd",
        PYTHON,
        "same",
        zstd("\n".join(TEXTS).encode()),
    ),
    Case("utf-16.txt", "text in UTF-16", PYTHON, "refused", "\n".join(TEXTS).encode("utf-16")),
    Case("nothing.txt", "an empty file", PYTHON, "refused", b""),
]


def texts(case: Case, path: Path, cache: Path) -> list[str]:
    """What the reader gives; its errors come through."""
    field = case.arguments[1] if case.arguments else "text"
    if case.reader == PYTHON:
        import zstandard

        data = zstandard.open(path, "rb").read() if path.suffix == ".zst" else path.read_bytes()
        return [data.decode("utf-8")]
    import datasets

    datasets.disable_progress_bars()
    datasets.logging.set_verbosity(logging.CRITICAL)
    loaded = datasets.load_dataset(case.reader.split()[1], data_files=str(path), split="train", cache_dir=str(cache))
    return list(loaded[field])
