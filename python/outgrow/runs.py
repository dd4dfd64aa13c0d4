"""The files of a run as tables. Nothing is computed here but what is needed to leave out repeated steps."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Tuple

from .program import PathLike

if TYPE_CHECKING:
    from pandas import DataFrame

Line = Dict[str, Any]


class Run:
    """A run that was trained, or that goes on; `read_run` makes it.

    Tokens and FLOPs of the tables are those of the run. What a base had cost before is `description["base"]`.
    """

    def __init__(self, folder: Path, description: Dict[str, Any], lines: List[Line]) -> None:
        self.folder = folder
        #: run.json: recipe, model, data, version, growths and so on.
        self.description = description
        self._lines = lines

    @property
    def name(self) -> str:
        """The run's name."""
        return self.description["name"]

    @property
    def method(self) -> str:
        """scratch, g-stack and so on."""
        return self.description["method"]

    @property
    def seed(self) -> int:
        """Its seed."""
        return self.description["seed"]

    @property
    def is_finished(self) -> bool:
        """Whether it has reached its end."""
        return self.description["finished"]

    @cached_property
    def steps(self) -> DataFrame:
        """A row for each step: step, tokens, stage, loss, learning_rate, grad_norm, seconds, flops, flops_6nt …"""
        lines = (line for line in self._lines if "loss" in line)
        return _frame(lines, ["step", "tokens", "stage", "loss", "learning_rate", "flops", "flops_6nt"])

    @cached_property
    def validations(self) -> DataFrame:
        """A row for each validation: step, tokens, stage, flops, flops_6nt, validation_loss."""
        lines = (line for line in self._lines if "validation_loss" in line)
        return _frame(lines, ["step", "tokens", "stage", "flops", "flops_6nt", "validation_loss"])

    @cached_property
    def evaluations(self) -> DataFrame:
        """A row for each metric of each benchmark: …, task, metric, value, standard_error (NaN where unknown)."""
        rows = []
        for line in self._lines:
            before = {key: value for key, value in line.items() if key != "evaluation"}
            for task, metrics in line.get("evaluation", {}).items():
                for metric, value in metrics.items():
                    if not metric.endswith("_stderr"):
                        error = metrics.get(f"{metric}_stderr")
                        rows.append({**before, "task": task, "metric": metric, "value": value, "standard_error": error})
        columns = ["step", "tokens", "stage", "flops", "flops_6nt", "task", "metric", "value", "standard_error"]
        frame = _frame(rows, columns)
        return frame.astype({"value": "float64", "standard_error": "float64"})

    @cached_property
    def growths(self) -> DataFrame:
        """A row for each growth: stage, tokens, loss_before, loss_after, highest_loss, tokens_until_back …"""
        return _frame(self.description.get("growths", []), ["stage", "tokens", "loss_before", "loss_after"])

    def __repr__(self) -> str:
        state = "finished" if self.is_finished else "not finished"
        return f"Run({str(self.folder)!r}: {self.method}, seed {self.seed}, {state})"


def read_run(folder: PathLike) -> Run:
    """Reads run.json and metrics.jsonl of a folder. The run may still be going on.

    Raises FileNotFoundError where there is no run, and ValueError where a file is none of a run's, with its line.
    """
    folder = Path(folder)
    file = folder / "run.json"
    if not file.is_file():
        raise FileNotFoundError(f"{folder}: holds no run.json; the folder of a run was expected")
    description = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(description, dict) or description.get("format") != 1:
        raise ValueError(f"{file}: is no run of format 1, which this version reads")
    return Run(folder, description, _read_lines(folder / "metrics.jsonl"))


def _read_lines(file: Path) -> List[Line]:
    # A line that is cut within a character is a cut line.
    text = file.read_text(encoding="utf-8", errors="replace")
    texts = text.split("\n")
    lines: List[Line] = []
    for number, each in enumerate(texts, 1):
        if not each.strip():
            continue
        try:
            line = json.loads(each)
        except ValueError as error:
            if number == len(texts):
                # A run that goes on is in the middle of writing it.
                break
            raise ValueError(f"{file}, line {number}: not JSON: {error}") from None
        lines.append(line)
    return _without_repeated(lines)


def _without_repeated(lines: List[Line]) -> List[Line]:
    """Where a run that was resumed repeats steps, the later lines count."""
    kept: List[Line] = []
    for line in lines:
        while kept and kept[-1]["tokens"] > line["tokens"]:
            kept.pop()
        # The same step once more: the run was killed right behind it.
        if "loss" in line and any(_step(other) == _step(line) for other in _at(kept, line["tokens"])):
            while kept and kept[-1]["tokens"] == line["tokens"]:
                kept.pop()
        kept.append(line)
    return kept


def _at(lines: List[Line], tokens: int) -> Iterable[Line]:
    for line in reversed(lines):
        if line["tokens"] != tokens:
            return
        yield line


def _step(line: Line) -> Tuple[bool, Any, Any]:
    return ("loss" in line, line["step"], line.get("learning"))


def _frame(rows: Iterable[Line], columns: List[str]) -> DataFrame:
    try:
        import pandas
    except ModuleNotFoundError:
        raise ModuleNotFoundError("tables of a run need pandas: pip install pandas", name="pandas") from None
    frame = pandas.DataFrame(list(rows))
    # Also where there is no row.
    missing = [column for column in columns if column not in frame.columns]
    return frame.reindex(columns=[*frame.columns, *missing]) if missing else frame
