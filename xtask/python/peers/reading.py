"""How fast Python reads the documents of a corpus, without tokenising them: the other side of outgrow-data's example
read_documents. JSON lines by `json` (plain, .gz by `gzip`, .zst by `zstandard`), parquet by pyarrow in batches of one
column.

    python -m peers.reading FILE …
"""

import gzip
import io
import json
import sys
import time


def texts(path):
    if path.endswith(".parquet"):
        import pyarrow.parquet as pq

        for batch in pq.ParquetFile(path).iter_batches(batch_size=256, columns=["text"]):
            yield from batch.column(0).to_pylist()
        return
    if path.endswith(".gz"):
        file = gzip.open(path, "rb")
    elif path.endswith(".zst"):
        import zstandard

        file = io.BufferedReader(
            zstandard.ZstdDecompressor(max_window_size=1 << 31).stream_reader(open(path, "rb"), read_across_frames=True)
        )
    else:
        file = open(path, "rb")
    for line in file:
        yield json.loads(line)["text"]


start = time.perf_counter()
documents = text_bytes = 0
for path in sys.argv[1:]:
    for text in texts(path):
        documents += 1
        text_bytes += len(text.encode())
seconds = time.perf_counter() - start
print(f"python: {documents} documents, {text_bytes} bytes, {seconds:.3f} s, {text_bytes / 1e6 / seconds:.0f} MB/s")
