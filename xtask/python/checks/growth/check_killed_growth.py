"""Growths that are killed at random moments and run again, against an uninterrupted one.

    cargo xtask compare killed_growth OUTGROW [--kills 100] [--megabytes 65] [--seed 1] [-- HOW …]

Makes a checkpoint of random bf16 weights and an optimizer's moments, and grows it (stack by 4, moments copied, shards
of 16 MB; HOW replaces that). Then, for each kill: SIGKILL after a random part of the time that the growth takes, and
the same command again. A growth may be killed several times before it is let through. Checked each time:

- the target has no name before the growth is done, and all of its files when it has one;
- names, sizes and SHA-256 of the files are those of the uninterrupted growth;
- nothing else is left beside the target;
- shards that were finished keep their inode and time of change: they were not written again.

Needs nothing but Python.
"""

import argparse
import hashlib
import json
import os
import random
import re
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HIDDEN, INTERMEDIATE, VOCABULARY = 512, 1408, 8000
HOW = ["--operator", "stack", "--factor", "4", "--moments", "copy", "--shard-size", "16MB"]
REUSED = re.compile(r"^(\d+) of (\d+) shards ")
SHARD = re.compile(r"(model|optimizer)(-\d+-of-\d+)?\.safetensors")


def shapes(layers: int) -> dict[str, list[int]]:
    """All tensors of a LLaMA."""
    found = {"model.embed_tokens.weight": [VOCABULARY, HIDDEN]}
    for layer in range(layers):
        prefix = f"model.layers.{layer}"
        for name in ("q", "k", "v", "o"):
            found[f"{prefix}.self_attn.{name}_proj.weight"] = [HIDDEN, HIDDEN]
        for name in ("gate", "up"):
            found[f"{prefix}.mlp.{name}_proj.weight"] = [INTERMEDIATE, HIDDEN]
        found[f"{prefix}.mlp.down_proj.weight"] = [HIDDEN, INTERMEDIATE]
        for name in ("input", "post_attention"):
            found[f"{prefix}.{name}_layernorm.weight"] = [HIDDEN]
    return found | {"model.norm.weight": [HIDDEN], "lm_head.weight": [VOCABULARY, HIDDEN]}


def write_safetensors(path: Path, tensors: dict[str, list[int]], chance: random.Random) -> None:
    """A file of bf16 tensors with random bytes, none of them infinite."""
    header, end = {}, 0
    for name, shape in tensors.items():
        size = 2 * shape[0] * (shape[1] if len(shape) > 1 else 1)
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for first in range(0, end, 1 << 20):
            # Small exponents: 0x3e or 0xbe above any byte.
            values = bytearray(chance.randbytes(min(1 << 20, end - first)))
            values[1::2] = bytes(0x3E | (byte & 0x80) for byte in values[1::2])
            file.write(values)


def write_source(folder: Path, megabytes: int, chance: random.Random) -> None:
    """A checkpoint of so many megabytes and moments of twice as many."""
    layer = sum(
        2 * shape[0] * (shape[1] if len(shape) > 1 else 1) for name, shape in shapes(1).items() if "layers" in name
    )
    layers = max(1, (megabytes * 1_000_000 - 4 * VOCABULARY * HIDDEN) // layer)
    folder.mkdir()
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": VOCABULARY, "hidden_size": HIDDEN,
        "intermediate_size": INTERMEDIATE, "num_hidden_layers": layers, "num_attention_heads": 8,
        "max_position_embeddings": 2048, "rms_norm_eps": 1e-5, "torch_dtype": "bfloat16",
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_bytes(chance.randbytes(100_000))
    tensors = shapes(layers)
    write_safetensors(folder / "model.safetensors", tensors, chance)
    moments = {f"{name}.{moment}": shape for name, shape in tensors.items() for moment in ("exp_avg", "exp_avg_sq")}
    write_safetensors(folder / "optimizer.safetensors", moments, chance)


def digests(folder: Path) -> dict[str, tuple[int, str]]:
    """Size and SHA-256 of every file."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                found[str(path.relative_to(folder))] = (
                    path.stat().st_size,
                    hashlib.file_digest(file, "sha256").hexdigest(),
                )
    return found


def finished(folder: Path) -> dict[str, tuple[int, int]]:
    """Inode and time of change of the shards that have their name, in what killed attempts left beside the target."""
    # Without its identity a folder isn't used: it was about to become the target.
    paths = [path for left in folder.glob(".*.partial/.identity") for path in left.parent.iterdir()]
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in paths if SHARD.fullmatch(path.name)}


class Growth:
    """A growth that is started again and again."""

    def __init__(self, program: str, how: list[str], source: Path, target: Path) -> None:
        self.command = [program, "grow", str(source), str(target), *how]
        self.target = target

    def start(self) -> subprocess.Popen:
        return subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def finish(self) -> str:
        """Lets it run to its end, and watches that the target appears whole."""
        process = self.start()
        _, said = process.communicate()
        if process.returncode != 0:
            sys.exit(f"the growth failed: {said}")
        return said

    def kill_after(self, seconds: float) -> bool:
        """Whether it was killed before it was done."""
        process = self.start()
        time.sleep(seconds)
        process.kill()
        process.communicate()
        return process.returncode != 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("outgrow", metavar="OUTGROW")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument(
        "--megabytes", type=int, default=65, help="of the source's weights; its moments are twice as many"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("how", nargs="*", metavar="HOW", help="flags of outgrow grow")
    options = parser.parse_args()
    chance = random.Random(options.seed)

    with tempfile.TemporaryDirectory(prefix="kill-growth-") as name:
        folder = Path(name)
        write_source(folder / "source", options.megabytes, chance)
        (folder / "out").mkdir()
        growth = Growth(os.path.abspath(options.outgrow), options.how or HOW, folder / "source", folder / "out/grown")

        seconds = []
        for _ in range(3):
            start = time.monotonic()
            growth.finish()
            seconds.append(time.monotonic() - start)
            expected = digests(growth.target)
            subprocess.run(["rm", "-r", growth.target], check=True)
        usual = sorted(seconds)[1]
        total = sum(size for size, _ in expected.values())
        print(
            f"uninterrupted: {total / 1e6:.0f} MB in {len(expected)} files, {min(seconds):.2f} to {max(seconds):.2f} s"
        )

        kills = results = kept = reruns_that_kept = late = 0
        while kills < options.kills or results == 0:
            # Let it through after every kill but one in four: then it is killed again where it had got to.
            while True:
                if growth.kill_after(chance.uniform(0, usual)):
                    kills += 1
                    if growth.target.exists() and digests(growth.target) != expected:
                        sys.exit(f"after kill {kills} the target is there and not whole")
                    if not growth.target.exists() and chance.random() < 0.75:
                        break
                if growth.target.exists():
                    late += 1
                    break
            before = finished(folder / "out")
            if not growth.target.exists():
                said = growth.finish()
                told = REUSED.search(said)
                reused = int(told[1]) if told else 0
                after = {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in growth.target.iterdir()}
                again = [shard for shard, file in before.items() if after[shard] != file]
                if again or reused != len(before):
                    sys.exit(
                        f"after kill {kills}: {len(before)} shards were finished, {reused} told, written again: {again}"
                    )
                kept += reused
                reruns_that_kept += reused > 0
                results += 1
            found = digests(growth.target)
            if found != expected:
                differing = sorted(
                    name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name)
                )
                sys.exit(f"after kill {kills} the result differs: {differing}")
            if (left := sorted(path.name for path in (folder / "out").iterdir())) != ["grown"]:
                sys.exit(f"after kill {kills} these are left: {left}")
            subprocess.run(["rm", "-r", growth.target], check=True)
        print(
            f"OK {kills} kills, {results} reruns with the same bytes ({late} more were done before the kill): "
            f"{reruns_that_kept} used finished shards, {kept} in all"
        )


if __name__ == "__main__":
    main()
