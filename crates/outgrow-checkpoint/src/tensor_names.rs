//! What a tensor's name says, in any architecture: the layer it is of, and its place among the others.

use std::cmp::Ordering;

const LAYERS: &str = "layers.";
/// What marks the tensors that come before the layers.
const EMBEDDINGS: [&str; 3] = ["embed", "wte", "wpe"];

/// The layer of `….layers.{layer}.…`, whatever comes before; `None` for tensors outside the layers. Of several such
/// places in a name the first counts.
///
/// ```
/// use outgrow_checkpoint::tensor_names::{layer_index, with_layer_index};
///
/// let name = "model.layers.3.mlp.up_proj.weight";
/// assert_eq!(layer_index(name), Some(3));
/// assert_eq!(with_layer_index(name, 7), "model.layers.7.mlp.up_proj.weight");
/// assert_eq!(layer_index("model.norm.weight"), None);
/// ```
pub fn layer_index(name: &str) -> Option<usize> {
    split(name).map(|(_, index, _)| index)
}

/// All that comes before the layer's number: `model.layers.` of `model.layers.3.mlp.up_proj.weight`.
pub fn layer_prefix(name: &str) -> Option<&str> {
    split(name).map(|(prefix, _, _)| prefix)
}

/// What follows the layer's number: `mlp.up_proj.weight` of `model.layers.3.mlp.up_proj.weight`. A name outside the
/// layers comes back as it is.
pub fn name_in_layer(name: &str) -> &str {
    split(name).map_or(name, |(_, _, rest)| rest)
}

/// The same tensor of another layer. A name outside the layers comes back as it is.
pub fn with_layer_index(name: &str, index: usize) -> String {
    match split(name) {
        Some((prefix, _, rest)) => format!("{prefix}{index}.{rest}"),
        None => name.to_owned(),
    }
}

/// A number for a name, by which generators of its values are told apart: FNV-1a of 64 bits, the same everywhere and
/// for good. It withstands no adversary.
///
/// ```
/// use outgrow_checkpoint::tensor_names::name_hash;
///
/// assert_eq!(name_hash(""), 0xcbf2_9ce4_8422_2325);
/// assert_eq!(name_hash("a"), 0xaf63_dc4c_8601_ec8c);
/// ```
pub fn name_hash(name: &str) -> u64 {
    name.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Up to the number, the number, and what follows its dot.
fn split(name: &str) -> Option<(&str, usize, &str)> {
    name.match_indices(LAYERS).find_map(|(start, _)| {
        let (before, after) = name.split_at(start);
        if !(before.is_empty() || before.ends_with('.')) {
            return None;
        }
        let (digits, rest) = after[LAYERS.len()..].split_once('.')?;
        let is_canonical = digits.len() == 1 || !digits.starts_with('0');
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        let index =
            if is_canonical && is_number && !rest.is_empty() { digits.parse().ok()? } else { return None };
        Some((&name[..start + LAYERS.len()], index, rest))
    })
}

/// Embeddings, layers by their number, the rest; within these by name, numbers in it as numbers.
pub(crate) fn natural_order(left: &str, right: &str) -> Ordering {
    let key = |name| {
        let layer = split(name).map(|(prefix, index, _)| (prefix, index));
        let is_embedding = EMBEDDINGS.iter().any(|word| str::contains(name, word));
        let group = if layer.is_some() {
            1
        } else if is_embedding {
            0
        } else {
            2
        };
        (group, layer)
    };
    key(left).cmp(&key(right)).then_with(|| by_words_and_numbers(left, right)).then_with(|| left.cmp(right))
}

fn by_words_and_numbers(left: &str, right: &str) -> Ordering {
    let segment = |left: &str, right: &str| match (left.parse::<u64>(), right.parse::<u64>()) {
        (Ok(left), Ok(right)) => left.cmp(&right),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Err(_), Err(_)) => left.cmp(right),
    };
    let (mut lefts, mut rights) = (left.split('.'), right.split('.'));
    loop {
        match (lefts.next(), rights.next()) {
            (Some(left), Some(right)) => match segment(left, right) {
                Ordering::Equal => {}
                unequal => return unequal,
            },
            (left, right) => return left.is_some().cmp(&right.is_some()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_names_inside_a_layer_have_a_layer_index() {
        assert_eq!(layer_index("model.layers.12.mlp.up_proj.weight"), Some(12));
        assert_eq!(layer_index("model.layers.0.input_layernorm.weight"), Some(0));
        let outside = ["model.norm.weight", "model.layers.", "model.layers.3", "model.layers.x.a", "layers"];
        let numbers = ["model.layers.+1.a", "model.layers.01.a", "model.layers..a", "model.layers.3."];
        let words = ["model.sublayers.1.a", "layers.99999999999999999999999.a", "model.layers1.a"];
        for name in outside.into_iter().chain(numbers).chain(words) {
            assert_eq!(layer_index(name), None, "{name}");
            assert_eq!(layer_prefix(name), None, "{name}");
            assert_eq!(with_layer_index(name, 7), name);
        }
    }

    #[test]
    fn the_layers_of_every_architecture_are_found() {
        let cases = [
            ("layers.3.x", "layers."),
            ("model.layers.3.self_attn.q_proj.bias", "model.layers."),
            ("model.language_model.layers.3.x", "model.language_model.layers."),
            ("transformer.layers.3.x", "transformer.layers."),
            ("model.layers.3.mlp.layers.1.x", "model.layers."),
            ("sublayers.1.layers.3.x", "sublayers.1.layers."),
        ];
        for (name, prefix) in cases {
            assert_eq!(layer_index(name), Some(3), "{name}");
            assert_eq!(layer_prefix(name), Some(prefix));
            assert_eq!(with_layer_index(name, 3), name);
            assert_eq!(with_layer_index(name, 41), name.replacen(".3.", ".41.", 1));
        }
    }

    #[test]
    fn tensors_come_as_a_reader_expects_them() {
        let mut names = [
            "lm_head.weight",
            "model.layers.10.mlp.experts.2.up_proj.weight",
            "model.layers.10.mlp.experts.10.up_proj.weight",
            "model.layers.2.self_attn.q_proj.weight",
            "model.layers.2.input_layernorm.weight",
            "model.norm.weight",
            "model.embed_tokens.weight",
        ];
        names.sort_by(|left, right| natural_order(left, right));
        insta::assert_snapshot!(names.join("\n"), @r"
        model.embed_tokens.weight
        model.layers.2.input_layernorm.weight
        model.layers.2.self_attn.q_proj.weight
        model.layers.10.mlp.experts.2.up_proj.weight
        model.layers.10.mlp.experts.10.up_proj.weight
        lm_head.weight
        model.norm.weight
        ");
    }

    proptest! {
        #[test]
        fn the_order_is_an_order(names in proptest::collection::vec("[a.]?(layers\\.|b|0|1)?[.0-9a]{0,4}", 3)) {
            let [a, b, c] = [&names[0], &names[1], &names[2]];
            prop_assert_eq!(natural_order(a, b), natural_order(b, a).reverse());
            prop_assert_eq!(natural_order(a, b).is_eq(), a == b);
            if natural_order(a, b).is_le() && natural_order(b, c).is_le() {
                prop_assert!(natural_order(a, c).is_le());
            }
        }

        #[test]
        fn a_moved_name_is_of_the_layer_it_was_moved_to(
            prefix in "([a-z]{1,5}\\.){0,3}",
            rest in "[a-z]{1,5}(\\.[a-z]{1,5}){0,2}",
            layer in any::<u16>(),
            other in any::<u16>(),
        ) {
            let moved = with_layer_index(&format!("{prefix}layers.{layer}.{rest}"), usize::from(other));
            prop_assert_eq!(layer_index(&moved), Some(usize::from(other)));
        }
    }
}
