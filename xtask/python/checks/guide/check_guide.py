"""docs/GUIDE.md as a newcomer follows it: every command and every Python block, one after another.

    cargo xtask compare guide OUTGROW [--keep FOLDER] [--only HEADING]

Runs the guide's `sh` and `python` blocks in a folder that has of the clone what they name, with OUTGROW on the PATH in
place of what the guide builds. A block that needs the network, or a machine that isn't here, stands as `text` there and
isn't run; so does TOML, which a block of the shell writes where it is used. Prints each heading with the time that its
blocks took. The exit status is 1 as soon as one of them fails.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
# Of the clone, what the guide's commands read.
NEEDED = ["crates/outgrow/experiments/corpus", "docs/recipes"]
# Takes minutes, and OUTGROW is there instead.
BUILDS = re.compile(r"^cargo (build|install) ", re.MULTILINE)


@dataclass
class Block:
    """A fenced block: what it is run by, and under which heading it stands."""

    heading: str
    language: str
    text: str


def blocks(markdown: str) -> list[Block]:
    """All fenced blocks in their order."""
    found, heading, language, lines = [], "", None, []
    for line in markdown.splitlines():
        if language is None and line.startswith("#"):
            heading = line.lstrip("#").strip()
        elif language is None and line.startswith("```"):
            language, lines = line.removeprefix("```").strip(), []
        elif language is not None and line == "```":
            found.append(Block(heading, language, "\n".join(lines)))
            language = None
        elif language is not None:
            lines.append(line)
    return found


def run(block: Block, folder: Path, environment: dict[str, str]) -> int:
    """The exit status of a block that is run in `folder`, with its output where ours goes."""
    if block.language == "python":
        command = [sys.executable, "-c", block.text]
    else:
        kept = "\n".join(line for line in block.text.splitlines() if not BUILDS.match(line))
        command = ["bash", "-euo", "pipefail", "-c", kept]
    return subprocess.run(command, cwd=folder, env=environment).returncode


def main() -> int:
    """Runs the guide, and says where it broke."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("outgrow", type=Path, help="the program")
    parser.add_argument("--keep", type=Path, help="work in this folder, which stays; it must not exist")
    parser.add_argument("--only", help="run only what stands under a heading with these words")
    arguments = parser.parse_args()
    program = arguments.outgrow.resolve(strict=True)
    guide = blocks((ROOT / "docs/GUIDE.md").read_text(encoding="utf-8"))
    steps = [block for block in guide if block.language in ("sh", "python")]
    if arguments.only:
        steps = [block for block in steps if arguments.only.lower() in block.heading.lower()]
    if not steps:
        print("docs/GUIDE.md has no such block")
        return 1
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.keep.resolve() if arguments.keep else Path(scratch) / "clone"
        folder.mkdir(exist_ok=bool(arguments.only))
        for needed in NEEDED:
            shutil.copytree(ROOT / needed, folder / needed, dirs_exist_ok=True)
        environment = dict(os.environ, PATH=f"{program.parent}{os.pathsep}{os.environ['PATH']}")
        for block in steps:
            began = time.monotonic()
            print(f"== {block.heading}", flush=True)
            status = run(block, folder, environment)
            if status != 0:
                print(f"FAILED with status {status}, under {block.heading}:\n{block.text}")
                return 1
            print(f"ok {block.heading}: {time.monotonic() - began:.0f} s", flush=True)
    print(f"OK {len(steps)} blocks")
    return 0


if __name__ == "__main__":
    sys.exit(main())
