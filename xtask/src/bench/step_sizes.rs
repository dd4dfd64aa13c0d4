//! The models and steps that `cargo xtask bench step` measures, by name.

use clap::ValueEnum;

/// A size by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Size {
    /// 9 million parameters, 2048 tokens a step.
    Xs,
    /// 34 million parameters, 4096 tokens a step.
    S,
    /// 220 million parameters, 2048 tokens a step.
    M,
}

/// The numbers of a size, as both sides take them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sizes {
    /// Decoder layers.
    pub layers: usize,
    /// Width of the residual stream.
    pub hidden: usize,
    /// Width of gate and up.
    pub intermediate: usize,
    /// Heads, each with keys and values of its own.
    pub heads: usize,
    /// Tokens that there are.
    pub vocabulary: usize,
    /// Tokens of a sequence.
    pub sequence: usize,
    /// Sequences of a step.
    pub batch: usize,
    /// Timed steps of a run.
    pub steps: usize,
    /// Layers at the bottom that are not trained, with the embedding.
    pub frozen_layers: usize,
}

impl Size {
    /// As it is written on the command line.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Xs => "xs",
            Self::S => "s",
            Self::M => "m",
        }
    }

    /// Its numbers.
    pub(super) fn sizes(self) -> Sizes {
        let [layers, hidden, intermediate, heads, vocabulary, sequence, batch, steps] = match self {
            Self::Xs => [6, 256, 688, 8, 8192, 256, 8, 15],
            Self::S => [8, 512, 1408, 8, 8192, 512, 8, 5],
            Self::M => [12, 1024, 2816, 16, 32_000, 1024, 2, 3],
        };
        Sizes { layers, hidden, intermediate, heads, vocabulary, sequence, batch, steps, frozen_layers: 0 }
    }
}

impl Sizes {
    /// The flags that both sides take.
    pub(super) fn arguments(&self) -> Vec<String> {
        let numbers = [
            ("layers", self.layers),
            ("hidden", self.hidden),
            ("intermediate", self.intermediate),
            ("heads", self.heads),
            ("vocabulary", self.vocabulary),
            ("sequence", self.sequence),
            ("batch", self.batch),
            ("steps", self.steps),
            ("frozen-layers", self.frozen_layers),
        ];
        numbers.iter().flat_map(|(name, number)| [format!("--{name}"), number.to_string()]).collect()
    }

    /// What a step must compute: forward 2, and 4 backward for what is trained, for each parameter of a matrix product
    /// and token; the embedding table is no product, the head is; attention by its causal half. Below the lowest
    /// trained layer there is no way back.
    pub(super) fn flops(&self) -> f64 {
        let tokens = (self.batch * self.sequence) as f64;
        let layer = (4 * self.hidden * self.hidden + 3 * self.hidden * self.intermediate) as f64;
        let attention = (self.sequence * self.hidden) as f64;
        let (frozen, trained) = (self.frozen_layers as f64, (self.layers - self.frozen_layers) as f64);
        let head = (self.vocabulary * self.hidden) as f64;
        let products = 2.0 * frozen * layer + 6.0 * (trained * layer + head);
        tokens * (products + (2.0 * frozen + 6.0 * trained) * attention)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_of_each_size_has_the_flops_that_it_is_known_for() {
        let gigaflops = [Size::Xs, Size::S, Size::M].map(|size| (size.sizes().flops() / 1e9).round());
        assert_eq!(gigaflops.map(|flops| flops as u64), [89, 786, 2451]);
    }

    #[test]
    fn frozen_layers_cost_their_way_forward_only() {
        let full = Size::Xs.sizes();
        let frozen = Sizes { frozen_layers: full.layers, ..full };
        let head = 6.0 * 2048.0 * 8192.0 * 256.0;
        assert!((3.0 * (frozen.flops() - head) - (full.flops() - head)).abs() < 1.0);
    }
}
