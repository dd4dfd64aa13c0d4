//! Keys of config.json that say what kind of decoder a model is. One that would make it another than ours is refused by
//! name; one that could and doesn't, such as a window as long as any text, is noted.

use serde_json::Value;

use crate::{
    config::{family::Family, keys::Keys},
    json::shown,
};

/// Keys that the decoder can only honour with these values; absent and null are fine as well.
const ONLY: &[(&str, &[&str], &str)] = &[
    (
        "model_type",
        &["\"llama\"", "\"mistral\"", "\"qwen2\""],
        "this decoder is \"llama\", \"mistral\" or \"qwen2\"",
    ),
    ("hidden_act", &["\"silu\"", "\"swish\""], "the decoder's activation is \"silu\""),
    ("mlp_bias", &["false"], "the decoder's feed-forward network has no biases"),
    ("quantization_config", &[], QUANTISED),
    ("compression_config", &[], QUANTISED),
    ("partial_rotary_factor", &["1", "1.0"], "the decoder rotates whole heads"),
    ("rope_interleaved", &["false"], "the decoder rotates halves"),
    ("use_qk_norm", &["false"], "the decoder does not normalise queries and keys"),
    ("is_encoder_decoder", &["false"], "the decoder stands alone"),
];
const QUANTISED: &str = "quantised weights are not read; dequantise them first";
const WHOLE_SEQUENCE: &str = "the decoder attends to the whole sequence";
/// What a window is where the file of a family that has one doesn't speak of it.
const DEFAULT_WINDOW: u64 = 4096;
/// The first layer of a Qwen2 that has the window, where the file doesn't say.
const QWEN2_MAX_WINDOW_LAYERS: u64 = 28;

/// What windows the layers may be said to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Windows {
    /// None.
    None,
    /// As long as any text, so that they are none.
    Long,
}

/// Refuses what the decoder can't honour.
pub(crate) fn check_honoured(keys: &mut Keys<'_>, family: Family) -> Windows {
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
    check_window(keys, family)
}

fn check_class(keys: &mut Keys<'_>) {
    if let Some(architectures) = keys.value("architectures") {
        let is_causal = |name: &Value| Family::ALL.iter().any(|family| family.has_class(name));
        if !architectures.as_array().is_some_and(|names| names.iter().all(is_causal)) {
            keys.problem(format!(
                "`architectures` is {}, but this decoder is \"{}\"",
                shown(architectures),
                Family::of(keys).class()
            ));
        }
    } else if keys.value("model_type").is_none() {
        keys.problem("neither `model_type` nor `architectures` is there, expected \"llama\"".to_owned());
    }
}

/// Whether a model was saved from a class that has no head.
pub fn is_base_model(config: &Value) -> bool {
    let classes = config["architectures"].as_array().filter(|classes| !classes.is_empty());
    let is_base = |name: &Value| Family::ALL.iter().any(|family| name == family.base_class());
    classes.is_some_and(|classes| classes.iter().all(is_base))
}

/// Longest sequence, in tokens; where the file doesn't say, what transformers takes.
pub(crate) fn max_position_embeddings(keys: &mut Keys<'_>, family: Family) -> usize {
    keys.size("max_position_embeddings").unwrap_or(family.default_positions())
}

/// Refuses a window that some token would look beyond.
fn check_window(keys: &mut Keys<'_>, family: Family) -> Windows {
    // Every problem with the number of positions is said once, where it is read.
    let positions = keys.value("max_position_embeddings").map_or_else(
        || max_position_embeddings(keys, family) as u64,
        |value| value.as_u64().unwrap_or(u64::MAX),
    );
    let mut windows = Windows::None;
    for key in ["sliding_window", "attention_chunk_size"] {
        let is_window = key == "sliding_window";
        if is_window && family == Family::Qwen2 && !qwen2_has_window(keys) {
            continue;
        }
        let is_left_out = is_window && family != Family::Llama && !keys.is_there(key);
        let Some(value) = keys.value(key).cloned().or(is_left_out.then(|| DEFAULT_WINDOW.into())) else {
            continue;
        };
        let said = if is_left_out {
            format!("is missing, which means {DEFAULT_WINDOW} in a \"{}\"", family.model_type())
        } else {
            format!("is {}", shown(&value))
        };
        let is_off = keys.value("use_sliding_window") == Some(&Value::Bool(false)) && family == Family::Llama;
        if is_off && is_window {
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

/// Whether a Qwen2 uses its window, and some layer has it. Its files name a window whether they use it or not.
fn qwen2_has_window(keys: &Keys<'_>) -> bool {
    let has_layers = || {
        let first = keys.value("max_window_layers").map_or(Some(QWEN2_MAX_WINDOW_LAYERS), Value::as_u64);
        let layers = keys.value("num_hidden_layers").and_then(Value::as_u64);
        first.zip(layers).is_none_or(|(first, layers)| first < layers)
    };
    let types = keys.value("layer_types").and_then(Value::as_array);
    let has_window = types.map_or_else(has_layers, |types| types.iter().any(|kind| kind != "full_attention"));
    keys.value("use_sliding_window") == Some(&Value::Bool(true)) && has_window
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
