//! The flags of `outgrow grow` that say how to grow, and the growths they stand for. A flag that the operator has no
//! use for is refused, like one that it lacks.

use std::path::PathBuf;

use outgrow_operators::{Growth, Mix, Placement, Width};

use crate::error::BadInput;

/// How to grow.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Flags {
    /// How the new parts are made of the old ones.
    #[arg(long, value_enum)]
    operator: Option<Operator>,
    /// Whether to grow deeper or wider, for operators that can do both.
    #[arg(long, value_enum)]
    axis: Option<Axis>,
    /// stack, interleave, hyperclone: how many times as large.
    #[arg(long, value_name = "G")]
    factor: Option<usize>,
    /// The source layer of each new layer, counted from 0, instead of an operator: 0,1,2,0,1,2.
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = parse_layer)]
    layers: Option<Vec<usize>>,
    /// Partial stacking, instead of an operator, layers counted from 1: 12-3456*5-56.
    #[arg(long, value_name = "PATTERN")]
    pattern: Option<String>,
    /// middle, lidas: layers of a block.
    #[arg(long, value_name = "N")]
    block_layers: Option<usize>,
    /// solar: layers that each copy leaves out.
    #[arg(long, value_name = "N")]
    drop_layers: Option<usize>,
    /// last, zero, random, learned: layers of the grown model.
    #[arg(long, value_name = "N")]
    num_hidden_layers: Option<usize>,
    /// zero in depth: where the new layers stand; interleaved by default.
    #[arg(long, value_enum)]
    placement: Option<PlacementFlag>,
    /// Width of the grown model's residual stream.
    #[arg(long, value_name = "N")]
    hidden_size: Option<usize>,
    /// Width inside the grown model's feed-forward network.
    #[arg(long, value_name = "N")]
    intermediate_size: Option<usize>,
    /// Query heads of the grown model.
    #[arg(long, value_name = "N")]
    num_attention_heads: Option<usize>,
    /// Key and value heads of the grown model.
    #[arg(long, value_name = "N")]
    num_key_value_heads: Option<usize>,
    /// split: the part of a weight that the first copy of a channel gets, between 0 and 1; all the same without it.
    #[arg(long, value_name = "A")]
    share: Option<f64>,
    /// learned: trained matrices (safetensors); without them the initial ones.
    #[arg(long, value_name = "FILE")]
    matrices: Option<PathBuf>,
    /// At last, mix noise into all matrices: this part of noise, 0 to 1. The paper's best is 0.2.
    #[arg(long, value_name = "A")]
    noise: Option<f64>,
    /// How noise is mixed in; linear by default.
    #[arg(long, value_enum)]
    noise_mix: Option<MixFlag>,
    /// Seeds whatever is drawn; 0 by default.
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Operator {
    /// Depth: all layers again, on top (G_stack): 0 1 2 0 1 2.
    Stack,
    /// Depth: each layer again, next to itself: 0 0 1 1 2 2.
    Interleave,
    /// Depth: the middle block of layers again (MIDAS).
    Middle,
    /// Depth: halves of the middle blocks again, between them (LIDAS).
    Lidas,
    /// Depth: two copies, the first without its last layers, the second without its first (SOLAR).
    Solar,
    /// Depth: the top layers again (gradual stacking).
    Last,
    /// Depth: layers that pass everything on. Width: channels that hold zero (G_zero).
    Zero,
    /// Depth: fresh layers. Width: fresh channels. Both behind a mask (G_random).
    Random,
    /// Depth and width by matrices (G_learn, LiGO).
    Learned,
    /// Width: channels again, and what reads them divided (G_direct).
    Split,
    /// Width: a split of everything by one factor.
    Hyperclone,
    /// Width: a split whose new outputs come from the layer above (bert2BERT's AKI).
    Aki,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Axis {
    Depth,
    Width,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum PlacementFlag {
    /// Each after the layer it is a copy of.
    Interleaved,
    /// On top.
    Top,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum MixFlag {
    /// `(1 − a) · weight + a · noise`.
    Linear,
    /// `√(1 − a) · weight + √a · noise`.
    VariancePreserving,
}

impl Flags {
    /// The growths, one after the other.
    ///
    /// # Errors
    /// A flag that is missing, or one that nothing takes.
    pub fn growths(&self) -> Result<Vec<Growth>, BadInput> {
        let mut flags = self.clone();
        let mut growths = Vec::from_iter(flags.take_shape()?);
        if let Some(amount) = flags.noise.take() {
            let mix = match flags.noise_mix.take() {
                None | Some(MixFlag::Linear) => Mix::Linear,
                Some(MixFlag::VariancePreserving) => Mix::VariancePreserving,
            };
            // The seed may serve the operator as well; it is read from the flags as they were given.
            flags.seed = None;
            growths.push(Growth::Noise { amount, mix, seed: self.seed.unwrap_or(0) });
        }
        if growths.is_empty() {
            return Err(BadInput(
                "--operator is missing, or --layers, --pattern or --noise in its place".into(),
            ));
        }
        flags.refuse_left(self)?;
        Ok(growths)
    }

    /// The growth that changes the model's shape, if there is one.
    fn take_shape(&mut self) -> Result<Option<Growth>, BadInput> {
        if let Some(layers) = self.layers.take() {
            return Ok(Some(Growth::Layers { layers }));
        }
        if let Some(pattern) = self.pattern.take() {
            return Ok(Some(Growth::Pattern { pattern }));
        }
        let Some(operator) = self.operator.take() else { return Ok(None) };
        self.take_operator(operator).map(Some)
    }

    fn take_operator(&mut self, operator: Operator) -> Result<Growth, BadInput> {
        let axis = self.axis.take();
        let (home, is_at_home) = match operator {
            Operator::Zero | Operator::Random | Operator::Learned => (Axis::Depth, true),
            Operator::Split | Operator::Hyperclone | Operator::Aki => {
                (Axis::Width, axis != Some(Axis::Depth))
            }
            _ => (Axis::Depth, axis != Some(Axis::Width)),
        };
        if !is_at_home {
            return Err(BadInput(format!(
                "--operator {} has no other axis than {}",
                word(&operator),
                word(&home)
            )));
        }
        let axis = axis.unwrap_or(home);
        Ok(match (operator, axis) {
            (Operator::Stack, _) => Growth::Stack { factor: needed(&mut self.factor, "factor", "4")? },
            (Operator::Interleave, _) => {
                Growth::Interleave { factor: needed(&mut self.factor, "factor", "4")? }
            }
            (Operator::Hyperclone, _) => {
                Growth::Hyperclone { factor: needed(&mut self.factor, "factor", "2")? }
            }
            (Operator::Middle, _) => {
                Growth::Middle { block_layers: needed(&mut self.block_layers, "block-layers", "4")? }
            }
            (Operator::Lidas, _) => {
                Growth::Lidas { block_layers: needed(&mut self.block_layers, "block-layers", "4")? }
            }
            (Operator::Solar, _) => {
                Growth::Solar { drop_layers: needed(&mut self.drop_layers, "drop-layers", "8")? }
            }
            (Operator::Last, _) => Growth::Last { num_hidden_layers: self.needed_layers()? },
            (Operator::Zero, Axis::Depth) => {
                let placement = match self.placement.take() {
                    None | Some(PlacementFlag::Interleaved) => Placement::Interleaved,
                    Some(PlacementFlag::Top) => Placement::Top,
                };
                Growth::ZeroDepth { num_hidden_layers: self.needed_layers()?, placement }
            }
            (Operator::Random, Axis::Depth) => {
                Growth::RandomDepth { num_hidden_layers: self.needed_layers()?, seed: self.take_seed() }
            }
            (Operator::Zero, Axis::Width) => {
                Growth::ZeroWidth { width: self.needed_width()?, seed: self.take_seed() }
            }
            (Operator::Random, Axis::Width) => {
                Growth::RandomWidth { width: self.needed_width()?, seed: self.take_seed() }
            }
            (Operator::Split, _) => Growth::Split { width: self.needed_width()?, share: self.share.take() },
            (Operator::Aki, _) => Growth::Aki { width: self.needed_width()? },
            (Operator::Learned, _) => Growth::Learned {
                num_hidden_layers: self.num_hidden_layers.take(),
                width: self.take_width(),
                matrices: self.matrices.take().map(Into::into),
                seed: self.take_seed(),
            },
        })
    }

    fn needed_layers(&mut self) -> Result<usize, BadInput> {
        needed(&mut self.num_hidden_layers, "num-hidden-layers", "24")
    }

    fn needed_width(&mut self) -> Result<Width, BadInput> {
        let width = self.take_width();
        if width == Width::default() {
            return Err(BadInput(
                "a size is missing: --hidden-size, --intermediate-size, --num-attention-heads or --num-key-value-heads".into(),
            ));
        }
        Ok(width)
    }

    fn take_width(&mut self) -> Width {
        Width {
            hidden_size: self.hidden_size.take(),
            intermediate_size: self.intermediate_size.take(),
            num_attention_heads: self.num_attention_heads.take(),
            num_key_value_heads: self.num_key_value_heads.take(),
        }
    }

    fn take_seed(&mut self) -> u64 {
        self.seed.take().unwrap_or(0)
    }

    /// Refuses every flag that is given, because `what` says it all.
    ///
    /// # Errors
    /// If there is one.
    pub fn refuse_all(&self, what: &str) -> Result<(), BadInput> {
        match &self.left()[..] {
            [] => Ok(()),
            left => Err(BadInput(format!("{what} has no use for {}", left.join(", ")))),
        }
    }

    /// Names the flags that nothing has taken.
    fn refuse_left(&self, given: &Self) -> Result<(), BadInput> {
        let what = match (&given.operator, &given.layers, &given.pattern) {
            (_, Some(_), _) => "--layers".to_owned(),
            (_, _, Some(_)) => "--pattern".to_owned(),
            (Some(operator), ..) => format!("--operator {}", word(operator)),
            _ => "--noise".to_owned(),
        };
        self.refuse_all(&what)
    }

    /// The flags that are given, in the order in which they are declared.
    fn left(&self) -> Vec<String> {
        let left = [
            ("operator", self.operator.is_some()),
            ("axis", self.axis.is_some()),
            ("factor", self.factor.is_some()),
            ("layers", self.layers.is_some()),
            ("pattern", self.pattern.is_some()),
            ("block-layers", self.block_layers.is_some()),
            ("drop-layers", self.drop_layers.is_some()),
            ("num-hidden-layers", self.num_hidden_layers.is_some()),
            ("placement", self.placement.is_some()),
            ("hidden-size", self.hidden_size.is_some()),
            ("intermediate-size", self.intermediate_size.is_some()),
            ("num-attention-heads", self.num_attention_heads.is_some()),
            ("num-key-value-heads", self.num_key_value_heads.is_some()),
            ("share", self.share.is_some()),
            ("matrices", self.matrices.is_some()),
            ("noise", self.noise.is_some()),
            ("noise-mix", self.noise_mix.is_some()),
            ("seed", self.seed.is_some()),
        ];
        left.iter().filter(|(_, is_left)| *is_left).map(|(name, _)| format!("--{name}")).collect()
    }
}

fn parse_layer(text: &str) -> Result<usize, String> {
    text.trim().parse().map_err(|_| "expected numbers of layers from 0 on, such as 0,1,2,0,1,2".to_owned())
}

fn needed<T>(flag: &mut Option<T>, name: &str, example: &str) -> Result<T, BadInput> {
    flag.take().ok_or_else(|| BadInput(format!("--{name} is missing, such as --{name} {example}")))
}

/// A value as it is written on the command line.
fn word(value: &impl clap::ValueEnum) -> String {
    value.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        flags: Flags,
    }

    fn growths(line: &str) -> String {
        let line = Line::try_parse_from(std::iter::once("grow").chain(line.split_whitespace())).unwrap();
        match line.flags.growths() {
            Ok(growths) => {
                growths.iter().map(|one| serde_json::to_string(one).unwrap()).collect::<Vec<_>>().join(" ")
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn flags_become_growths() {
        insta::assert_snapshot!(growths("--operator stack --factor 4"), @r#"{"operator":"stack","factor":4}"#);
        insta::assert_snapshot!(growths("--layers 0,1,0,1 --noise 0.2"), @r#"{"operator":"layers","layers":[0,1,0,1]} {"operator":"noise","amount":0.2,"mix":"linear","seed":0}"#);
        insta::assert_snapshot!(growths("--pattern 12-3456*5-56"), @r#"{"operator":"pattern","pattern":"12-3456*5-56"}"#);
        insta::assert_snapshot!(growths("--operator zero --num-hidden-layers 40"), @r#"{"operator":"zero-depth","num_hidden_layers":40,"placement":"interleaved"}"#);
        insta::assert_snapshot!(growths("--operator zero --axis width --hidden-size 64 --seed 3"), @r#"{"operator":"zero-width","width":{"hidden_size":64},"seed":3}"#);
        insta::assert_snapshot!(growths("--operator split --hidden-size 64 --share 0.3 --noise 0.1 --seed 5"), @r#"{"operator":"split","width":{"hidden_size":64},"share":0.3} {"operator":"noise","amount":0.1,"mix":"linear","seed":5}"#);
        insta::assert_snapshot!(growths("--operator random --num-hidden-layers 4 --noise 0.1 --noise-mix variance-preserving --seed 5"), @r#"{"operator":"random-depth","num_hidden_layers":4,"seed":5} {"operator":"noise","amount":0.1,"mix":"variance-preserving","seed":5}"#);
    }

    #[test]
    fn flags_that_are_missing_or_of_no_use_are_named() {
        insta::assert_snapshot!(growths(""), @"--operator is missing, or --layers, --pattern or --noise in its place");
        insta::assert_snapshot!(growths("--operator stack"), @"--factor is missing, such as --factor 4");
        insta::assert_snapshot!(growths("--operator stack --factor 2 --drop-layers 3 --seed 1"), @"--operator stack has no use for --drop-layers, --seed");
        insta::assert_snapshot!(growths("--operator stack --factor 2 --axis width"), @"--operator stack has no other axis than depth");
        insta::assert_snapshot!(growths("--operator split --axis depth --hidden-size 3"), @"--operator split has no other axis than width");
        insta::assert_snapshot!(growths("--operator split"), @"a size is missing: --hidden-size, --intermediate-size, --num-attention-heads or --num-key-value-heads");
        insta::assert_snapshot!(growths("--layers 0,1 --operator stack --factor 2"), @"--layers has no use for --operator, --factor");
    }
}
