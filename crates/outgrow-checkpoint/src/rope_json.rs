//! The rotary embedding's part of config.json: `rope_theta` with `rope_scaling`, or `rope_parameters`, and in each the
//! key `rope_type` or, in older files, `type`. It refuses types that the decoder doesn't know.

use serde_json::{Value, json};

use crate::{
    config::{Rope, RopeScaling},
    config_json::Keys,
};

const THETA: f64 = 10_000.0;

/// What is wrong goes to the problems; then the result means nothing.
pub(crate) fn read(keys: &mut Keys) -> Rope {
    let top = keys.number("rope_theta");
    let newer = read_part(keys, "rope_parameters");
    let older = read_part(keys, "rope_scaling");
    let inner = newer.as_ref().and_then(|part| part.theta).or(older.as_ref().and_then(|part| part.theta));
    if let (Some(top), Some(inner)) = (top, inner)
        && top.to_bits() != inner.to_bits()
    {
        keys.problem(format!("`rope_theta` is {top} and {inner} at once; remove one of the two"));
    }
    if let (Some(newer), Some(older)) = (&newer, &older)
        && newer.scaling != older.scaling
    {
        keys.problem("`rope_parameters` and `rope_scaling` contradict each other; remove one".to_owned());
    }
    let scaling = newer.or(older).map_or(RopeScaling::Default, |part| part.scaling);
    Rope { theta: inner.or(top).unwrap_or(THETA), scaling }
}

struct Part {
    theta: Option<f64>,
    scaling: RopeScaling,
}

fn read_part(keys: &mut Keys, outer: &str) -> Option<Part> {
    let value = keys.value(outer)?;
    let Some(object) = value.as_object() else {
        keys.problem(format!("`{outer}` is {value}, expected an object"));
        return None;
    };
    let mut inner = Keys::new(object);
    let theta = inner.number("rope_theta");
    if let Some(factor) =
        inner.number("partial_rotary_factor").filter(|factor| factor.to_bits() != 1_f64.to_bits())
    {
        inner.problem(format!("`partial_rotary_factor` is {factor}, but the decoder rotates whole heads"));
    }
    let scaling = read_scaling(&mut inner);
    let found = inner.problems.into_iter().map(|problem| format!("in `{outer}`: {problem}"));
    keys.problems.extend(found);
    Some(Part { theta, scaling: scaling? })
}

fn read_scaling(keys: &mut Keys) -> Option<RopeScaling> {
    let key = if keys.value("rope_type").is_some() { "rope_type" } else { "type" };
    match keys.value(key).map(|kind| (kind, kind.as_str())) {
        None | Some((_, Some("default"))) => Some(RopeScaling::Default),
        Some((_, Some("linear"))) => Some(RopeScaling::Linear { factor: keys.required_number("factor")? }),
        Some((_, Some("llama3"))) => {
            let factor = keys.required_number("factor");
            let (low, high) =
                (keys.required_number("low_freq_factor"), keys.required_number("high_freq_factor"));
            let original = keys.required_size("original_max_position_embeddings");
            Some(RopeScaling::Llama3 {
                factor: factor?,
                low_freq_factor: low?,
                high_freq_factor: high?,
                original_max_position_embeddings: original?,
            })
        }
        Some((kind, _)) => {
            keys.problem(format!("`{key}` is {kind}, expected \"default\", \"linear\" or \"llama3\""));
            None
        }
    }
}

/// The value of `rope_scaling`.
pub(crate) fn write_scaling(scaling: &RopeScaling) -> Value {
    match scaling {
        RopeScaling::Default => Value::Null,
        RopeScaling::Linear { factor } => json!({ "rope_type": "linear", "factor": factor }),
        RopeScaling::Llama3 {
            factor,
            low_freq_factor,
            high_freq_factor,
            original_max_position_embeddings,
        } => {
            json!({
                "rope_type": "llama3",
                "factor": factor,
                "low_freq_factor": low_freq_factor,
                "high_freq_factor": high_freq_factor,
                "original_max_position_embeddings": original_max_position_embeddings,
            })
        }
    }
}
