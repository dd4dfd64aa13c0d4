"""lm-evaluation-harness on files, with a model whose scores are read off the SHA-256 of a request's tokens.

Two things are replaced: where documents are from, and the forward pass. Prompts, tokens, windows, metrics, errors and
files are the harness' own.
"""

import contextlib
import functools
import hashlib
import io
import logging
import struct
from pathlib import Path

import datasets
import lm_eval.tasks
import torch
from lm_eval import simple_evaluate
from lm_eval.loggers import EvaluationTracker
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager
from lm_eval.utils import make_table
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

logging.getLogger("lm_eval").setLevel(logging.ERROR)

NINE = [
    "lambada_openai",
    "lambada_standard",
    "arc_easy",
    "arc_challenge",
    "logiqa",
    "piqa",
    "sciq",
    "winogrande",
    "wikitext",
]
# (name on the hub, configuration) → folder and file of each split; WikiText's other splits are opened and not read.
FILES = {
    ("EleutherAI/lambada_openai", "default"): ("lambada_openai", {"test": "lambada_openai_test"}),
    ("cimec/lambada", None): (
        "lambada_standard",
        {"validation": "lambada_standard_validation", "test": "lambada_standard_test"},
    ),
    ("allenai/ai2_arc", "ARC-Easy"): ("arc_easy", {s: f"arc_easy_{s}" for s in ("train", "validation", "test")}),
    ("allenai/ai2_arc", "ARC-Challenge"): (
        "arc_challenge",
        {s: f"arc_challenge_{s}" for s in ("train", "validation", "test")},
    ),
    ("EleutherAI/logiqa", "logiqa"): ("logiqa", {s: f"logiqa_{s}" for s in ("train", "validation", "test")}),
    ("baber/piqa", None): ("piqa", {s: f"piqa_{s}" for s in ("train", "validation")}),
    ("allenai/sciq", None): ("sciq", {s: f"sciq_{s}" for s in ("train", "validation", "test")}),
    ("allenai/winogrande", "winogrande_xl"): (
        "winogrande",
        {s: f"winogrande_xl_{s}" for s in ("train", "validation")},
    ),
    ("EleutherAI/wikitext_document_level", "wikitext-2-raw-v1"): (
        "wikitext",
        {s: "wikitext2_raw_test_pages" for s in ("train", "validation", "test")},
    ),
    ("Rowan/hellaswag", None): ("hellaswag", {s: f"hellaswag_{s}" for s in ("train", "validation")}),
    ("truthfulqa/truthful_qa", "multiple_choice"): ("truthfulqa", {"validation": "truthfulqa_validation"}),
    ("aps/super_glue", "boolq"): ("boolq", {s: f"boolq_{s}" for s in ("train", "validation")}),
    ("allenai/openbookqa", "main"): ("openbookqa", {s: f"openbookqa_{s}" for s in ("train", "validation", "test")}),
}


def subjects() -> list[str]:
    """MMLU's subjects, by the harness' own files."""
    folder = Path(lm_eval.tasks.__file__).parent / "mmlu/default"
    return sorted(path.stem[len("mmlu_") :] for path in folder.glob("mmlu_*.yaml"))


def files_of(path: str, name: str | None) -> tuple[str, dict[str, str]]:
    if path == "cais/mmlu":
        return "mmlu", {split: f"{name}_{split}" for split in ("test", "dev")}
    return FILES[(path, name)]


def read_documents_from(data: Path, cache: Path) -> None:
    """From now on, the harness' data sets are JSON lines below `data`."""
    load = datasets.load_dataset

    @functools.cache
    def local(path, name=None):
        folder, files = files_of(path, name)
        files = {split: str(data / folder / f"{file}.jsonl") for split, file in files.items()}
        return load("json", data_files=files, cache_dir=str(cache))

    datasets.disable_progress_bars()
    datasets.load_dataset = lambda path, name=None, **_: local(path, name)


class Hashed(HFLM):
    """The harness' own model, with another forward pass."""

    def _loglikelihood_tokens(self, requests, disable_tqdm=False, override_bs=None):
        scores = []
        for _, context, continuation in requests:
            assert 0 < len(continuation) <= self.max_length and context, (
                len(context),
                len(continuation),
                self.max_length,
            )
            kept = (context + continuation)[-(self.max_length + 1) :]
            scores.append(hashed(kept[: -len(continuation)], continuation))
        return scores


def hashed(context: list[int], continuation: list[int]) -> tuple[float, bool]:
    """Up to 32 nats below nothing, and greedy once in four times: examples/hashed_scores.rs does the same."""
    ids = context + continuation
    sum_ = hashlib.sha256(struct.pack("<Q", len(context)) + struct.pack(f"<{len(ids)}I", *ids)).digest()
    return -(int.from_bytes(sum_[:4], "little") / 134217728.0), sum_[4] % 4 == 0


def hashed_model(tokenizer: Path, options: dict) -> Hashed:
    """A model for this tokenizer.json, with the special tokens that the options name by id."""
    fast = PreTrainedTokenizerFast(tokenizer_file=str(tokenizer))
    for kind in ("bos", "eos"):
        if (identity := options.get(f"{kind}_token_id")) is not None:
            setattr(fast, f"{kind}_token", fast.convert_ids_to_tokens(identity))
    config = LlamaConfig(
        vocab_size=max(len(fast), 8),
        hidden_size=8,
        intermediate_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        max_position_embeddings=options["max_length"],
    )
    torch.manual_seed(0)
    return Hashed(
        pretrained=LlamaForCausalLM(config),
        tokenizer=fast,
        batch_size=64,
        device="cpu",
        add_bos_token=options.get("add_bos_token"),
        prefix_token_id=options.get("prefix_token_id"),
    )


def evaluate(tokenizer: Path, tasks: list[str], options: dict, out: Path) -> str:
    """Runs the harness and writes its files to `out`; returns its tables."""
    model = hashed_model(tokenizer, options)
    tracker = EvaluationTracker(output_path=str(out))
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        results = simple_evaluate(
            model=model,
            model_args="pretrained=hashed",
            tasks=tasks,
            task_manager=TaskManager(),
            limit=float(options["limit"]) if "limit" in options else None,
            num_fewshot=options.get("num_fewshot"),
            bootstrap_iters=options.get("bootstrap_iters", 100_000),
            fewshot_random_seed=options.get("fewshot_seed", 1234),
            evaluation_tracker=tracker,
            log_samples=True,
        )
    samples = results.pop("samples")
    tracker.save_results_aggregated(results=results, samples=samples)
    for name in results["configs"]:
        tracker.save_results_samples(task_name=name, samples=samples[name])
    tables = [make_table(results)]
    if "groups" in results:
        tables.append(make_table(results, "groups"))
    return "\n".join(tables)
