"""Pages about runs: `outgrow report`."""

from __future__ import annotations

import webbrowser
from pathlib import Path

from .program import PathLike, run


def report(*runs: PathLike, out: PathLike = "report.html", open_in_browser: bool = False) -> Path:
    """Writes a page about runs, or about the folder of one experiment, and returns its path.

    Runs are folders with run.json and metrics.jsonl, as `outgrow train` and `outgrow.trainer_callback` write them. The
    page's numbers go beside it as JSON. Raises OutgrowError where a run can't be read.
    """
    if not runs:
        raise TypeError("report() needs the folder of a run at least")
    run("report", *runs, "--out", out)
    page = Path(out).absolute()
    if open_in_browser:
        webbrowser.open(page.as_uri())
    return page
