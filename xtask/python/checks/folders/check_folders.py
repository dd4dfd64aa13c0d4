"""Folders with a model as other people's tools leave them, against transformers.

It makes them itself (awkward_folders.py).

    cargo xtask compare folders OUTGROW [--only NAME …] [--keep FOLDER]

For each folder: what `outgrow generate` writes behind a prompt is what transformers' `generate` writes; the logits are
those of the plain folder with the same model, by `outgrow verify` and by transformers each; it is noted in as many
lines as it should be; a stack of two has the tensors of the plain one's, opens in transformers with none missing, and
has its logits; `--plan` counts the parameters of the plain one's. What can't be run or grown is refused in one line
with status 2 (1 where the weights are broken), and leaves nothing. One line a case, with what transformers makes of the
folder; the exit status is 1 if one of them fails.
"""

import argparse
import contextlib
import io
import json
import logging as standard_logging
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, PreTrainedModel
from transformers.utils import logging

from checks.folders.awkward_folders import CASES, CASES_BY_NAME, Case, stored

PROMPT = [5, 9, 17, 33]
WRITTEN = 12
TOKENS = torch.arange(3, 63).unsqueeze(0)


class Failed(Exception):
    """What is wrong, in one line."""


def run(outgrow: Path, *arguments: str | Path) -> tuple[int, str, str]:
    done = subprocess.run([outgrow, *map(str, arguments)], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def open_model(folder: Path) -> tuple[PreTrainedModel, set[str]]:
    """The model by the front door, and the names of the tensors that transformers drew because they were missing."""
    model, report = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    return model.eval(), set(report["missing_keys"])


@torch.inference_mode()
def logits(model: PreTrainedModel) -> torch.Tensor:
    return model(TOKENS % model.config.vocab_size).logits.float()


@torch.inference_mode()
def written(model: PreTrainedModel) -> list[int]:
    """Greedily, and never ended: what ends a text is not looked at here."""
    tokens = list(PROMPT)
    for _ in range(WRITTEN):
        tokens.append(int(model(torch.tensor([tokens])).logits[0, -1].argmax()))
    return tokens[len(PROMPT) :]


class Folders:
    """All folders made so far, and what transformers makes of them."""

    def __init__(self, outgrow: Path, root: Path) -> None:
        self.outgrow, self.root = outgrow, root

    def made(self, name: str) -> Path:
        """The path to give for a case's folder."""
        case, folder = CASES_BY_NAME[name], self.root / name
        if not folder.exists():
            case.make(folder)
        return folder / case.path

    def grown(self, name: str) -> Path:
        """Its stack of two."""
        target = self.root / f"{name}-grown"
        if not target.exists():
            status, _, said = run(self.outgrow, "grow", self.made(name), target, "--operator", "stack", "--factor", "2")
            if status != 0:
                raise Failed(f"growth ends with {status}: {said.strip()}")
        return target


def check(folders: Folders, case: Case) -> str:
    """What transformers makes of the folder, in words."""
    folder = folders.made(case.name)
    words = check_transformers(folders, case, folder)
    prompt = " ".join(f"w{word}" for word in PROMPT)
    status, result, said = run(
        folders.outgrow, "generate", folder, "--prompt", prompt, "--max-new-tokens", WRITTEN, "--ignore-eos", "--json"
    )
    lines = said.splitlines()
    notes = [line for line in lines if line.startswith("note: ")]
    if len(notes) != case.notes:
        raise Failed(f"{len(notes)} notes, expected {case.notes}: {notes}")
    if case.refused is None:
        if status != 0:
            raise Failed(f"generate ends with {status}: {said.strip()}")
        check_numbers(folders, case, folder, json.loads(result)["tokens"])
    elif status not in (1, 2) or len(lines) != len(notes) + 1 or case.refused not in lines[-1]:
        raise Failed(f"generate ends with {status}, expected a refusal with {case.refused!r}: {said.strip()}")
    check_growth(folders, case, folder)
    return words


def check_transformers(folders: Folders, case: Case, folder: Path) -> str:
    try:
        model, missing = open_model(folder)
    except Exception as error:  # noqa: BLE001 — whatever it raises is what it makes of the folder
        if case.transformers != "error":
            raise Failed(f"transformers: {type(error).__name__}: {error}") from error
        return f"transformers raises {type(error).__name__}"
    if case.transformers == "error":
        raise Failed("transformers opens it")
    if case.transformers == "random":
        if not missing:
            raise Failed("transformers misses no tensor")
        return f"transformers draws {len(missing)} missing tensors at random"
    if case.like is None:
        return "transformers opens it"
    reference, _ = open_model(folders.made(case.like))
    if not torch.equal(logits(model), logits(reference)):
        raise Failed(f"transformers computes other logits than of {case.like}")
    return "transformers computes the same"


def check_numbers(folders: Folders, case: Case, folder: Path, tokens: list[int]) -> None:
    reference = folders.made(case.like)
    expected = written(open_model(reference)[0])
    if tokens != expected:
        raise Failed(f"generate writes {tokens}, transformers {expected}")
    file = folders.root / "verification.json"
    status, _, said = run(folders.outgrow, "verify", reference, folder, "--json", file)
    if status != 0:
        raise Failed(f"verify ends with {status}: {said.strip()}")
    models = json.loads(file.read_text())["models"]
    if models["logits"]["largest_difference"] != 0 or models["source"]["loss"] != models["target"]["loss"]:
        raise Failed(f"verify finds other logits than those of {case.like}: {models['logits']}")


def check_growth(folders: Folders, case: Case, folder: Path) -> None:
    target = folders.root / "refused"
    flags = ["--operator", "stack", "--factor", "2"]
    planned = run(folders.outgrow, "grow", folder, target, *flags, "--plan")
    if not case.grows:
        status, _, said = run(folders.outgrow, "grow", folder, target, *flags)
        lines = [line for line in said.splitlines() if not line.startswith("note: ")]
        if status != 2 or len(lines) != 1 or target.exists():
            raise Failed(f"growth ends with {status}: {said.strip()}")
        return
    grown = folders.grown(case.name)
    if planned[0] != 0:
        raise Failed(f"--plan ends with {planned[0]}: {planned[2].strip()}")
    if case.like is not None:
        check_like(case, grown, folders.grown(case.like))
        reference = run(folders.outgrow, "grow", folders.made(case.like), target, *flags, "--plan")
        ours, theirs = (parameters(result[1]) for result in (planned, reference))
        if ours != theirs and not case.has_buffers:
            raise Failed(f"--plan counts {ours}, of {case.like} {theirs}")
    model, missing = open_model_of_grown(grown)
    if missing and not (case.transformers == "random" and case.refused):
        raise Failed(f"transformers misses {sorted(missing)} of the grown folder")
    if case.like is not None and not missing:
        reference, _ = open_model(folders.grown(case.like))
        if not torch.equal(logits(model), logits(reference)):
            raise Failed(f"of the grown folder, transformers computes other logits than of {case.like}'s")


def open_model_of_grown(folder: Path) -> tuple[PreTrainedModel, set[str]]:
    """As transformers opens it; a config.json that it can't read, which is the source's, is no fault of the growth."""
    try:
        return open_model(folder)
    except Exception:  # noqa: BLE001
        settings = json.loads((folder / "config.json").read_text())
        settings |= {"model_type": settings.get("model_type", "llama"), "torch_dtype": "float32", "rope_scaling": None}
        (folder / "config.json").write_text(json.dumps(settings))
        return open_model(folder)


def check_like(case: Case, grown: Path, reference: Path) -> None:
    ours, theirs = stored(grown), stored(reference)
    if not theirs.keys() <= ours.keys() or (ours.keys() != theirs.keys() and not case.has_buffers):
        raise Failed(f"the grown folder has other tensors: {sorted(ours.keys() ^ theirs.keys())[:3]}")
    for name, tensor in theirs.items():
        if not torch.equal(ours[name].to(tensor.dtype), tensor):
            raise Failed(f"the grown folder has other values in {name}")
    for name in ours.keys() - theirs.keys():
        # Buffers come along with their layers.
        source = stored(grown)[
            name.replace("layers.3.", "layers.0.").replace("layers.4.", "layers.1.").replace("layers.5.", "layers.2.")
        ]
        if not torch.equal(ours[name], source):
            raise Failed(f"{name} is not its layer's")
    tied = [
        json.loads((folder / "config.json").read_text()).get("tie_word_embeddings", False)
        for folder in (grown, reference)
    ]
    if tied[0] != tied[1]:
        raise Failed(f"the grown config.json says tie_word_embeddings {tied[0]}, of the plain folder {tied[1]}")


def parameters(plan: str) -> str:
    return next(line for line in plan.splitlines() if line.startswith("parameters"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("outgrow", type=Path)
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--keep", type=Path, help="make the folders here and leave them")
    arguments = parser.parse_args()
    logging.set_verbosity(standard_logging.CRITICAL)
    logging.disable_progress_bar()
    torch.set_num_threads(1)
    failures = 0
    with contextlib.ExitStack() as stack:
        root = arguments.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folders = Folders(arguments.outgrow.resolve(), root)
        for case in CASES:
            if arguments.only and case.name not in arguments.only:
                continue
            try:
                with contextlib.redirect_stderr(io.StringIO()):
                    words = check(folders, case)
                given = f"refused ({case.refused})" if case.refused else f"as {case.like}"
                print(f"OK      {case.name}: {given}, {case.notes} notes; {words}")
            except Failed as problem:
                failures += 1
                print(f"FAILED  {case.name}: {problem}")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
