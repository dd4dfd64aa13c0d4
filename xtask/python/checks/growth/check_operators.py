"""Every growth operator against its equation in PyTorch.

Grows small models with OUTGROW and opens them in transformers.

    cargo xtask compare operators OUTGROW [--only WORDS …] [--mergekit MERGEKIT_YAML] [--keep FOLDER]

For each case: (a) every tensor of the grown folder is what depth.py or width.py makes of the source, and what an
operator draws at random has the mean and the deviation it should have; (b) transformers computes the same logits from
the folder as from those tensors; (c) an operator that says that it preserves the function does, and one that doesn't,
doesn't. One line a case; the exit status is 1 if one of them fails.
"""

import argparse
import math
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.utils import logging

from checks.growth.cases import Case, cases, small_models
from checks.growth.check_growth import load, tensor_files
from checks.growth.depth import HEAD, Model
from checks.growth.mergekit import check_mergekit
from checks.growth.width import learned_width, masked, recovered_matrices

TOKENS = torch.randint(0, 60, (2, 17), generator=torch.Generator().manual_seed(7))
# Of the largest logit. In f32 the sums differ in their order only; a tensor that was rounded to bf16 is off by 2^-9.
SAME_LOGITS = 1e-5
# Where tensors are sums, a value now and then is rounded the other way.
SAME_LOGITS_OF_SUMS = {torch.float32: 1e-4, torch.bfloat16: 3e-3}
PRESERVED = {torch.float32: 1e-5, torch.bfloat16: 3e-2}
CHANGED = 1e-2
# One rounding of the result: half a unit in the last place, and one more bit for an operation done in f32.
ROUNDING = {torch.float32: 2.0**-23, torch.bfloat16: 2.0**-8}
# A sample's mean and deviation lie this many of their own deviations from the distribution's, at most.
DEVIATIONS = 5.0


class Failed(Exception):
    """What is wrong with a grown folder, in one line."""


def read(folder: Path) -> Model:
    """A folder's config and tensors, each in the type it is stored in."""
    config = LlamaConfig.from_pretrained(folder)
    tensors = {name: load(file, name) for name, file in tensor_files(folder).items()}
    if config.tie_word_embeddings:
        tensors.pop(HEAD, None)
    return Model(config, tensors)


def in_f32(model: Model) -> Model:
    return Model(model.config, {name: tensor.float() for name, tensor in model.tensors.items()})


def folder_logits(folder: Path) -> torch.Tensor:
    model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    with torch.no_grad():
        return model(TOKENS).logits


def model_logits(model: Model) -> torch.Tensor:
    built = LlamaForCausalLM._from_config(model.config, dtype=torch.float32, attn_implementation="eager")
    missing, unexpected = built.load_state_dict(model.tensors, strict=False)
    if unexpected or set(missing) - {HEAD}:
        raise Failed(f"the equations give other tensors than the model has: {missing} missing, {unexpected} too many")
    built.tie_weights()
    with torch.no_grad():
        return built(TOKENS).logits


def difference(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """The largest difference, as a part of the largest logit."""
    return ((ours - theirs).abs().max() / theirs.abs().max()).item()


def compare_configs(grown: Model, expected: Model) -> None:
    ours, theirs = grown.config.to_dict(), expected.config.to_dict()
    for config, model in ((ours, grown), (theirs, expected)):
        config["head_dim"] = config["head_dim"] or model.config.hidden_size // model.config.num_attention_heads
    ignored = {"_name_or_path", "transformers_version", "rms_norm_eps"}
    wrong = [key for key in sorted((ours.keys() | theirs.keys()) - ignored) if ours.get(key) != theirs.get(key)]
    if not math.isclose(ours["rms_norm_eps"], theirs["rms_norm_eps"], rel_tol=1e-9):
        wrong.append("rms_norm_eps")
    if wrong:
        raise Failed("config: " + ", ".join(f"{key} is {ours.get(key)}, not {theirs.get(key)}" for key in wrong))


def compare_tensors(grown: Model, expected: Model, source: Model, slack: float) -> float:
    """The largest relative difference where the equations say what is there.

    A value may be off by one rounding, and by `slack` of the tensor's largest value where it is a sum.
    """
    ours, theirs = set(grown.tensors), set(expected.tensors)
    if ours != theirs:
        raise Failed(f"tensors missing {sorted(theirs - ours)}, too many {sorted(ours - theirs)}")
    dtype, largest = next(iter(source.tensors.values())).dtype, 0.0
    for name, wanted in expected.tensors.items():
        tensor = grown.tensors[name]
        if tensor.dtype != dtype or tensor.shape != wanted.shape:
            raise Failed(f"{name} is {tensor.dtype} {list(tensor.shape)}, not {dtype} {list(wanted.shape)}")
        known = ~wanted.isnan()
        if not known.any():
            continue
        tensor, wanted = tensor.float()[known], wanted[known]
        apart = (tensor - wanted).abs()
        # Without slack, what is zero is exactly zero.
        if (apart > ROUNDING[dtype] * wanted.abs() + slack * wanted.abs().max()).any():
            raise Failed(
                f"{name} is not what its equation gives: up to {apart.max():.1e} off, of {wanted.abs().max():.1e}"
            )
        largest = max(largest, (apart.max() / wanted.abs().max().clamp(min=1e-30)).item())
    return largest


def check_fresh(name: str, values: torch.Tensor, wanted: list[float]) -> None:
    """Normal with mean 0 and one of the wanted deviations; a norm's fresh weights are not zero."""
    count = values.numel()
    if not values.isfinite().all():
        raise Failed(f"{name} has fresh values that are not finite")
    if name.endswith("norm.weight"):
        if (values == 0).any():
            raise Failed(f"{name}: fresh norm weights are zero, so that nothing behind them learns")
        return
    mean, std = values.mean().item(), values.std().item()
    if abs(mean) > DEVIATIONS * std / math.sqrt(count):
        raise Failed(f"{name}: {count} fresh values have mean {mean:.4f} at deviation {std:.4f}")
    bound = DEVIATIONS / math.sqrt(2 * count)
    if all(abs(std / each - 1) > bound for each in wanted):
        raise Failed(f"{name}: {count} fresh values have deviation {std:.4f}, not {wanted} (± {bound:.1%})")
    if values.unique().numel() < 0.5 * count and values.unique().numel() < 200:
        raise Failed(f"{name}: fresh values repeat")


def filled(expected: Model, grown: Model) -> Model:
    """The equations' tensors, with the grown folder's values where they are drawn at random; as the folder rounds
    them."""
    tensors = {}
    for name, wanted in expected.tensors.items():
        tensor = grown.tensors[name]
        rounded = wanted.to(tensor.dtype).float()
        tensors[name] = torch.where(wanted.isnan(), tensor.float(), rounded)
    return Model(expected.config, tensors)


def check_noise(case: Case, grown: Model, expected: Model) -> None:
    """W' = (1 - alpha) W + alpha epsilon: solves for epsilon and looks at its deviation. Norms stay as they were."""
    of_weight, of_noise = case.noise
    seen = set()
    for name, clean in expected.tensors.items():
        tensor = grown.tensors[name].float()
        if name.endswith("norm.weight"):
            if not torch.equal(tensor, clean):
                raise Failed(f"{name}: a norm is noised")
            continue
        epsilon = (tensor - of_weight * clean) / of_noise
        check_fresh(name, epsilon, case.fresh_stds(name, expected.config))
        drawn = tuple(tensor.flatten()[:16].tolist())
        if drawn in seen:
            raise Failed(f"{name}: has the noise of another tensor")
        seen.add(drawn)


def grow(binary: Path, arguments: list[str], folder: Path, refused: bool) -> None:
    shutil.rmtree(folder, ignore_errors=True)  # of an earlier run in the same --keep
    run = subprocess.run([binary, "grow", *arguments, folder], capture_output=True, text=True, check=False)
    lines = run.stderr.strip().splitlines() or ["nothing on stderr"]
    if refused and (run.returncode != 2 or len(lines) != 1 or folder.exists()):
        said = f"gave {run.returncode} in {len(lines)} lines: {lines[0]}" if run.returncode else "was made"
        raise Failed(f"should be refused in one line with exit status 2; {said}")
    if not refused and run.returncode != 0:
        raise Failed(f"gave {run.returncode}: {lines[0]}")


def check_first_matrices(matrices: dict[str, torch.Tensor]) -> None:
    """LiGO's first matrices are [I; N(0, 1/D)]."""
    for name, matrix in matrices.items():
        rows, columns = matrix.shape
        if (matrix[:columns] - torch.eye(columns, dtype=matrix.dtype)).abs().max() > 1e-4:
            raise Failed(f"the first rows of the {name} matrix aren't the identity")
        check_fresh(f"the {name} matrix", matrix[columns:], [1.0 / math.sqrt(rows)])


def compare_with_equations(case: Case, grown: Model, expected: Model, stored: Model) -> tuple[float, Model]:
    """How far the tensors are off, and the tensors that the logits have to be those of."""
    if case.noise is not None:
        check_noise(case, grown, expected)
        return 0.0, in_f32(grown)
    largest = compare_tensors(grown, expected, stored, case.slack)
    for name, wanted in expected.tensors.items():
        fresh = grown.tensors[name].float()[wanted.isnan()]
        if fresh.numel():
            check_fresh(name, fresh, case.fresh_stds(name, expected.config))
    return largest, filled(expected, grown)


def check(case: Case, binary: Path, source_folder: Path, folder: Path) -> str:
    """Runs one case; gives what its line says."""
    grow(binary, [str(source_folder), *case.arguments(source_folder.parent)], folder, case.refused)
    if case.refused:
        return "refused"
    stored, grown = read(source_folder), read(folder)
    source = in_f32(stored)
    expected = case.expected(source)
    compare_configs(grown, expected)
    if case.recovers:
        matrices = recovered_matrices(source, in_f32(grown))
        check_first_matrices(matrices)
        expected = learned_width(source, matrices, **case.changes)
    largest, exact = compare_with_equations(case, grown, expected, stored)

    logits, before = folder_logits(folder), folder_logits(source_folder)
    apart = difference(logits, model_logits(exact))
    dtype = next(iter(stored.tensors.values())).dtype
    if apart > (SAME_LOGITS_OF_SUMS[dtype] if case.slack else SAME_LOGITS):
        raise Failed(f"logits differ from those of the equations' tensors by {apart:.1e}")
    changed = difference(logits, before)
    bound = PRESERVED[dtype]
    if case.preserves and changed > bound:
        raise Failed(f"the function is not preserved: logits changed by {changed:.1e}, at most {bound:.0e} is right")
    if not case.preserves and changed < CHANGED:
        raise Failed(f"logits changed by {changed:.1e} only, although the operator doesn't preserve the function")
    line = f"tensors {largest:.0e}  logits {apart:.0e}  {'kept' if case.preserves else 'changed'} {changed:.0e}"
    if case.preserves_masked:
        at_zero = difference(model_logits(masked(in_f32(grown), source)), before)
        if at_zero > bound:
            raise Failed(f"at mask 0 logits changed by {at_zero:.1e}, at most {bound:.0e} is right")
        line += f"  at mask 0 {at_zero:.0e}"
    return line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("outgrow", type=Path, metavar="OUTGROW", help="the program, such as target/release/outgrow")
    parser.add_argument("--only", nargs="+", default=[""], metavar="WORD", help="cases whose line has one of the words")
    parser.add_argument(
        "--mergekit", type=Path, metavar="MERGEKIT_YAML", help="compare with mergekit's passthrough too"
    )
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="work in this folder and leave it there")
    options = parser.parse_args()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(1)

    with tempfile.TemporaryDirectory() as temporary:
        work = options.keep or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        sources = small_models(work)
        chosen = [case for case in cases() if any(word in f"{case.source} {case.name}" for word in options.only)]
        failures = 0
        for number, case in enumerate(chosen):
            label = f"{case.source:13} {case.name:44}"
            try:
                print("ok  ", label, check(case, options.outgrow, sources[case.source], work / f"grown-{number:03}"))
            except Failed as failure:
                failures += 1
                print("FAIL", label, failure)
        if options.mergekit:
            for label, is_well, said in check_mergekit(options.outgrow, options.mergekit, sources, work):
                failures += not is_well
                print("ok  " if is_well else "FAIL", f"{'mergekit':13} {label:44}", said)
        print(f"{len(chosen)} cases, {failures} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
