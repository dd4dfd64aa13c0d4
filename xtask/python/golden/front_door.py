"""Makes front_door.json of outgrow-eval: what the harness scores on folders that it opens by path.

The file is crates/outgrow-eval/tests/golden/front_door.json; folders are opened as the command line of
lm-evaluation-harness opens them.

The file is crates/outgrow-eval/tests/golden/front_door.json; folders are opened as the command line of
lm-evaluation-harness opens them.

    cargo xtask golden front_door

The harness' own `hf` model gets a path and `add_bos_token`, so that tokenizer, special tokens and template are its and
AutoTokenizer's affair; only the forward pass is replaced, by hashes of a request's tokens (peers/harness.py).
Vocabularies are those of pretrained_tokenizers.py, documents those of evaluation.py.
"""

import contextlib
import functools
import io
import json
import multiprocessing
import shutil
import tempfile
from pathlib import Path

from lm_eval import simple_evaluate
from lm_eval.tasks import TaskManager
from transformers import LlamaConfig, LlamaForCausalLM

from golden.pretrained_tokenizers import ANGLES, END, LLAMA, TARGET, added, template
from peers.evaluation import with_all_splits
from peers.harness import Hashed, read_documents_from

GOLDEN = Path(__file__).resolve().parents[3] / "crates/outgrow-eval/tests/golden"
TASKS = ["arc_easy", "piqa", "lambada_openai", "wikitext"]
ROWS, POSITIONS = 512, 400
FAST = "PreTrainedTokenizerFast"
BOTH = {"post_processor": template(("<s>", 1), behind=(("</s>", 2),))}
BEGIN = {"post_processor": template(("<|endoftext|>", 0))}

# name, vocabulary, tokenizer_config.json, changes to tokenizer.json, other files
FOLDERS = [
    ("LlamaTokenizer, legacy", "like_llama", {"tokenizer_class": "LlamaTokenizer", "legacy": True, **ANGLES}, {}, {}),
    (
        "LlamaTokenizer, a template with both",
        "like_llama",
        {"tokenizer_class": "LlamaTokenizerFast", **ANGLES},
        BOTH,
        {},
    ),
    ("GPT2Tokenizer", "byte_level", {"tokenizer_class": "GPT2Tokenizer", **END}, {}, {}),
    ("GPTNeoXTokenizer", "byte_level", {"tokenizer_class": "GPTNeoXTokenizer", **END}, BEGIN, {}),
    ("Qwen2Tokenizer", "byte_level", {"tokenizer_class": "Qwen2Tokenizer", **END}, BEGIN, {}),
    ("CohereTokenizer", "byte_level", {"tokenizer_class": "CohereTokenizer", **END}, BEGIN, {}),
    ("generic, no template", "byte_level", {"tokenizer_class": FAST, **END}, {}, {}),
    ("generic, a template with both", "like_llama", {"tokenizer_class": FAST, **ANGLES}, BOTH, {}),
    ("generic, only an end", "like_llama", {"tokenizer_class": FAST, "eos_token": "</s>"}, {}, {}),
    (
        "special_tokens_map.json",
        "like_llama",
        {"tokenizer_class": FAST, **ANGLES},
        {},
        {"special_tokens_map.json": {"bos_token": "</s>", "eos_token": added("<s>")}},
    ),
    ("vocab.json and merges.txt", "vocab_and_merges", {"tokenizer_class": "GPT2Tokenizer", **END}, {}, {}),
    (
        "tokenizer.model",
        "like_llama_model",
        {"tokenizer_class": "LlamaTokenizer", "add_bos_token": True, **ANGLES},
        {},
        {},
    ),
]


def write_model(folder: Path, vocabulary: str, configuration: dict, edit: dict, files: dict) -> None:
    shutil.copytree(TARGET / vocabulary, folder, dirs_exist_ok=True)
    if edit:
        path = folder / "tokenizer.json"
        path.write_text(
            json.dumps(json.loads(path.read_text(encoding="utf-8")) | edit, ensure_ascii=False), encoding="utf-8"
        )
    for name, contents in {"tokenizer_config.json": configuration, **files}.items():
        (folder / name).write_text(json.dumps(contents), encoding="utf-8")
    config = LlamaConfig(
        vocab_size=ROWS,
        hidden_size=8,
        intermediate_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        max_position_embeddings=POSITIONS,
    )
    LlamaForCausalLM(config).save_pretrained(folder)


@functools.cache
def manager() -> TaskManager:
    return TaskManager()


def scores(folder: Path, add_bos_token: bool | None, num_fewshot: int) -> dict:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        flags = {} if add_bos_token is None else {"add_bos_token": add_bos_token}
        model = Hashed(pretrained=str(folder), device="cpu", batch_size=64, **flags)
        results = simple_evaluate(
            model=model,
            model_args="pretrained=hashed",
            tasks=TASKS,
            task_manager=manager(),
            num_fewshot=num_fewshot or None,
            bootstrap_iters=0,
            log_samples=True,
        )
    answers = lambda sample: [
        answer if isinstance(answer, float) else list(answer) for answer in sample["filtered_resps"]
    ]
    return {task: [answers(sample) for sample in results["samples"][task]] for task in TASKS}


def main() -> None:
    cases = []
    with tempfile.TemporaryDirectory() as temporary:
        temporary = Path(temporary)
        read_documents_from(with_all_splits(GOLDEN / "documents", temporary / "documents"), temporary / "cache")
        manager()  # before the processes that share it
        for name, vocabulary, configuration, edit, files in FOLDERS:
            shutil.rmtree(temporary / "model", ignore_errors=True)
            write_model(temporary / "model", vocabulary, configuration, edit, files)
            named = {"tokenizer_config.json": configuration, "config.json": LLAMA, **files}
            for add_bos_token in (None, True, False):
                for num_fewshot in (0, 2):
                    # In a process of its own: the harness keeps hundreds of megabytes of each call.
                    with multiprocessing.get_context("fork").Pool(1) as pool:
                        expected = pool.apply(scores, (temporary / "model", add_bos_token, num_fewshot))
                    settings = {"name": name, "vocabulary": vocabulary, "edit": edit, "files": named}
                    cases.append(
                        settings | {"add_bos_token": add_bos_token, "num_fewshot": num_fewshot, "expected": expected}
                    )
            lines = ",\n".join(json.dumps(case) for case in cases)
            head = f'"rows": {ROWS}, "positions": {POSITIONS}, "tasks": {json.dumps(TASKS)}'
            (GOLDEN / "front_door.json").write_text(f'{{{head}, "cases": [\n{lines}\n]}}\n')
            print(name, flush=True)


if __name__ == "__main__":
    main()
