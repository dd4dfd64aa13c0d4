//! Which layers of a decoder can be made silent: nothing is added to the residual stream once their output projections
//! are zero. It is told by the names of their tensors.

use std::collections::BTreeMap;

use outgrow_checkpoint::{TensorShape, tensor_names::layer_index};

use crate::{error::GrowthError, folder::source::OtherDecoder, plan::depth::LayerOrigin};

/// Layers that are to be identities must be silent once their output projections are zero.
pub(crate) fn check_identities(other: &OtherDecoder, layers: &[LayerOrigin]) -> Result<(), GrowthError> {
    let mut names: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for TensorShape { name, .. } in other.tensors() {
        if let Some(layer) = layer_index(&name) {
            names.entry(layer).or_default().push(name);
        }
    }
    let loud = layers.iter().find_map(|layer| match layer {
        LayerOrigin::Identity(source) => {
            names.get(source).is_none_or(|names| !can_be_silent(names)).then_some(*source)
        }
        LayerOrigin::Copy(_) | LayerOrigin::Fresh => None,
    });
    loud.map_or(Ok(()), |layer| Err(GrowthError::NoIdentity { layer }))
}

/// Modules of a layer that are inside attention and the feed-forward networks, choose between experts, or are zero when
/// the layer is silent.
const INNER: [&str; 16] = [
    "down_proj",
    "gate",
    "gate_proj",
    "gate_up_proj",
    "k_proj",
    "kv_a_proj_with_mqa",
    "kv_b_proj",
    "o_proj",
    "q_a_proj",
    "q_b_proj",
    "q_proj",
    "qkv_proj",
    "router",
    "shared_expert_gate",
    "up_proj",
    "v_proj",
];

/// Whether a layer of these tensors adds nothing to the residual stream once `o_proj` and `down_proj` are zero. What
/// isn't known, such as a third branch or a factor of the whole layer, may do anything.
pub(crate) fn can_be_silent(names: &[String]) -> bool {
    let has = |end: &str| names.iter().any(|name| name.ends_with(end));
    has(".o_proj.weight") && has(".down_proj.weight") && names.iter().all(|name| is_inner(name))
}

fn is_inner(name: &str) -> bool {
    let (path, kind) = name.rsplit_once('.').unwrap_or_default();
    let module = path.rsplit('.').next().unwrap_or_default();
    let is_known = INNER.contains(&module) || module.contains("norm");
    match kind {
        "weight" => is_known,
        "bias" => is_known && !["o_proj", "down_proj"].contains(&module),
        "e_score_correction_bias" => true,
        _ => false,
    }
}
