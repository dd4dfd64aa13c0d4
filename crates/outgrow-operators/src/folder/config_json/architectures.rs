//! What configurations of transformers (version 5.23) make of the number of a layer, as data. Facts only: what is done
//! about them is the parent module's.

/// How an architecture gives its layers their kinds where the file doesn't list them.
pub(super) struct Alternation {
    pub model_type: &'static str,
    /// The list that says the same, and that the architecture prefers to its rule.
    pub list: &'static str,
    /// The key that holds the period, where there is one.
    pub period_key: Option<&'static str>,
    /// The period without that key.
    pub period: u64,
    /// Which layer of a period is the special one.
    pub special: Special,
    /// Entries of the list: of the special layer, and of the others.
    pub kinds: [Kind; 2],
}

#[derive(Clone, Copy)]
pub(super) enum Special {
    First,
    Last,
}

#[derive(Clone, Copy)]
pub(super) enum Kind {
    Name(&'static str),
    Number(u64),
}

const FULL: Kind = Kind::Name("full_attention");
const SLIDING: Kind = Kind::Name("sliding_attention");
const LINEAR: Kind = Kind::Name("linear_attention");

const fn last_is_full(
    model_type: &'static str,
    period_key: Option<&'static str>,
    period: u64,
    others: Kind,
) -> Alternation {
    let (list, special) = ("layer_types", Special::Last);
    Alternation { model_type, list, period_key, period, special, kinds: [FULL, others] }
}

const fn first_is_full(model_type: &'static str, period: u64, others: Kind) -> Alternation {
    let (list, special) = ("layer_types", Special::First);
    Alternation { model_type, list, period_key: None, period, special, kinds: [FULL, others] }
}

/// 1 is a layer with rotary positions.
const fn last_is_without_rope(model_type: &'static str) -> Alternation {
    Alternation {
        model_type,
        list: "no_rope_layers",
        period_key: Some("no_rope_layer_interval"),
        period: 4,
        special: Special::Last,
        kinds: [Kind::Number(0), Kind::Number(1)],
    }
}

pub(super) const ALTERNATIONS: [Alternation; 16] = [
    last_is_full("gemma2", None, 2, SLIDING),
    last_is_full("vaultgemma", None, 2, SLIDING),
    last_is_full("gpt_oss", None, 2, SLIDING),
    last_is_full("gemma3_text", Some("sliding_window_pattern"), 6, SLIDING),
    last_is_full("cohere2", Some("sliding_window_pattern"), 4, SLIDING),
    last_is_full("exaone4", Some("sliding_window_pattern"), 4, SLIDING),
    last_is_full("olmo3", None, 4, SLIDING),
    last_is_full("afmoe", Some("global_attn_every_n_layers"), 4, SLIDING),
    last_is_full("qwen3_next", Some("full_attention_interval"), 4, LINEAR),
    last_is_full("qwen3_5_text", Some("full_attention_interval"), 4, LINEAR),
    last_is_full("qwen3_5_moe_text", Some("full_attention_interval"), 4, LINEAR),
    first_is_full("cwm", 4, SLIDING),
    first_is_full("granite_swa", 4, SLIDING),
    first_is_full("granitemoe_swa", 4, SLIDING),
    last_is_without_rope("smollm3"),
    last_is_without_rope("llama4_text"),
];

/// Lists that must be in the file, because without them these architectures go by rules that aren't written down here.
pub(super) const LISTS_NEEDED: [(&str, &str); 35] = [
    ("axk1", "mlp_layer_types"),
    ("axk2", "mlp_layer_types"),
    ("bailing_hybrid", "layer_types"),
    ("bailing_hybrid", "mlp_layer_types"),
    ("cohere2_moe", "layer_types"),
    ("cohere2_moe", "mlp_layer_types"),
    ("deepseek_v32", "mlp_layer_types"),
    ("deepseek_v4", "layer_types"),
    ("deepseek_v4", "mlp_layer_types"),
    ("dots3_note_text", "layer_types"),
    ("dots3_note_text", "mlp_layer_types"),
    ("exaone_moe", "layer_types"),
    ("exaone_moe", "mlp_layer_types"),
    ("flint", "layer_types"),
    ("flint", "mlp_only_layers"),
    ("gemma3n_text", "layer_types"),
    ("gemma4_text", "layer_types"),
    ("gemma4_unified_text", "layer_types"),
    ("glm4_moe_lite", "mlp_layer_types"),
    ("glm_moe_dsa", "mlp_layer_types"),
    ("hy_v3", "mlp_layer_types"),
    ("hy_v4", "mlp_layer_types"),
    ("hy_v4", "indexer_types"),
    ("inkling_text", "layer_types"),
    ("inkling_text", "mlp_layer_types"),
    ("kimi_linear", "layer_types"),
    ("kimi_linear", "mlp_layer_types"),
    ("kolibri1", "layer_types"),
    ("laguna", "mlp_layer_types"),
    ("lfm3", "layer_types"),
    ("mimo_v2_flash", "layer_types"),
    ("mimo_v2_flash", "mlp_layer_types"),
    ("nemotron_h", "layers_block_type"),
    ("olmo_hybrid", "layer_types"),
    ("qwen4_exp_text", "layer_types"),
];

/// Architectures whose layers compute something else under another number, whatever the file says.
pub(super) const BY_NUMBER: [(&str, &str); 11] = [
    ("beam", "its attention takes from the layers below by the layer's number"),
    ("diffllama", "its attention has a constant that follows from the layer's number"),
    ("gpt_neox_japanese", "its last layer alone has a bias"),
    ("inkling2_text", "its layers form blocks by their number"),
    ("minicpm3", "its layers' outputs are scaled by the number of layers"),
    ("minimax", "its attention decays by the layer's number"),
    ("modernbert-decoder", "its first layer has no norm"),
    ("recurrent_gemma", "its blocks repeat `block_types` by the layer's number"),
    ("zamba", "its layers share weights by their number"),
    ("zamba2", "its layers share weights by their number"),
    ("zaya", "its first layer differs from the rest"),
];

/// Lists with one entry for each layer.
pub(super) const PER_LAYER: [&str; 10] = [
    "layer_types",
    "mlp_layer_types",
    "no_rope_layers",
    "layers_block_type",
    "indexer_types",
    "layer_rope_theta",
    "num_attention_heads_per_layer",
    "attn_type_list",
    "hybrid_layer_pattern",
    "block_configs",
];

/// Numbers that may also be lists with one entry for each layer.
pub(super) const PER_LAYER_OR_ONE: [&str; 9] = [
    "activation_sparsity_pattern",
    "intermediate_size",
    "num_attention_heads",
    "num_key_value_heads",
    "num_query_heads",
    "num_kv_heads",
    "head_dim",
    "sliding_window",
    "moe_layer_freq",
];

/// Lists of the numbers of layers.
pub(super) const NUMBERS_OF_LAYERS: [&str; 7] = [
    "mlp_only_layers",
    "full_attn_idxs",
    "full_attention_idxs",
    "attn_layer_indices",
    "cross_attention_layers",
    "moe_layers",
    "local_layer_ids",
];

/// A number that says of what kind a layer is by its own number.
pub(super) struct ByNumber {
    pub key: &'static str,
    /// What the number is without the key, by architecture; elsewhere it is as if it weren't there.
    pub defaults: &'static [(&'static str, u64)],
    /// The list that decides instead where it is there.
    pub list: Option<&'static str>,
}

const fn by_number(
    key: &'static str,
    defaults: &'static [(&'static str, u64)],
    list: Option<&'static str>,
) -> ByNumber {
    ByNumber { key, defaults, list }
}

/// How many layers at the bottom are of another kind than those above.
pub(super) const AT_THE_BOTTOM: [ByNumber; 3] = [
    by_number(
        "first_k_dense_replace",
        &[("deepseek_v3", 3), ("glm4_moe", 1), ("glm4v_moe_text", 1), ("mistral4", 0)],
        Some("mlp_layer_types"),
    ),
    by_number("num_dense_layers", &[("afmoe", 1), ("lfm2_moe", 2)], Some("mlp_layer_types")),
    by_number("moe_layer_start_index", &[("ernie4_5_moe", 1)], None),
];

/// Periods by which layers are of different kinds; 1 makes them all the same.
pub(super) const PERIODS: [ByNumber; 7] = [
    by_number("decoder_sparse_step", &[], None),
    by_number("interleave_moe_layer_step", &[], Some("moe_layers")),
    by_number("moe_layer_interval", &[], None),
    by_number("moe_layer_freq", &[], Some("mlp_layer_types")),
    by_number("attn_layer_period", &[("jamba", 8)], None),
    by_number("expert_layer_period", &[("jamba", 2)], None),
    by_number("layer_group_size", &[], Some("layer_types")),
];

/// Architectures whose layers without experts can be listed in `mlp_only_layers`.
pub(super) const LIST_DENSE_LAYERS: [&str; 6] =
    ["flint", "qwen2_moe", "qwen3_moe", "qwen3_next", "qwen3_vl_moe_text", "qwen3_omni_moe_text"];

/// Keys that speak of layers by their number or their count in ways that no grown file can say.
pub(super) const UNGROWABLE: [(&str, &str); 8] = [
    ("quantization_config", "the weights are quantised; dequantise them first"),
    ("compression_config", "the weights are quantised; dequantise them first"),
    ("text_config", "the decoder is part of a larger model; extract it first"),
    ("num_kv_shared_layers", "the last layers use keys of the layers below them"),
    ("per_layer_config", "it names layers by their number"),
    ("hybrid_override_pattern", "it is a letter for each layer; write `layers_block_type` instead"),
    ("scale_attn_by_inverse_layer_idx", "attention is scaled by the layer's number"),
    ("scale_depth", "the layers' outputs are scaled by the number of layers"),
];

/// Lists that are no lists of layers, however long they happen to be.
pub(super) const OTHER_LISTS: [&str; 22] = [
    "architectures",
    "auto_map",
    "begin_suppress_tokens",
    "block_types",
    "bos_token_id",
    "eos_token_id",
    "forced_decoder_ids",
    "id2label",
    "keys_to_ignore_at_inference",
    "label2id",
    "long_factor",
    "mlp_multipliers",
    "modules_to_not_convert",
    "mrope_section",
    "pad_token_id",
    "quantization_config",
    "rope_parameters",
    "rope_scaling",
    "short_factor",
    "ssm_multipliers",
    "suppress_tokens",
    "time_step_limit",
];
