//! The units that a mask lets in, as a folder's `training/mask.json` has them. Which they are of a growth is in
//! units.rs.

use outgrow_checkpoint::LlamaConfig;
use serde::{Deserialize, Serialize};

/// The units that a mask lets in: ranges of `[first, one after the last]`, rising.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaskedUnits {
    /// Whole layers.
    pub layers: Vec<[usize; 2]>,
    /// Channels of the residual stream.
    pub hidden_size: Vec<[usize; 2]>,
    /// Neurons of the feed-forward networks.
    pub intermediate_size: Vec<[usize; 2]>,
    /// Query heads. Keys and values that are new are read by new queries only.
    pub num_attention_heads: Vec<[usize; 2]>,
    /// What the mask does to units that aren't behind it, where those behind it are copies of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copies: Option<Copies>,
}

/// Units that have copies behind a mask. While the copies put out nothing, what reads the units reads them whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Copies {
    /// Channels of the residual stream.
    pub hidden_size: Vec<Share>,
    /// Neurons of the feed-forward networks.
    pub intermediate_size: Vec<Share>,
    /// Query heads.
    pub num_attention_heads: Vec<Share>,
    /// Channels of the residual stream, as a tied head reads them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tied_head: Vec<Share>,
    /// What part of the mean square over all channels is left without the copies.
    pub mean_square: f64,
}

/// Units in a row that have an equal part of what reads them and their copies.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// `[first, one after the last]`
    pub units: [usize; 2],
    /// Their part; the rest is their copies'.
    pub share: f64,
}

impl MaskedUnits {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.named().iter().all(|(_, ranges)| ranges.is_empty())
    }

    /// Each kind by its name in config.json, but for the layers, which are only some of `num_hidden_layers`.
    pub(crate) fn named(&self) -> [(&'static str, &[[usize; 2]]); 4] {
        [
            ("layers", &self.layers),
            ("hidden_size", &self.hidden_size),
            ("intermediate_size", &self.intermediate_size),
            ("num_attention_heads", &self.num_attention_heads),
        ]
    }

    /// What doesn't fit the model.
    pub(crate) fn problems(&self, model: &LlamaConfig) -> Vec<String> {
        let sizes =
            [model.num_hidden_layers, model.hidden_size, model.intermediate_size, model.num_attention_heads];
        let mut problems = Vec::new();
        for ((name, ranges), size) in self.named().into_iter().zip(sizes) {
            let wrong = wrong_ranges(ranges.iter().copied(), size).into_iter();
            problems.extend(wrong.map(|problem| format!("`{name}` {problem}")));
        }
        if self.is_empty() {
            problems.push("nothing is masked".to_owned());
        }
        problems.extend(self.copies.iter().flat_map(|copies| copies.problems(model)));
        problems
    }
}

impl Copies {
    /// Whether they change nothing.
    pub(crate) fn are_none(&self) -> bool {
        self.mean_square.to_bits() == 1_f64.to_bits()
            && self.named().iter().all(|(_, shares)| shares.is_empty())
    }

    fn named(&self) -> [(&'static str, &[Share]); 4] {
        [
            ("hidden_size", &self.hidden_size),
            ("intermediate_size", &self.intermediate_size),
            ("num_attention_heads", &self.num_attention_heads),
            ("tied_head", &self.tied_head),
        ]
    }

    fn problems(&self, model: &LlamaConfig) -> Vec<String> {
        let is_part = |number: f64| number > 0.0 && number <= 1.0;
        let hidden_size = model.hidden_size;
        let sizes = [hidden_size, model.intermediate_size, model.num_attention_heads, hidden_size];
        let mut problems = Vec::new();
        for ((name, shares), size) in self.named().into_iter().zip(sizes) {
            let wrong = wrong_ranges(shares.iter().map(|one| one.units), size);
            problems.extend(wrong.into_iter().map(|problem| format!("`copies.{name}` {problem}")));
            let wrong = shares.iter().filter(|one| !is_part(one.share));
            problems.extend(wrong.map(|one| {
                format!("`copies.{name}` has a share of {}, expected above 0 and at most 1", one.share)
            }));
        }
        if !is_part(self.mean_square) {
            let found = self.mean_square;
            problems.push(format!("`copies.mean_square` is {found}, expected above 0 and at most 1"));
        }
        problems
    }
}

/// What is wrong with ranges of so many units.
fn wrong_ranges(ranges: impl Iterator<Item = [usize; 2]>, size: usize) -> Vec<String> {
    let (mut problems, mut free) = (Vec::new(), 0);
    for [first, end] in ranges {
        if first < free || first >= end || end > size {
            problems.push(format!(
                "has [{first}, {end}], expected rising ranges of [first, one after the last] up to {size}"
            ));
        }
        free = free.max(end);
    }
    problems
}
