"""Small random decoders of many architectures: the data of checks/growth/check_architectures.py.

A decoder is its config of transformers and, where its file should say less than `save_pretrained` writes (as the files
of published models do), the keys that are taken out of config.json or put into it.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM

from models.tiny_llama import empty_folder

# Sliding windows are shorter than the check's sequences, so that a layer of the wrong kind shows.
WINDOW = 6
WINDOWS = dict(use_sliding_window=True, sliding_window=WINDOW)
COMMON = dict(
    vocab_size=61,
    hidden_size=32,
    intermediate_size=48,
    num_hidden_layers=4,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=64,
    bos_token_id=1,
    eos_token_id=2,
    pad_token_id=0,
)
EXPERTS = dict(num_experts=4, num_experts_per_tok=2, moe_intermediate_size=16)
DEEPSEEK = dict(
    n_routed_experts=4,
    num_experts_per_tok=2,
    moe_intermediate_size=16,
    n_group=1,
    topk_group=1,
    kv_lora_rank=8,
    q_lora_rank=12,
    qk_rope_head_dim=4,
    qk_nope_head_dim=8,
    v_head_dim=8,
    num_key_value_heads=4,
)
LINEAR = dict(
    linear_key_head_dim=8,
    linear_value_head_dim=8,
    linear_num_key_heads=2,
    linear_num_value_heads=4,
    shared_expert_intermediate_size=16,
    head_dim=8,
)
# Words of the lines that refuse.
NO_SILENCE = "can't be made an identity"
BOTTOM = "would not all be at the bottom"
PLACES = "would be of another kind"


@dataclass
class Decoder:
    """One small decoder. `refused` has, for operators that can't be had, words of the line that says so."""

    name: str
    model_type: str
    settings: dict[str, Any] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    put: dict[str, Any] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Writes the folder; biases and norms are spread too, so that a forgotten one shows."""
        random = torch.Generator().manual_seed(17)
        config = AutoConfig.for_model(self.model_type, **(COMMON | self.settings))
        torch.manual_seed(5)
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
        with torch.no_grad():
            for tensor in model.state_dict().values():
                if tensor.is_floating_point():
                    tensor += 0.15 * torch.randn(tensor.shape, generator=random)
        model.save_pretrained(empty_folder(folder))
        (folder / "generation_config.json").unlink(missing_ok=True)
        path = folder / "config.json"
        raw = json.loads(path.read_text())
        kept = {key: value for key, value in raw.items() if key not in self.without}
        path.write_text(json.dumps(kept | self.put, indent=2) + "\n")


DECODERS = [
    Decoder("llama, biases", "llama", dict(attention_bias=True, mlp_bias=True), refused={"zero": NO_SILENCE}),
    Decoder("mistral", "mistral", dict(sliding_window=None)),
    Decoder("mistral, windows", "mistral", dict(sliding_window=WINDOW)),
    Decoder("mixtral", "mixtral", dict(num_local_experts=4, sliding_window=WINDOW), refused={"zero": NO_SILENCE}),
    Decoder(
        "ministral, 2 kinds",
        "ministral",
        dict(sliding_window=WINDOW, head_dim=8, layer_types=["sliding_attention", "full_attention"] * 2),
    ),
    Decoder("qwen2, biases", "qwen2"),
    Decoder(
        "qwen2, windows listed",
        "qwen2",
        WINDOWS | dict(max_window_layers=2),
    ),
    Decoder(
        "qwen2, windows by number",
        "qwen2",
        WINDOWS | dict(max_window_layers=2),
        without=("layer_types",),
    ),
    Decoder(
        "qwen2, windows, key left out",
        "qwen2",
        WINDOWS,
        without=("layer_types", "max_window_layers"),
    ),
    Decoder("qwen2_moe", "qwen2_moe", EXPERTS | dict(shared_expert_intermediate_size=16)),
    Decoder(
        "qwen2_moe, windows by number",
        "qwen2_moe",
        EXPERTS | dict(shared_expert_intermediate_size=16) | WINDOWS | dict(max_window_layers=3),
        without=("layer_types",),
    ),
    Decoder("qwen3, norms of heads", "qwen3", dict(head_dim=12)),
    Decoder("qwen3_moe", "qwen3_moe", EXPERTS),
    Decoder("qwen3_moe, dense layers", "qwen3_moe", EXPERTS | dict(mlp_only_layers=[0, 3])),
    Decoder("qwen3_moe, every second", "qwen3_moe", EXPERTS | dict(decoder_sparse_step=2)),
    Decoder("qwen3_next", "qwen3_next", EXPERTS | LINEAR, refused={"zero": NO_SILENCE}),
    Decoder(
        "qwen3_next, by number",
        "qwen3_next",
        EXPERTS | LINEAR | dict(layer_types=["linear_attention", "full_attention"] * 2),
        without=("layer_types",),
        put={"full_attention_interval": 2},
        refused={"zero": NO_SILENCE},
    ),
    Decoder("gemma, tied", "gemma", dict(head_dim=12)),
    Decoder("gemma2, by number", "gemma2", dict(sliding_window=WINDOW, head_dim=12), without=("layer_types",)),
    Decoder("gemma2, listed", "gemma2", dict(sliding_window=WINDOW, head_dim=12, num_hidden_layers=5)),
    Decoder(
        "gemma3_text, by number",
        "gemma3_text",
        dict(sliding_window=WINDOW, head_dim=12, num_hidden_layers=7),
        without=("layer_types", "sliding_window_pattern", "_sliding_window_pattern"),
    ),
    Decoder(
        "gemma3_text, pattern 3",
        "gemma3_text",
        dict(sliding_window=WINDOW, head_dim=12, num_hidden_layers=5),
        without=("layer_types", "_sliding_window_pattern"),
        put={"sliding_window_pattern": 3},
    ),
    Decoder("olmo2", "olmo2"),
    Decoder("olmo3, by number", "olmo3", dict(sliding_window=WINDOW), without=("layer_types",)),
    Decoder("phi, fc1 and fc2", "phi", dict(num_key_value_heads=4), refused={"zero": NO_SILENCE}),
    Decoder("phi3, windows", "phi3", dict(sliding_window=WINDOW)),
    Decoder("smollm3, listed", "smollm3", dict(num_hidden_layers=5)),
    Decoder(
        "smollm3, by number",
        "smollm3",
        dict(use_sliding_window=True, sliding_window=WINDOW, no_rope_layer_interval=3, num_hidden_layers=5),
        without=("layer_types", "no_rope_layers"),
    ),
    Decoder("cohere", "cohere", dict(use_qk_norm=True)),
    Decoder(
        "cohere2, by number",
        "cohere2",
        dict(sliding_window=WINDOW, head_dim=8, num_hidden_layers=5),
        without=("layer_types", "_sliding_window_pattern"),
        put={"sliding_window_pattern": 4},
    ),
    Decoder("starcoder2, windows", "starcoder2", dict(sliding_window=WINDOW), refused={"zero": NO_SILENCE}),
    Decoder(
        "exaone4, by number",
        "exaone4",
        dict(sliding_window=WINDOW, sliding_window_pattern=2),
        without=("layer_types",),
    ),
    Decoder(
        "deepseek_v3, 1 dense",
        "deepseek_v3",
        DEEPSEEK | dict(first_k_dense_replace=1, num_nextn_predict_layers=0),
        refused={"layers mixed": BOTTOM, "stack": BOTTOM, "zero on top": BOTTOM},
    ),
    Decoder(
        "deepseek_v3, as saved",
        "deepseek_v3",
        DEEPSEEK | dict(first_k_dense_replace=1),
        refused={"layers mixed": BOTTOM, "stack": BOTTOM, "zero on top": BOTTOM},
    ),
    Decoder(
        "glm4_moe",
        "glm4_moe",
        DEEPSEEK | dict(first_k_dense_replace=1, head_dim=8),
        refused={"layers mixed": BOTTOM, "stack": BOTTOM, "zero on top": BOTTOM},
    ),
    Decoder(
        "gpt_oss",
        "gpt_oss",
        dict(num_local_experts=4, num_experts_per_tok=2, sliding_window=WINDOW, head_dim=8),
        without=("layer_types",),
        refused={"zero": NO_SILENCE},
    ),
    Decoder("granite", "granite", dict(residual_multiplier=0.5, embedding_multiplier=2.0)),
    Decoder(
        "lfm2",
        "lfm2",
        dict(layer_types=["conv", "full_attention", "conv", "full_attention"]),
        refused={"zero": NO_SILENCE},
    ),
    Decoder(
        "falcon_h1",
        "falcon_h1",
        dict(mamba_d_ssm=32, mamba_n_heads=4, mamba_d_head=8, mamba_n_groups=1, mamba_d_state=8, head_dim=8),
        refused={"zero": NO_SILENCE},
    ),
    Decoder(
        "jamba",
        "jamba",
        dict(attn_layer_period=2, attn_layer_offset=1, mamba_d_state=8, use_mamba_kernels=False)
        | dict(expert_layer_period=2, expert_layer_offset=1, num_experts=2, num_experts_per_tok=1),
        refused={"zero": NO_SILENCE, "layers": PLACES, "interleave": PLACES, "pattern": PLACES},
    ),
    Decoder("gpt_neox", "gpt_neox", refused={"zero": NO_SILENCE}),
    Decoder("opt", "opt", dict(ffn_dim=48, word_embed_proj_dim=32, dropout=0.0), refused={"zero": NO_SILENCE}),
    Decoder("stablelm", "stablelm"),
    Decoder("nemotron", "nemotron", dict(head_dim=8)),
]
