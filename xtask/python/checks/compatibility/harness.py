"""`outgrow eval` beside lm-evaluation-harness' own `hf` model on the same folder, for check_compatibility.py.

The harness opens the folder itself, with AutoTokenizer and AutoModelForCausalLM, in f32. Documents are the few that the
tests of outgrow-eval have (crates/outgrow-eval/tests/golden/documents).
"""

import contextlib
import io
import shutil
import subprocess
from functools import cache
from pathlib import Path

from lm_eval import simple_evaluate
from lm_eval.loggers import EvaluationTracker
from lm_eval.tasks import TaskManager

from checks.evaluation.check_eval_models import Failed, compare
from peers.harness import read_documents_from

DOCUMENTS = Path(__file__).resolve().parents[4] / "crates/outgrow-eval/tests/golden/documents"
TASKS = "lambada_openai,arc_easy,wikitext"
# Folders of folders.py, and what is said of add_bos_token.
CASES = [
    ("plain", None),
    ("plain", "true"),
    ("plain", "false"),
    ("llama-2-as-llama", None),
    ("digits-as-gpt-2", None),
    ("digits-as-gpt-2", "true"),
    ("byte-level-as-llama", None),
    ("no-tokenizer-config", None),
    ("begin-off-in-config", None),
    ("begin-on-in-config", None),
    ("begin-on-in-config", "true"),
    ("template-with-end", None),
    ("template-with-end", "true"),
    ("template-with-end", "false"),
    ("old-special-tokens-map", None),
    ("chat-tokens-in-config", None),
    ("padding-beyond", None),
    ("padded-vocabulary", None),
    ("tied-and-another-head", None),
]


@cache
def manager() -> TaskManager:
    return TaskManager()


def lay_documents(folder: Path) -> Path:
    """The documents, where the harness reads them from now on; a split that it opens and doesn't use is a copy."""
    documents = shutil.copytree(DOCUMENTS, folder / "documents")
    shutil.copyfile(documents / "arc_easy/arc_easy_test.jsonl", documents / "arc_easy/arc_easy_validation.jsonl")
    read_documents_from(documents, folder / "cache")
    return documents


def by_harness(model: Path, out: Path, flag: str | None) -> dict:
    """The harness' results; its errors come through."""
    arguments = f"pretrained={model},dtype=float32" + (f",add_bos_token={flag}" if flag else "")
    tracker = EvaluationTracker(output_path=str(out))
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        results = simple_evaluate(
            model="hf",
            model_args=arguments,
            tasks=TASKS.split(","),
            task_manager=manager(),
            device="cpu",
            batch_size=4,
            bootstrap_iters=100,
            evaluation_tracker=tracker,
            log_samples=True,
        )
    samples = results.pop("samples")
    tracker.save_results_aggregated(results=results, samples=samples)
    for name in results["configs"]:
        tracker.save_results_samples(task_name=name, samples=samples[name])
    return results["results"]


def run_harness(
    program: Path | None, model: Path, documents: Path, out: Path, flag: str | None
) -> tuple[str, str, bool]:
    """What the harness gives, what `outgrow eval` makes of the same, and whether that is right."""
    try:
        results = by_harness(model, out / "theirs", flag)
        words = f"WikiText {results['wikitext']['word_perplexity,none']:.4g} a word"
    except Exception as error:  # its answer to this folder
        results, words = None, f"{type(error).__name__}: {' '.join(str(error).split())[:90]}"
    if not program:
        return words, "…", True
    command = [
        program,
        "eval",
        model,
        "--tasks",
        TASKS,
        "--data",
        documents,
        "--out",
        out / "ours",
        "--log-samples",
        "--bootstrap-iters",
        "100",
    ]
    command += ["--add-bos-token", flag] if flag else []
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, timeout=600)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [""])[-1].replace(f"{model.parent}/", "")
        return words, f"refuses ({done.returncode}): {said[:140]}", results is None
    if results is None:
        return words, "evaluates", True
    try:
        compared = compare(out / "ours", out / "theirs")
    except Failed as problem:
        return words, f"differs: {str(problem)[:140]}", False
    return words, f"same, {compared.requests} requests", True
