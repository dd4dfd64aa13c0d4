"""What check_eval.py runs: tasks, tokenizers and options that hit every rule."""

from dataclasses import dataclass

from peers.harness import NINE

LLAMA = {"bos_token_id": 1, "eos_token_id": 2}
GPT2 = {"bos_token_id": 50256, "eos_token_id": 50256}
# Where the bootstrap is not what a case is there for.
FEW = {"bootstrap_iters": 2500}


@dataclass(frozen=True)
class Case:
    name: str
    tasks: list[str]
    tokenizer: str
    options: dict

    def folder(self) -> str:
        return "".join(character if character.isalnum() else "-" for character in self.name)


def further_tasks() -> list[str]:
    return ["hellaswag", "truthfulqa_mc1", "truthfulqa_mc2", "mmlu", "boolq", "openbookqa"]


def cases() -> list[Case]:
    further = further_tasks()
    return [
        Case("0-shot, BOS by default, 512 tokens, whole bootstrap", NINE, "sp4096", LLAMA | {"max_length": 512}),
        Case(
            "0-shot, no BOS, EOS prefix, 384 tokens",
            NINE,
            "llama2",
            LLAMA | FEW | {"max_length": 384, "add_bos_token": False, "prefix_token_id": 2},
        ),
        # Some options of PIQA and LogiQA are longer than 128 tokens; the harness refuses them as well.
        Case(
            "0-shot, 128 tokens",
            [task for task in NINE if task not in ("piqa", "logiqa")],
            "sp4096",
            LLAMA | FEW | {"max_length": 128},
        ),
        Case(
            "2-shot, BOS by default, 1024 tokens", NINE, "sp4096", LLAMA | FEW | {"max_length": 1024, "num_fewshot": 2}
        ),
        Case("5-shot, GPT-2, 1024 tokens", NINE, "gpt2", GPT2 | FEW | {"max_length": 1024, "num_fewshot": 5}),
        Case(
            "5-shot, BOS asked for, 320 tokens",
            NINE,
            "sp4096",
            LLAMA | FEW | {"max_length": 320, "num_fewshot": 5, "add_bos_token": True},
        ),
        Case(
            "1-shot, other seed, a tenth of the documents, only an EOS",
            NINE,
            "prose-bpe/prose-bpe-8192",
            FEW | {"max_length": 2048, "num_fewshot": 1, "limit": 0.1, "fewshot_seed": 98765, "eos_token_id": 0},
        ),
        Case(
            "25-shot, three documents",
            NINE,
            "sp4096",
            LLAMA | FEW | {"max_length": 2048, "num_fewshot": 25, "limit": 3},
        ),
        Case("one document, no errors", NINE, "sp4096", LLAMA | {"max_length": 64, "limit": 1, "bootstrap_iters": 0}),
        Case("further tasks, 0-shot", further, "sp4096", LLAMA | FEW | {"max_length": 512}),
        Case("further tasks, 2-shot", further, "gpt2", GPT2 | FEW | {"max_length": 512, "num_fewshot": 2}),
        Case("further tasks, 5-shot", further, "llama2", LLAMA | FEW | {"max_length": 300, "num_fewshot": 5}),
        Case(
            "further tasks, 11-shot but MMLU",
            further[:3] + further[4:],
            "sp4096",
            LLAMA | FEW | {"max_length": 2048, "num_fewshot": 11},
        ),
    ]
