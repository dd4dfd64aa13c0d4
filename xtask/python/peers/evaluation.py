"""lm-evaluation-harness on a folder, with its own `hf` model and documents from files: the peer of `outgrow eval`.

    python -m peers.evaluation MODEL DATA OUT --tasks NAMES [--batch-size N] [--limit N] [--num-fewshot K]
        [--add-bos-token true|false] [--prefix-token-id N] [--max-length N] [--threads N] [--bootstrap-iters N]

Writes the harness' files to OUT and prints one JSON object: seconds as a whole, seconds within the model, requests, the
most memory.
"""

import argparse
import contextlib
import io
import json
import resource
import tempfile
import time
from pathlib import Path

BEGIN = time.perf_counter()

import torch
from lm_eval import simple_evaluate
from lm_eval.loggers import EvaluationTracker
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from peers.harness import FILES, read_documents_from


class Timed(HFLM):
    """The harness' own model, with a clock around its forward passes."""

    seconds = 0.0

    def _loglikelihood_tokens(self, *args, **kwargs):
        begin = time.perf_counter()
        scores = super()._loglikelihood_tokens(*args, **kwargs)
        self.seconds += time.perf_counter() - begin
        return scores


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--tasks", required=True)
    parser.add_argument("--batch-size", default="8")
    parser.add_argument("--limit", type=float)
    parser.add_argument("--num-fewshot", type=int)
    parser.add_argument("--add-bos-token", choices=["true", "false"])
    parser.add_argument("--prefix-token-id", type=int)
    parser.add_argument("--max-length", type=int)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--bootstrap-iters", type=int, default=100_000)
    return parser.parse_args()


def tokenizer_of(folder: Path) -> PreTrainedTokenizerFast:
    """The folder's tokenizer.json as it is: transformers 5 changes what the class LlamaTokenizer does with it."""
    return PreTrainedTokenizerFast.from_pretrained(folder)


def with_all_splits(data: Path, folder: Path) -> Path:
    """The documents, with stand-ins for splits that the harness opens and, without examples, doesn't read."""
    for name, splits in FILES.values():
        (folder / name).mkdir(parents=True, exist_ok=True)
        present = [
            data / name / f"{file}.jsonl" for file in splits.values() if (data / name / f"{file}.jsonl").is_file()
        ]
        for file in splits.values() if present else ():
            own = data / name / f"{file}.jsonl"
            target = folder / name / own.name
            target.unlink(missing_ok=True)
            target.symlink_to((own if own.is_file() else present[0]).resolve())
    return folder


def main() -> None:
    given = arguments()
    if given.threads:
        torch.set_num_threads(given.threads)
    with (
        tempfile.TemporaryDirectory() as cache,
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        data = given.data if given.num_fewshot else with_all_splits(given.data, Path(cache) / "documents")
        read_documents_from(data, Path(cache))
        model = Timed(
            pretrained=AutoModelForCausalLM.from_pretrained(given.model, dtype=torch.float32),
            tokenizer=tokenizer_of(given.model),
            batch_size=int(given.batch_size),
            device="cpu",
            add_bos_token={"true": True, "false": False, None: None}[given.add_bos_token],
            prefix_token_id=given.prefix_token_id,
            max_length=given.max_length,
        )
        tracker = EvaluationTracker(output_path=str(given.out))
        results = simple_evaluate(
            model=model,
            model_args=f"pretrained={given.model}",
            tasks=given.tasks.split(","),
            task_manager=TaskManager(),
            limit=given.limit,
            num_fewshot=given.num_fewshot,
            bootstrap_iters=given.bootstrap_iters,
            evaluation_tracker=tracker,
            log_samples=True,
        )
        samples = results.pop("samples")
        tracker.save_results_aggregated(results=results, samples=samples)
        for name in results["configs"]:
            tracker.save_results_samples(task_name=name, samples=samples[name])
    requests = sum(len(sample["arguments"]) for documents in samples.values() for sample in documents)
    print(
        json.dumps(
            {
                "seconds": time.perf_counter() - BEGIN,
                "model_seconds": model.seconds,
                "requests": requests,
                "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            }
        )
    )


if __name__ == "__main__":
    main()
