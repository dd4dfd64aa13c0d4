"""Makes the small corpora that tests of outgrow-data and outgrow-eval read.

One corpus as Python's libraries publish it, in every codec and layout that data sets have, and the texts that Python
reads back: into crates/outgrow-data/tests/golden and crates/outgrow-eval/tests/golden/parquet.

One corpus as Python's libraries publish it, in every codec and layout that data sets have, and the texts that Python
reads back: into crates/outgrow-data/tests/golden and crates/outgrow-eval/tests/golden/parquet.

    cargo xtask golden corpora
"""

import bz2
import gzip
import json
import lzma
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

CRATES = Path(__file__).resolve().parents[3] / "crates"
CORPUS = CRATES / "outgrow-data/tests/golden"
ROWS = CRATES / "outgrow-eval/tests/golden"
CODECS = ["none", "snappy", "gzip", "brotli", "lz4", "zstd"]

TEXTS = [
    "w1 w2 w3",
    "",
    "w4\nw5\r\nw6\tw7",
    None,
    "café w8 naïve, 河 w9 😀 \u2028 w10",
    'quotes " and \\ and / and \u0000 zero and \u001f unit',
    "w11 " * 100,
    "\ufeffw12 with a mark",
    "same again",
    "same again",
    None,
    "w13",
    "w14 w15",
]


def corpus():
    CORPUS.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps({"id": number, "text": text}) + "\n" for number, text in enumerate(TEXTS))
    raw = lines.encode()
    write = lambda name, data: (CORPUS / name).write_bytes(data)
    half = raw.index(b"\n", len(raw) // 2) + 1
    write("lines.jsonl.gz", gzip.compress(raw, mtime=0))
    write(
        "members.jsonl.gz", gzip.compress(raw[: half - 7], mtime=0) + gzip.compress(raw[half - 7 :], mtime=0) + bytes(9)
    )
    write("frames.jsonl.zst", zstandard.compress(raw[:half]) + zstandard.compress(raw[half:], level=19))
    write("skippable.jsonl.zst", b"\x50\x2a\x4d\x18\x04\0\0\0abcd" + zstandard.compress(raw))
    window = zstandard.ZstdCompressionParameters(window_log=31, enable_ldm=True, compression_level=1)
    write("long.jsonl.zst", zstandard.ZstdCompressor(compression_params=window).compress(raw))
    write("lines.jsonl.xz", lzma.compress(raw[:half], check=lzma.CHECK_SHA256) + lzma.compress(raw[half:]))
    write("lines.jsonl.bz2", bz2.compress(raw))
    rows = [{"id": number, "text": text} for number, text in enumerate(TEXTS)]
    write("array.json.gz", gzip.compress(json.dumps(rows).encode(), mtime=0))
    write("indented.json.gz", gzip.compress(json.dumps(rows, indent=2, ensure_ascii=False).encode(), mtime=0))

    plain = {"id": list(range(len(TEXTS))), "text": TEXTS}
    small = {"row_group_size": 7, "data_page_size": 256}
    lean = {"write_statistics": False, "store_schema": False}
    save = lambda name, table, **options: pq.write_table(table, CORPUS / f"{name}.parquet", **options)
    for codec in CODECS:
        save(codec, pa.table({"text": TEXTS}), compression=codec, **small, **lean)
    save(
        "second-pages", pa.table(plain), compression="zstd", data_page_version="2.0", write_page_checksum=True, **small
    )
    save(
        "lengths",
        pa.table(plain),
        use_dictionary=False,
        column_encoding={"text": "DELTA_LENGTH_BYTE_ARRAY", "id": "PLAIN"},
    )
    save("prefixes", pa.table(plain), use_dictionary=False, column_encoding={"text": "DELTA_BYTE_ARRAY", "id": "PLAIN"})
    typed = lambda kind: pa.table({"text": pa.array(TEXTS, kind)})
    save("large-strings", typed(pa.large_string()))
    save("string-views", typed(pa.string_view()))
    save("dictionary", pa.table({"text": pa.array(TEXTS).dictionary_encode()}))
    save("binary", typed(pa.binary()))
    nested = [None if number == 10 else {"language": "en", "text": text} for number, text in enumerate(TEXTS)]
    save("nested", pa.table({"data": nested}))
    named = pa.table({"data.text": TEXTS, "data": [{"text": "another"}] * len(TEXTS)})
    save("named-with-a-point", named)
    save(
        "lists",
        pa.table({"text": [[text] for text in TEXTS], "id": plain["id"], "turns": [[{"content": "a"}]] * len(TEXTS)}),
    )
    read_back = pq.read_table(CORPUS / "zstd.parquet").column("text").to_pylist()
    assert read_back == TEXTS and [json.loads(line)["text"] for line in lines.splitlines()] == TEXTS
    write("texts.json", json.dumps(TEXTS, indent=0, ensure_ascii=False).encode() + b"\n")


def benchmark_rows():
    """Rows with every type that the data sets of the tasks have, and what Python reads back."""
    whole = pq.read_table(ROWS / "arc_challenge_test.parquet")
    folder = ROWS / "parquet"
    folder.mkdir(exist_ok=True)
    lean = {"write_statistics": False, "store_schema": False}
    for codec in CODECS:
        pq.write_table(whole, folder / f"{codec}.parquet", compression=codec, **lean)
    large = pa.schema(
        [
            ("id", pa.large_string()),
            ("question", pa.string_view()),
            ("choices", pa.struct([("text", pa.large_list(pa.large_string())), ("label", pa.list_(pa.string()))])),
            ("answerKey", pa.dictionary(pa.int8(), pa.string())),
        ]
    )
    pq.write_table(pa.Table.from_pylist(whole.to_pylist(), large), folder / "large.parquet", data_page_version="2.0")
    for part in range(2):
        rows = whole.slice(2 * part, 2)
        pq.write_table(rows, folder / f"arc_challenge_test-{part:05}-of-00002.parquet", compression="zstd", **lean)


if __name__ == "__main__":
    corpus()
    benchmark_rows()
