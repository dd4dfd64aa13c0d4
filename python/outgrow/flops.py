"""FLOPs of training a token, counted as the program counts them. Knows LLaMA, Mistral and Qwen2."""

from __future__ import annotations

from typing import Any, Dict, Mapping

#: The classes of transformers whose layers are counted here.
KNOWN = {"llama": "LlamaForCausalLM", "mistral": "MistralForCausalLM", "qwen2": "Qwen2ForCausalLM"}


def flops_per_token(config: Mapping[str, Any], sequence_length: int) -> float:
    """Exact FLOPs of one token of training all of a model, as outgrow-schedules' `FlopParts::per_token`.

    `config` is a config.json. A matrix of P weights costs 6 P; causal attention over S tokens costs 6 · S · H in each
    layer, where H is heads times their size. The embedding is a look-up; the head is a matrix, tied or not.
    """
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    head_dim = config.get("head_dim") or hidden // heads
    queries = heads * head_dim
    keys = (config.get("num_key_value_heads") or heads) * head_dim
    matrices = hidden * (2 * queries + 2 * keys + 3 * config["intermediate_size"])
    layer = 6.0 * matrices + 6.0 * sequence_length * queries
    return config["num_hidden_layers"] * layer + 6.0 * hidden * config["vocab_size"]


def model_description(config: Mapping[str, Any]) -> Dict[str, Any]:
    """A config.json in the spelling of run.json, by which the report tells whether two models are one."""
    heads, rope = config["num_attention_heads"], dict(config.get("rope_parameters") or {})
    theta = rope.pop("rope_theta", None) or config.get("rope_theta") or 10000.0
    scaling = rope if rope.get("rope_type", "default") != "default" else config.get("rope_scaling")
    description = {
        "architectures": [KNOWN[config["model_type"]]],
        "model_type": config["model_type"],
        "vocab_size": config["vocab_size"],
        "hidden_size": config["hidden_size"],
        "intermediate_size": config["intermediate_size"],
        "num_hidden_layers": config["num_hidden_layers"],
        "num_attention_heads": heads,
        "num_key_value_heads": config.get("num_key_value_heads") or heads,
        "head_dim": config.get("head_dim") or config["hidden_size"] // heads,
        "hidden_act": config.get("hidden_act", "silu"),
        "max_position_embeddings": config.get("max_position_embeddings"),
        "rms_norm_eps": float(config.get("rms_norm_eps", 1e-6)),
        "rope_theta": float(theta),
        "rope_scaling": scaling,
    }
    if config["model_type"] == "qwen2":
        description["use_sliding_window"] = False
        description["sliding_window"] = None
        description["max_window_layers"] = config["num_hidden_layers"]
    else:
        # A Mistral without its window is a LLaMA, as the program writes it.
        description["architectures"], description["model_type"] = [KNOWN["llama"]], "llama"
        description["attention_bias"] = bool(config.get("attention_bias", False))
        description["mlp_bias"] = bool(config.get("mlp_bias", False))
    description["attention_dropout"] = float(config.get("attention_dropout", 0.0))
    description["tie_word_embeddings"] = bool(config.get("tie_word_embeddings", False))
    description["initializer_range"] = config.get("initializer_range")
    return description
