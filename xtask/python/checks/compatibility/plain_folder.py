"""A small random LLaMA's folder, before a case of check_compatibility.py changes something of it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import save_file

from checks.compatibility.tokenizer_variants import END, llama_2

ABSENT = object()
Tensors = dict[str, torch.Tensor]
PLAIN = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "vocab_size": 512,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "hidden_act": "silu",
    "max_position_embeddings": 128,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "tie_word_embeddings": False,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "torch_dtype": "float32",
}
GENERIC = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 128}
LLAMA_TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
BYTE_TOKENS = {"bos_token": END, "eos_token": END}


@dataclass
class Folder:
    """What is written; a case changes some of it."""

    config: dict
    tensors: Tensors
    tokenizer: dict | None = field(default_factory=lambda: json.loads(llama_2()))
    tokenizer_config: dict | None = field(default_factory=lambda: GENERIC | LLAMA_TOKENS)
    metadata: dict | None = field(default_factory=lambda: {"format": "pt"})
    shards: bool = False
    files: dict[str, bytes | str] = field(default_factory=dict)
    afterwards: Callable[[Path], None] = lambda _: None
    config_text: str | None = None
    written: list[int] = field(default_factory=list)
    """What transformers writes behind the plain folder's prompt: tokens that a case can make an end of."""

    def set(self, **changes) -> "Folder":
        self.config = {k: v for k, v in (self.config | changes).items() if v is not ABSENT}
        return self

    def spelt(self, token: int) -> str:
        """How tokenizer.json spells a token."""
        return next(word for word, identity in self.tokenizer["model"]["vocab"].items() if identity == token)

    def write(self, path: Path) -> Path:
        path.mkdir(parents=True)
        (path / "config.json").write_text(self.config_text or json.dumps(self.config, indent=1))
        if self.shards:
            self.write_shards(path)
        else:
            save_file(self.tensors, path / "model.safetensors", metadata=self.metadata)
        for name, value in (("tokenizer.json", self.tokenizer), ("tokenizer_config.json", self.tokenizer_config)):
            if value is not None:
                (path / name).write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
        for name, content in self.files.items():
            (path / name).write_bytes(content.encode() if isinstance(content, str) else content)
        self.afterwards(path)
        return path

    def write_shards(self, path: Path) -> None:
        names = list(self.tensors)
        parts = (names[: len(names) // 2], names[len(names) // 2 :])
        where = {}
        for number, part in enumerate(parts, start=1):
            file = f"model-0000{number}-of-00002.safetensors"
            save_file({name: self.tensors[name] for name in part}, path / file, metadata=self.metadata)
            where |= dict.fromkeys(part, file)
        index = {"metadata": {"total_size": 1.5e5}, "weight_map": where}
        (path / "model.safetensors.index.json").write_text(json.dumps(index))


def decoder(config: dict, seed: int = 0, head: bool = True, biases: tuple[str, ...] = ()) -> Tensors:
    generator = torch.Generator().manual_seed(seed)

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator) * 0.25

    hidden, middle, vocabulary = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    width = hidden // config["num_attention_heads"]
    keys = config["num_key_value_heads"] * width
    shapes = {
        "self_attn.q_proj": (hidden, hidden),
        "self_attn.k_proj": (keys, hidden),
        "self_attn.v_proj": (keys, hidden),
        "self_attn.o_proj": (hidden, hidden),
        "mlp.gate_proj": (middle, hidden),
        "mlp.up_proj": (middle, hidden),
        "mlp.down_proj": (hidden, middle),
    }
    tensors = {"model.embed_tokens.weight": random(vocabulary, hidden)}
    for layer in range(config["num_hidden_layers"]):
        prefix = f"model.layers.{layer}."
        for name, shape in shapes.items():
            tensors[f"{prefix}{name}.weight"] = random(*shape)
            if name.split(".")[1] in biases:
                tensors[f"{prefix}{name}.bias"] = random(shape[0])
        for name in ("input_layernorm", "post_attention_layernorm"):
            tensors[f"{prefix}{name}.weight"] = 1 + random(hidden)
    tensors["model.norm.weight"] = 1 + random(hidden)
    if head:
        tensors["lm_head.weight"] = random(vocabulary, hidden)
    return tensors


def plain() -> Folder:
    return Folder(dict(PLAIN), decoder(PLAIN))
