//! The flags of `outgrow grow` that say how to grow, and the growths they stand for. A flag that the operator has no
//! use for is refused, like one that it lacks.

use std::path::PathBuf;

use outgrow_operators::{Axis, Growth, Mix, Operator, Parameters, Placement, Width, growth::ParameterError};

use crate::{error::BadInput, terminal::words::one_of};

/// How to grow.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Flags {
    /// How the new parts are made of the old ones.
    #[arg(long, value_name = "OPERATOR", value_parser = one_of(&Operator::ALL, operator_help))]
    operator: Option<Operator>,
    /// Whether to grow deeper or wider, for operators that can do both.
    #[arg(long, value_name = "AXIS", value_parser = one_of(&Axis::ALL, |_| ""))]
    axis: Option<Axis>,
    /// How many times as large: stack, interleave, hyperclone; in depth also last, zero, random and learned, in place
    /// of --num-hidden-layers.
    #[arg(long, value_name = "G", value_parser = parse_count)]
    factor: Option<usize>,
    /// The source layer of each new layer, counted from 0, instead of an operator: 0,1,2,0,1,2.
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = parse_layer)]
    layers: Option<Vec<usize>>,
    /// Partial stacking, instead of an operator, layers counted from 1: 12-3456*5-56.
    #[arg(long, value_name = "PATTERN")]
    pattern: Option<String>,
    /// middle, lidas: layers of a block.
    #[arg(long, value_name = "N", value_parser = parse_count)]
    block_layers: Option<usize>,
    /// solar: layers that each copy leaves out.
    #[arg(long, value_name = "N", value_parser = parse_count)]
    drop_layers: Option<usize>,
    /// last, zero, random, learned: layers of the grown model.
    #[arg(long, value_name = "N", value_parser = parse_count)]
    num_hidden_layers: Option<usize>,
    /// zero in depth: where the new layers stand; interleaved by default.
    #[arg(long, value_name = "PLACEMENT", value_parser = one_of(&Placement::ALL, placement_help))]
    placement: Option<Placement>,
    /// Width of the grown model's residual stream.
    #[arg(long, value_name = "N", value_parser = parse_count)]
    hidden_size: Option<usize>,
    /// Width inside the grown model's feed-forward network.
    #[arg(long, value_name = "N", value_parser = parse_count)]
    intermediate_size: Option<usize>,
    /// Query heads of the grown model.
    #[arg(long, value_name = "N", value_parser = parse_count)]
    num_attention_heads: Option<usize>,
    /// Key and value heads of the grown model.
    #[arg(long, value_name = "N", value_parser = parse_count)]
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
    #[arg(long, value_name = "MIX", value_parser = one_of(&Mix::ALL, mix_help))]
    noise_mix: Option<Mix>,
    /// Seeds whatever is drawn; 0 by default.
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
}

fn operator_help(operator: Operator) -> &'static str {
    match operator {
        Operator::Stack => "Depth: all layers again, on top (G_stack): 0 1 2 0 1 2",
        Operator::Interleave => "Depth: each layer again, next to itself: 0 0 1 1 2 2",
        Operator::Middle => "Depth: the middle block of layers again (MIDAS)",
        Operator::Lidas => "Depth: halves of the middle blocks again, between them (LIDAS)",
        Operator::Solar => {
            "Depth: two copies, the first without its last layers, the second without its first (SOLAR)"
        }
        Operator::Last => "Depth: the top layers again (gradual stacking)",
        Operator::Zero => "Depth: layers that pass everything on. Width: channels that hold zero (G_zero)",
        Operator::Random => "Depth: fresh layers. Width: fresh channels. Both behind a mask (G_random)",
        Operator::Learned => "Depth and width by matrices (G_learn, LiGO)",
        Operator::Split => "Width: channels again, and what reads them divided (G_direct)",
        Operator::Hyperclone => "Width: a split of everything by one factor",
        Operator::Aki => "Width: a split whose new outputs come from the layer above (bert2BERT's AKI)",
        Operator::ZeroDepth => "zero --axis depth, as recipes say it",
        Operator::ZeroWidth => "zero --axis width",
        Operator::RandomDepth => "random --axis depth",
        Operator::RandomWidth => "random --axis width",
    }
}

fn placement_help(placement: Placement) -> &'static str {
    match placement {
        Placement::Interleaved => "Each after the layer it is a copy of",
        Placement::Top => "On top",
    }
}

fn mix_help(mix: Mix) -> &'static str {
    match mix {
        Mix::Linear => "(1 − a) · weight + a · noise",
        Mix::VariancePreserving => "√(1 − a) · weight + √a · noise",
    }
}

impl Flags {
    /// The growths, one after the other.
    ///
    /// # Errors
    /// A flag that is missing, or one that nothing takes.
    pub(super) fn growths(&self) -> Result<Vec<Growth>, BadInput> {
        let mut flags = self.clone();
        let noise = flags.noise.take().map(|amount| {
            let mix = flags.noise_mix.take().unwrap_or_default();
            Growth::Noise { amount, mix, seed: self.seed.unwrap_or(0) }
        });
        let shape = flags.take_shape(noise.is_some())?;
        let growths: Vec<Growth> = shape.into_iter().chain(noise).collect();
        if growths.is_empty() {
            return Err(BadInput(
                "--operator is missing, or --layers, --pattern or --noise in its place".into(),
            ));
        }
        let what = match (&self.operator, &self.layers, &self.pattern) {
            (_, Some(_), _) => "--layers".to_owned(),
            (_, _, Some(_)) => "--pattern".to_owned(),
            (Some(operator), ..) => format!("--operator {operator}"),
            _ => "--noise".to_owned(),
        };
        flags.refuse_all(&what)?;
        Ok(growths)
    }

    /// The growth that changes the model's shape, if there is one. Beside noise, the seed may be the noise's alone.
    fn take_shape(&mut self, is_noisy: bool) -> Result<Option<Growth>, BadInput> {
        if is_noisy && (self.layers.is_some() || self.pattern.is_some() || self.operator.is_none()) {
            self.seed = None;
        }
        if let Some(layers) = self.layers.take() {
            return Ok(Some(Growth::Layers { layers }));
        }
        if let Some(pattern) = self.pattern.take() {
            return Ok(Some(Growth::Pattern { pattern }));
        }
        let Some(operator) = self.operator.take() else { return Ok(None) };
        let (axis, parameters) = (self.axis.take(), self.take_parameters());
        let is_the_noises = |error: &ParameterError| match error {
            ParameterError::Unused { parameters, .. } => is_noisy && parameters.contains(&"seed"),
            _ => false,
        };
        let named = Growth::named(operator, axis, parameters.clone()).or_else(|errors| {
            let without_seed = Parameters { seed: None, ..parameters };
            if errors.iter().any(is_the_noises) {
                Growth::named(operator, axis, without_seed)
            } else {
                Err(errors)
            }
        });
        let errors = match named {
            Ok(growth) => return Ok(Some(growth)),
            Err(errors) => errors,
        };
        let mut left = self.left();
        let mut problems: Vec<String> =
            errors.iter().map(|error| in_flags(operator, error, &mut left)).collect();
        if !left.is_empty() {
            problems.push(format!("--operator {operator} has no use for {}", left.join(", ")));
        }
        Err(BadInput(problems.join("; ")))
    }

    fn take_parameters(&mut self) -> Parameters {
        Parameters {
            factor: self.factor.take(),
            block_layers: self.block_layers.take(),
            drop_layers: self.drop_layers.take(),
            num_hidden_layers: self.num_hidden_layers.take(),
            placement: self.placement.take(),
            width: Width {
                hidden_size: self.hidden_size.take(),
                intermediate_size: self.intermediate_size.take(),
                num_attention_heads: self.num_attention_heads.take(),
                num_key_value_heads: self.num_key_value_heads.take(),
            },
            share: self.share.take(),
            matrices: self.matrices.take().map(Into::into),
            seed: self.seed.take(),
        }
    }

    /// Refuses every flag that is given, because `what` says it all.
    ///
    /// # Errors
    /// If there is one.
    pub(super) fn refuse_all(&self, what: &str) -> Result<(), BadInput> {
        match &self.left()[..] {
            [] => Ok(()),
            left => Err(BadInput(format!("{what} has no use for {}", left.join(", ")))),
        }
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

fn parse_count(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| "expected a whole number, such as 2".to_owned())
}

fn parse_layer(text: &str) -> Result<usize, String> {
    text.trim().parse().map_err(|_| "expected numbers of layers from 0 on, such as 0,1,2,0,1,2".to_owned())
}

/// What an operator says of its parameters, in the command line's words. Flags that nothing has taken are named with
/// those that it has no use for.
fn in_flags(operator: Operator, error: &ParameterError, left: &mut Vec<String>) -> String {
    match error {
        ParameterError::Unused { grows, parameters, .. } => {
            let flags = parameters.iter().map(|name| flag(name)).chain(left.drain(..)).collect::<Vec<_>>();
            let on = grows.map(|axis| format!(" in {axis}")).unwrap_or_default();
            let hint = error.other_axis().map(|axis| format!("; with --axis {axis} it has")).unwrap_or_default();
            format!("--operator {operator} has no use for {}{on}{hint}", flags.join(", "))
        }
        ParameterError::Axis { only, .. } => format!("--operator {operator} has no other axis than {only}"),
        ParameterError::Missing { parameter: "width" } => {
            "a size is missing: --hidden-size, --intermediate-size, --num-attention-heads or --num-key-value-heads".into()
        }
        ParameterError::Missing { parameter: "num_hidden_layers" } => {
            "--num-hidden-layers or --factor is missing, such as --factor 2".into()
        }
        ParameterError::DepthTwice => "--num-hidden-layers and --factor both say the depth; give one of them".into(),
        ParameterError::Missing { parameter } => {
            let flag = flag(parameter);
            format!("{flag} is missing, such as {flag} {}", example(operator, parameter))
        }
        other => other.to_string(),
    }
}

/// A parameter as a flag.
fn flag(parameter: &str) -> String {
    format!("--{}", parameter.replace('_', "-"))
}

fn example(operator: Operator, parameter: &str) -> &'static str {
    match parameter {
        "factor" if operator == Operator::Hyperclone => "2",
        "drop_layers" => "8",
        _ => "4",
    }
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
    fn both_vocabularies_say_the_same_and_a_factor_is_a_depth() {
        insta::assert_snapshot!(growths("--operator zero --factor 2"), @r#"{"operator":"zero-depth","factor":2,"placement":"interleaved"}"#);
        for (one, other) in [
            ("--operator zero --factor 2", "--operator zero-depth --factor 2"),
            ("--operator zero --axis width --hidden-size 64", "--operator zero-width --hidden-size 64"),
            (
                "--operator random --num-hidden-layers 4",
                "--operator random-depth --axis depth --num-hidden-layers 4",
            ),
            ("--operator random --axis width --hidden-size 64", "--operator random-width --hidden-size 64"),
        ] {
            assert_eq!(growths(one), growths(other));
        }
        insta::assert_snapshot!(growths("--operator last --factor 2"), @r#"{"operator":"last","factor":2}"#);
        insta::assert_snapshot!(growths("--operator learned --factor 2"), @r#"{"operator":"learned","factor":2,"width":{},"matrices":null,"seed":0}"#);
        insta::assert_snapshot!(growths("--operator zero-depth --axis width --factor 2"), @"--operator zero-depth has no other axis than depth");
        insta::assert_snapshot!(growths("--operator zero --factor 2 --num-hidden-layers 8"), @"--num-hidden-layers and --factor both say the depth; give one of them");
        insta::assert_snapshot!(growths("--operator zero"), @"--num-hidden-layers or --factor is missing, such as --factor 2");
        insta::assert_snapshot!(growths("--operator learned --axis width --factor 2"), @"--operator learned has no use for --factor in width; with --axis depth it has");
        insta::assert_snapshot!(growths("--operator learned --axis depth --hidden-size 64"), @"--operator learned has no use for --hidden-size in depth; with --axis width it has");
    }

    #[test]
    fn flags_that_are_missing_or_of_no_use_are_named() {
        insta::assert_snapshot!(growths(""), @"--operator is missing, or --layers, --pattern or --noise in its place");
        insta::assert_snapshot!(growths("--operator stack"), @"--factor is missing, such as --factor 4");
        insta::assert_snapshot!(growths("--operator stack --factor 2 --drop-layers 3 --seed 1"), @"--operator stack has no use for --drop-layers, --seed");
        insta::assert_snapshot!(growths("--operator stack --factor 2 --axis width"), @"--operator stack has no other axis than depth");
        insta::assert_snapshot!(growths("--operator split --axis depth --hidden-size 3"), @"--operator split has no other axis than width");
        insta::assert_snapshot!(growths("--operator split"), @"a size is missing: --hidden-size, --intermediate-size, --num-attention-heads or --num-key-value-heads");
        insta::assert_snapshot!(growths("--operator zero --hidden-size 64"), @"--num-hidden-layers or --factor is missing, such as --factor 2; --operator zero has no use for --hidden-size in depth; with --axis width it has");
        insta::assert_snapshot!(growths("--operator solar --factor 2 --noise 0.1 --seed 1"), @"--drop-layers is missing, such as --drop-layers 8; --operator solar has no use for --factor");
        insta::assert_snapshot!(growths("--layers 0,1 --operator stack --factor 2"), @"--layers has no use for --operator, --factor");
    }
}
