//! Fresh weights and their spread. What draws them is draw.rs.
//!
//! Spread is that of the code released with arXiv 2405.15319 (A.0): variance `2 / (5 · inputs)`, and
//! `1 / (inputs · layers²)` for what writes into the residual stream.

use outgrow_checkpoint::LlamaConfig;

use crate::plan::{origin::Fill, part::Part};

/// Fresh values for the tensor `name` of the grown model.
pub(crate) fn fresh(target: &LlamaConfig, part: Part, name: &str, seed: u64) -> Fill {
    match part {
        Part::Norm | Part::FinalNorm => Fill::Constant(1.0),
        // As in transformers; and so nothing is added to what is to be zero.
        Part::QueryBias | Part::KeyBias | Part::ValueBias | Part::OutputBias => Fill::ZERO,
        _ => {
            Fill::Normal { standard_deviation: standard_deviation(target, part), seed, key: name.to_owned() }
        }
    }
}

/// Noise for the tensor `name`, whose spread is that of equations 53 and 54: as fresh weights, but
/// `1 / (hidden · layers²)` for what writes into the residual stream, whatever its own inputs.
pub(crate) fn noise(model: &LlamaConfig, part: Part, name: &str, seed: u64) -> Fill {
    let standard_deviation = match part {
        Part::Output | Part::Down => {
            1.0 / ((model.hidden_size as f64).sqrt() * model.num_hidden_layers as f64)
        }
        _ => standard_deviation(model, part),
    };
    // A key of its own: fresh weights of an earlier growth with the same seed are other numbers.
    Fill::Normal { standard_deviation, seed, key: format!("noise {name}") }
}

fn standard_deviation(target: &LlamaConfig, part: Part) -> f64 {
    let inputs = match part {
        Part::Output => target.num_attention_heads * target.head_dim,
        Part::Down => target.intermediate_size,
        _ => target.hidden_size,
    } as f64;
    match part {
        Part::Output | Part::Down => 1.0 / (inputs.sqrt() * target.num_hidden_layers as f64),
        _ => (2.0 / (5.0 * inputs)).sqrt(),
    }
}
