"""The program `outgrow`: where it is, and how it is run. What its commands mean is said by `outgrow --help`."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Union

PathLike = Union[str, "os.PathLike[str]"]

#: Where the program's notes go: what is odd about a folder, and no reason to refuse it.
log = logging.getLogger("outgrow")


class OutgrowError(Exception):
    """What the program refused, or what stopped it, in its own words.

    `status` is the program's exit status: 2 where what it was given is wrong, 1 for anything else.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status

    @property
    def is_input(self) -> bool:
        """Whether what was given is wrong, rather than a disk, say."""
        return self.status == 2


def program_path() -> Path:
    """The program: the environment's variable OUTGROW, that of this installation, or the first on the PATH.

    Raises FileNotFoundError where there is none.
    """
    named = os.environ.get("OUTGROW")
    if named:
        return Path(named)
    name = "outgrow.exe" if sys.platform == "win32" else "outgrow"
    schemes = ["", "posix_user", "nt_user", "osx_framework_user"]
    known = sysconfig.get_scheme_names()
    for scheme in schemes:
        if scheme and scheme not in known:
            continue
        folder = sysconfig.get_path("scripts", scheme) if scheme else sysconfig.get_path("scripts")
        if (Path(folder) / name).is_file():
            return Path(folder) / name
    found = shutil.which(name)
    if found is None:
        raise FileNotFoundError(
            "the program `outgrow` is neither in this Python's scripts nor on the PATH: install the wheel, or name it "
            "in the environment variable OUTGROW"
        )
    return Path(found)


def run(*arguments: PathLike) -> str:
    """Runs a command, such as `run("data", "prepare", "book.txt", …)`, and returns what it prints.

    Its notes are logged as warnings of the logger `outgrow`, and how far it is as information. Raises OutgrowError
    where it fails.
    """
    command = [os.fspath(program_path()), *(os.fspath(argument) for argument in arguments)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, encoding="utf-8")
    said = done.stderr.strip().splitlines()
    if done.returncode != 0:
        *notes, error = said or [f"it ended with status {done.returncode}"]
        message = error[len("error: ") :] if error.startswith("error: ") else error
    else:
        notes = said
    for note in notes:
        if note.startswith("note: "):
            log.warning(note[len("note: ") :])
        else:
            log.info(note)
    if done.returncode != 0:
        raise OutgrowError(message, done.returncode)
    return done.stdout
