//! Keys of config.json that say what kind of decoder a model is. One that would make it another than ours is refused by
//! name; one that could and doesn't, such as a window as long as any text, is noted.

use serde_json::Value;

use crate::{config::keys::Keys, json::shown};

pub(crate) const LLAMA_CLASS: &str = "LlamaForCausalLM";
const MISTRAL_CLASS: &str = "MistralForCausalLM";
/// Classes that such a model was saved from: with its head, in two spellings, and without.
const CLASSES: [&str; 3] = [LLAMA_CLASS, MISTRAL_CLASS, "LLaMAForCausalLM"];
const BASE_CLASSES: [&str; 2] = ["LlamaModel", "MistralModel"];

/// Keys that the decoder can only honour with these values; absent and null are fine as well.
const ONLY: &[(&str, &[&str], &str)] = &[
    ("model_type", &["\"llama\"", "\"mistral\""], "this decoder is \"llama\" or \"mistral\""),
    ("hidden_act", &["\"silu\"", "\"swish\""], "the decoder's activation is \"silu\""),
    ("attention_bias", &["false"], "the decoder has no biases"),
    ("mlp_bias", &["false"], "the decoder has no biases"),
    ("quantization_config", &[], QUANTISED),
    ("compression_config", &[], QUANTISED),
    ("partial_rotary_factor", &["1", "1.0"], "the decoder rotates whole heads"),
    ("rope_interleaved", &["false"], "the decoder rotates halves"),
    ("use_qk_norm", &["false"], "the decoder does not normalise queries and keys"),
    ("is_encoder_decoder", &["false"], "the decoder stands alone"),
];
const QUANTISED: &str = "quantised weights are not read; dequantise them first";
const WHOLE_SEQUENCE: &str = "the decoder attends to the whole sequence";
/// What a Mistral's window is where the file doesn't speak of it.
const MISTRAL_WINDOW: u64 = 4096;

/// What windows the layers may be said to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Windows {
    /// None.
    None,
    /// As long as any text, so that they are none.
    Long,
}

/// Refuses what the decoder can't honour.
pub(crate) fn check_honoured(keys: &mut Keys<'_>) -> Windows {
    for (key, allowed, reason) in ONLY {
        if let Some(value) = keys.value(key)
            && !allowed.contains(&value.to_string().as_str())
        {
            keys.problem(format!("`{key}` is {}, but {reason}", shown(value)));
        }
    }
    check_class(keys);
    if let Some(value) = keys.value("attention_dropout").filter(|value| value.as_f64() != Some(0.0)) {
        keys.note(
            "attention_dropout",
            format!("is {}: of no effect, since nothing is dropped here", shown(value)),
        );
    }
    check_window(keys)
}

fn check_class(keys: &mut Keys<'_>) {
    if let Some(architectures) = keys.value("architectures") {
        let is_causal = |name: &Value| CLASSES.iter().chain(&BASE_CLASSES).any(|class| name == class);
        if !architectures.as_array().is_some_and(|names| names.iter().all(is_causal)) {
            keys.problem(format!(
                "`architectures` is {}, but this decoder is \"{LLAMA_CLASS}\"",
                shown(architectures)
            ));
        }
    } else if keys.value("model_type").is_none() {
        keys.problem("neither `model_type` nor `architectures` is there, expected \"llama\"".to_owned());
    }
}

/// Whether a model was saved from a class that has no head.
pub fn is_base_model(config: &Value) -> bool {
    let classes = config["architectures"].as_array().filter(|classes| !classes.is_empty());
    classes.is_some_and(|classes| classes.iter().all(|name| BASE_CLASSES.iter().any(|base| name == base)))
}

/// Mistral without its window is a LLaMA. What its files leave out means something else, though.
pub(crate) fn is_mistral(keys: &Keys<'_>) -> bool {
    keys.value("model_type").map_or_else(
        || keys.value("architectures").is_some_and(|names| names[0] == MISTRAL_CLASS),
        |kind| kind == "mistral",
    )
}

/// Longest sequence, in tokens; where the file doesn't say, what transformers takes.
pub(crate) fn max_position_embeddings(keys: &mut Keys<'_>) -> usize {
    let default = if is_mistral(keys) { 4096 * 32 } else { 2048 };
    keys.size("max_position_embeddings").unwrap_or(default)
}

/// Refuses a window that some token would look beyond.
fn check_window(keys: &mut Keys<'_>) -> Windows {
    let is_off = keys.value("use_sliding_window") == Some(&Value::Bool(false)) && !is_mistral(keys);
    // Every problem with the number of positions is said once, where it is read.
    let positions = keys
        .value("max_position_embeddings")
        .map_or_else(|| max_position_embeddings(keys) as u64, |value| value.as_u64().unwrap_or(u64::MAX));
    let mut windows = Windows::None;
    for key in ["sliding_window", "attention_chunk_size"] {
        let is_left_out = key == "sliding_window" && is_mistral(keys) && !keys.is_there(key);
        let Some(value) = keys.value(key).cloned().or(is_left_out.then(|| MISTRAL_WINDOW.into())) else {
            continue;
        };
        let said = if is_left_out {
            format!("is missing, which means {MISTRAL_WINDOW} in a \"mistral\"")
        } else {
            format!("is {}", shown(&value))
        };
        if is_off && key == "sliding_window" {
            keys.note(key, format!("{said}: of no effect, since `use_sliding_window` is false"));
        } else if value.as_u64().is_some_and(|window| window >= positions) {
            windows = Windows::Long;
            keys.note(key, format!("{said}: of no effect, since no text has more than {positions} tokens"));
        } else {
            keys.problem(format!("`{key}` {said}, but {WHOLE_SEQUENCE}, up to {positions} tokens"));
        }
    }
    windows
}

/// Refuses layers of another kind than ours.
pub(crate) fn check_layer_types(keys: &mut Keys<'_>, num_hidden_layers: Option<usize>, windows: Windows) {
    let Some(types) = keys.value("layer_types") else { return };
    let is_whole =
        |one: &Value| one == "full_attention" || (windows == Windows::Long && one == "sliding_attention");
    match types.as_array() {
        Some(list) if list.iter().all(is_whole) => {
            if let Some(layers) = num_hidden_layers.filter(|layers| *layers != list.len()) {
                keys.problem(format!("`layer_types` has {} entries for {layers} layers", list.len()));
            }
        }
        _ => keys.problem(format!("`layer_types` may only list \"full_attention\": {WHOLE_SEQUENCE}")),
    }
}
