"""Documents made up for what the data at hand lack: splits to draw examples from, ten rows of each further task.

Odd on purpose: whitespace that only Python knows, edges, line breaks, quotes, letters that change when they are
capitalised, numbers as texts. Written as JSON lines in the field order of the Hugging Face data sets.
"""

import json
import random
from pathlib import Path

ODD = [
    "",
    " ",
    "\u00a0",
    "\u2003",
    "\x1c",
    "\t",
    "\n",
    ' "quoted" ',
    "\\",
    "naïve ",
    "日本",
    "🙂",
    "é",
    "a b",
    "ß",
    "Σ",
    "..  ",
    "\x85",
    "[x]",
    "5",
]
WORDS = "the river bends where old stones keep cold water and small fish wait for rain that never seems to come".split()


class Writer:
    """Draws texts; the same for the same seed."""

    def __init__(self, seed: int):
        self.random = random.Random(seed)

    def words(self, most: int = 12) -> str:
        count = self.random.randint(2, most)
        words = [self.random.choice(WORDS) for _ in range(count)]
        if self.random.random() < 0.4:
            words.insert(self.random.randrange(len(words) + 1), self.random.choice(ODD))
        return " ".join(words)

    def edged(self) -> str:
        """Words with whitespace at an edge, now and then."""
        return (
            self.random.choice(["", "", "", " ", "\u00a0", "\x1f"])
            + self.words()
            + self.random.choice(["", "", " ", "\n"])
        )

    def pick(self, count: int) -> int:
        return self.random.randrange(count)


def logiqa(write: Writer, _: int) -> dict:
    return {
        "label": write.random.choice("abcd"),
        "context": write.words(40),
        "question": write.edged(),
        "options": [write.edged() for _ in range(4)],
    }


def sciq(write: Writer, _: int) -> dict:
    return {
        "question": write.words(),
        "distractor3": write.words(3),
        "distractor1": write.words(3),
        "distractor2": write.words(3),
        "correct_answer": write.words(3),
        "support": write.random.choice(["", write.edged()]),
    }


def hellaswag(write: Writer, index: int) -> dict:
    ending = lambda: write.words() + write.random.choice(["", " [title] ", " [step]", "  [a [b] c]", " [open"])  # noqa: E731
    first = write.random.choice(["ß", "É", "ABC", "ǆ", "ΣΑΣ", "", "then "])
    return {
        "ind": index,
        "activity_label": write.random.choice(["Removing ice from car", " How to sit", "X [header]"]),
        "ctx_a": write.edged(),
        "ctx_b": first + write.words(),
        "ctx": write.words(),
        "endings": [ending() for _ in range(4)],
        "source_id": "made~up",
        "split": "val",
        "split_type": "indomain",
        "label": str(write.pick(4)),
    }


def truthfulqa(write: Writer, _: int) -> dict:
    one, many = write.random.randint(2, 6), write.random.randint(2, 12)
    true = write.random.randint(1, many - 1)
    return {
        "question": write.words(),
        "mc1_targets": {"choices": [write.edged() for _ in range(one)], "labels": [1] + [0] * (one - 1)},
        "mc2_targets": {"choices": [write.edged() for _ in range(many)], "labels": [1] * true + [0] * (many - true)},
    }


def boolq(write: Writer, index: int) -> dict:
    return {"question": write.words(), "passage": write.words(60), "idx": index, "label": write.pick(2)}


def openbookqa(write: Writer, index: int) -> dict:
    return {
        "id": f"7-{index}",
        "question_stem": write.random.choice([write.words(), write.edged()]),
        "choices": {"text": [write.edged() for _ in range(4)], "label": ["A", "B", "C", "D"]},
        "answerKey": write.random.choice(["", " ", "\x1c"]) + write.random.choice("ABCD"),
    }


def mmlu(write: Writer, _: int) -> dict:
    return {
        "question": write.edged(),
        "subject": "made up",
        "choices": [write.edged() for _ in range(4)],
        "answer": write.pick(4),
    }


def write_rows(path: Path, make, count: int, seed: int, repeated: int = 0) -> None:
    """`count` rows, of which the last `repeated` are the first ones again."""
    write = Writer(seed)
    rows = [make(write, index) for index in range(count - repeated)]
    rows += rows[:repeated]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def write_pools(folder: Path) -> None:
    """Training splits of LogiQA and SciQ, which are not at hand."""
    write_rows(folder / "logiqa/logiqa_train.jsonl", logiqa, 90, seed=1)
    write_rows(folder / "sciq/sciq_train.jsonl", sciq, 90, seed=2)


def write_further_tasks(folder: Path, subjects: list[str]) -> None:
    """Ten rows of each further task, and pools; those of boolq and hellaswag hold what is evaluated, twice."""
    for name, make, seed in (("hellaswag", hellaswag, 3), ("boolq", boolq, 4)):
        write_rows(folder / name / f"{name}_validation.jsonl", make, 10, seed)
        write_rows(folder / name / f"{name}_train.jsonl", make, 13, seed, repeated=2)
    write_rows(folder / "truthfulqa/truthfulqa_validation.jsonl", truthfulqa, 10, seed=5)
    for split, rows, seed in (("train", 40, 6), ("validation", 10, 7), ("test", 10, 8)):
        write_rows(folder / f"openbookqa/openbookqa_{split}.jsonl", openbookqa, rows, seed)
    for index, subject in enumerate(subjects):
        write_rows(folder / f"mmlu/{subject}_test.jsonl", mmlu, 10, seed=100 + index)
        write_rows(folder / f"mmlu/{subject}_dev.jsonl", mmlu, 5, seed=200 + index)
