//! The rotary embedding's part of config.json: `rope_theta` with `rope_scaling`, or `rope_parameters`, and in each the
//! key `rope_type` or, in older files, `type`. Where a file says a thing twice, what counts is what counts in
//! transformers 5. It refuses types that the decoder doesn't know.

use serde_json::{Value, json};

use crate::{
    config::{Rope, RopeScaling, Yarn, keys::Keys},
    json::shown,
};

const THETA: f64 = 10_000.0;
const ORIGINAL: &str = "original_max_position_embeddings";
const NEWER: &str = "rope_parameters";
const OLDER: &str = "rope_scaling";

/// What is wrong goes to the problems; then the result means nothing.
pub(crate) fn read(keys: &mut Keys<'_>, max_position_embeddings: usize) -> Rope {
    let top = keys.number("rope_theta");
    let original = Original { outer: keys.size(ORIGINAL), max_position_embeddings };
    let newer = read_part(keys, NEWER, &original);
    let older = read_part(keys, OLDER, &original);
    // The older one, if it says anything, takes the place of the newer one as a whole.
    let ((outer, first), second) = match (newer, older) {
        (newer, Some(older)) => ((OLDER, Some(older)), newer),
        (newer, None) => ((NEWER, newer), None),
    };
    let inner = first.as_ref().and_then(|part| part.theta);
    let theta = inner.or(top).unwrap_or(THETA);
    if let (Some(top), Some(inner)) = (top, inner)
        && top.to_bits() != inner.to_bits()
    {
        let said = format!("is {top}, and {inner} in `{outer}`, which counts; older readers take the other");
        keys.note("rope_theta", said);
    }
    let scaling = first.map_or(RopeScaling::Default, |part| part.scaling);
    if let Some(second) = second
        && (second.scaling != scaling || second.theta.is_some_and(|other| other.to_bits() != theta.to_bits()))
    {
        keys.problem(format!("`{NEWER}` and `{OLDER}` contradict each other; remove one"));
    }
    Rope { theta, scaling }
}

struct Part {
    theta: Option<f64>,
    scaling: RopeScaling,
}

/// The context length that a model was first trained with, as far as it is said outside.
struct Original {
    outer: Option<usize>,
    max_position_embeddings: usize,
}

/// `None` where the file doesn't say anything under this key.
fn read_part(keys: &mut Keys<'_>, outer: &str, original: &Original) -> Option<Part> {
    let value = keys.value(outer)?;
    let Some(object) = value.as_object() else {
        keys.problem(format!("`{outer}` is {}, expected an object", shown(value)));
        return None;
    };
    // Of layers of several kinds, each kind has its own; all of ours are of this one.
    let object = object.get("full_attention").and_then(Value::as_object).unwrap_or(object);
    if object.is_empty() {
        return None;
    }
    let mut inner = Keys::new(object);
    let theta = inner.number("rope_theta");
    if let Some(factor) =
        inner.number("partial_rotary_factor").filter(|factor| factor.to_bits() != 1_f64.to_bits())
    {
        inner.problem(format!("`partial_rotary_factor` is {factor}, but the decoder rotates whole heads"));
    }
    let scaling = read_scaling(&mut inner, original);
    let found = inner.problems.into_iter().map(|problem| format!("in `{outer}`: {problem}"));
    keys.problems.extend(found);
    keys.notes.extend(inner.notes);
    Some(Part { theta, scaling: scaling? })
}

fn read_scaling(keys: &mut Keys<'_>, original: &Original) -> Option<RopeScaling> {
    let key = if keys.value("rope_type").is_some() { "rope_type" } else { "type" };
    match keys.value(key).map(|kind| (kind, kind.as_str())) {
        None | Some((_, Some("default"))) => Some(RopeScaling::Default),
        // Its frequencies are the usual ones in texts of as many tokens as the model has positions, and others are not
        // run.
        Some((_, Some("dynamic"))) => {
            let positions = original.max_position_embeddings;
            keys.note(
                key,
                format!("is \"dynamic\": of no effect, since no text has more than {positions} tokens"),
            );
            Some(RopeScaling::Default)
        }
        Some((_, Some("linear"))) => Some(RopeScaling::Linear { factor: keys.required_number("factor")? }),
        Some((_, Some("llama3"))) => {
            let factor = keys.required_number("factor");
            let (low, high) =
                (keys.required_number("low_freq_factor"), keys.required_number("high_freq_factor"));
            let original_max_position_embeddings = original.of_scaling(keys);
            Some(RopeScaling::Llama3 {
                factor: factor?,
                low_freq_factor: low?,
                high_freq_factor: high?,
                original_max_position_embeddings,
            })
        }
        Some((_, Some("yarn"))) => read_yarn(keys, original).map(RopeScaling::Yarn),
        Some((kind, _)) => {
            keys.problem(format!(
                "`{key}` is {}, expected \"default\", \"linear\", \"dynamic\", \"llama3\" or \"yarn\"",
                shown(kind)
            ));
            None
        }
    }
}

/// A number that is 0 stands for the default, as in transformers.
fn read_yarn(keys: &mut Keys<'_>, original: &Original) -> Option<Yarn> {
    let factor = keys.required_number("factor");
    let original_max_position_embeddings = original.of_scaling(keys);
    let mut number = |key: &str| keys.number(key).filter(|number| number.abs() > 0.0);
    let (beta_fast, beta_slow) = (number("beta_fast"), number("beta_slow"));
    let scales = number("mscale").zip(number("mscale_all_dim"));
    let attention_factor = keys.number("attention_factor");
    let truncate = keys.flag("truncate");
    let factor = factor?;
    let default = Yarn::new(factor, original_max_position_embeddings);
    let by_scales = scales.map(|(own, all)| Yarn::sharpness(factor, own) / Yarn::sharpness(factor, all));
    Some(Yarn {
        beta_fast: beta_fast.unwrap_or(default.beta_fast),
        beta_slow: beta_slow.unwrap_or(default.beta_slow),
        attention_factor: attention_factor.or(by_scales).unwrap_or(default.attention_factor),
        truncate: truncate.unwrap_or(default.truncate),
        ..default
    })
}

impl Original {
    fn of_scaling(&self, keys: &mut Keys<'_>) -> usize {
        match (self.outer, keys.size(ORIGINAL)) {
            (Some(outer), Some(inner)) if outer != inner => {
                keys.note(ORIGINAL, format!("is {outer}, and {inner} beside the factor; the first counts"));
                outer
            }
            (Some(length), _) | (None, Some(length)) => length,
            (None, None) => {
                let length = self.max_position_embeddings;
                keys.note(
                    ORIGINAL,
                    format!("is missing: `max_position_embeddings`, {length}, is taken for it"),
                );
                length
            }
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
        RopeScaling::Yarn(yarn) => {
            let default = Yarn::new(yarn.factor, yarn.original_max_position_embeddings);
            let mut json = json!({
                "rope_type": "yarn",
                "factor": yarn.factor,
                "original_max_position_embeddings": yarn.original_max_position_embeddings,
            });
            // Readers that don't know a number are right where it is the usual one.
            let numbers = [
                ("beta_fast", yarn.beta_fast, default.beta_fast),
                ("beta_slow", yarn.beta_slow, default.beta_slow),
                ("attention_factor", yarn.attention_factor, default.attention_factor),
            ];
            for (key, number, usual) in numbers {
                if number.to_bits() != usual.to_bits() {
                    json[key] = number.into();
                }
            }
            if !yarn.truncate {
                json["truncate"] = false.into();
            }
            json
        }
    }
}
