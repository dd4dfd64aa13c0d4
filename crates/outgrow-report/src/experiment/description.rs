//! `experiment.json`: what an experiment consists of, written before its first run and read with its runs. What came
//! out is not in it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::run::record::Cost;

/// An experiment: its runs, in the order of its file, and what is claimed of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExperimentDescription {
    /// The version of this layout.
    pub format: u32,
    /// What it is called on the command line.
    pub name: String,
    /// Its heading.
    pub title: String,
    /// Which figures or tables of which paper it repeats; empty where it is nobody's.
    pub source: String,
    /// What a reader has to know besides: what isn't done, and why.
    pub notes: Vec<String>,
    /// The scale's name.
    pub scale: String,
    /// What the scale is, in a line.
    pub scale_description: String,
    /// The command that makes it again.
    pub command: String,
    /// The version of the program that runs it, and of the code that trains.
    pub program: Program,
    /// The kinds of runs: of each there is one run a seed.
    pub kinds: Vec<RunKind>,
    /// How many seeds its definition has at this scale, where it was asked for others or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usual_seeds: Option<u64>,
    /// The runs that count.
    pub runs: Vec<PlannedCell>,
    /// How learning rates were chosen, on seeds that don't count.
    pub sweeps: Vec<Sweep>,
    /// What is claimed, and what would show it.
    pub claims: Vec<Claim>,
    /// What is drawn.
    pub figures: Vec<Figure>,
}

/// Which program made runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Outgrow's version.
    pub version: String,
    /// A fingerprint of the code that training depends on.
    pub training_code: String,
}

/// One kind of run, which each seed has once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunKind {
    /// `stack-long`: a word, and unique.
    pub name: String,
    /// As a table or a legend has it: `G_stack, long base`.
    pub label: String,
    /// The kind from scratch that it is held against: the same model, with the same FLOPs. `None` for such a one.
    pub baseline: Option<String>,
    /// Where it stands on each axis of the experiment: `operator` at `stack`, `base` at `long`.
    pub axes: BTreeMap<String, AxisValue>,
}

/// A place on an axis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AxisValue {
    /// As it is written: `20 %`.
    pub name: String,
    /// As a number, where the axis is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<f64>,
}

/// One run: a kind with a seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedCell {
    /// The kind's name.
    pub kind: String,
    /// The seed: runs of one seed share the order of the data, first weights and growth's draws.
    pub seed: u64,
    /// The run's folder, relative to the experiment's, with `/`.
    pub folder: String,
    /// Whether it had the machine for itself. One that ran beside others gives no speed-up in time.
    pub alone: bool,
}

/// How one learning rate was chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sweep {
    /// What was chosen: `scratch_rate`.
    pub name: String,
    /// Of which kind of run, by name.
    pub kind: String,
    /// The runs: each value, lowest first, with each of the sweep's seeds.
    pub runs: Vec<SweepRun>,
    /// The value with the lowest mean of final losses; `None` until all its runs are done.
    pub chosen: Option<f64>,
}

/// A run of a sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepRun {
    /// The peak learning rate.
    pub value: f64,
    /// The seed, none that counts.
    pub seed: u64,
    /// The run's folder, relative to the experiment's.
    pub folder: String,
}

/// Something that a paper, or we, say of these runs, and the rule by which it is judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// In a sentence.
    pub says: String,
    /// Who says so, with their number and where it stands: `+49.1 % at 8e20 FLOPs (Fig. 3)`. Empty where nobody does.
    #[serde(default)]
    pub paper: String,
    /// The rule.
    pub rule: Rule,
}

/// How a claim is judged. Kinds are named as in [`RunKind::name`]. `at` is a part of the baseline's FLOPs (the end
/// where it is left out): losses are compared where both runs have paid so much.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "snake_case", deny_unknown_fields)]
pub enum Rule {
    /// The speed-up at equal loss has the paper's sign and, if positive, its size.
    SpeedUp {
        /// The kind that is sped up.
        of: String,
        /// What it is held against.
        against: String,
        /// The paper's, as a share: 0.491 for 49.1 %, -0.257 where it is slower.
        paper: f64,
    },
    /// The loss of one kind is lower than that of another at equal FLOPs, or tokens.
    Lower {
        /// The kind whose loss is lower.
        of: String,
        /// The kind whose loss is higher.
        against: String,
        /// By how much in the paper, nats per token, if it says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        paper: Option<f64>,
        /// What is equal between the two: FLOPs where it is left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Cost>,
        /// Where.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<f64>,
    },
    /// Two kinds end within a margin of each other.
    Equal {
        /// One kind.
        of: String,
        /// The other.
        against: String,
        /// The largest difference that doesn't matter, nats per token.
        margin: f64,
        /// What is equal between the two: FLOPs where it is left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Cost>,
        /// Where.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<f64>,
    },
    /// Along an axis of numbers, the loss has its minimum within a range.
    Optimum {
        /// The axis.
        axis: String,
        /// Where on the other axes, all of them, as it is written there: kinds with further axes don't count.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        with: BTreeMap<String, String>,
        /// The lowest number of the paper's range.
        from: f64,
        /// The highest.
        to: f64,
        /// Where.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<f64>,
    },
    /// The law `L = a·C^b` of one series of kinds lies below that of another at their largest FLOPs, and the speed-up
    /// that both give there has the paper's sign and size.
    Law {
        /// The kinds of one law, smallest first.
        of: Vec<String>,
        /// Those of the other, model by model.
        against: Vec<String>,
        /// The paper's speed-up at the largest, as a share.
        paper: f64,
    },
}

impl Rule {
    /// The rule's word in a definition.
    pub fn name(&self) -> &'static str {
        match self {
            Self::SpeedUp { .. } => "speed-up",
            Self::Lower { .. } => "lower",
            Self::Equal { .. } => "equal",
            Self::Optimum { .. } => "optimum",
            Self::Law { .. } => "law",
        }
    }
}

/// A drawing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// Its heading.
    pub title: String,
    /// Which figure of the paper it corresponds to: `Fig. 3`, or nothing.
    #[serde(default)]
    pub paper: String,
    /// What is drawn.
    pub draws: Drawing,
}

/// What a figure shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "snake_case", deny_unknown_fields)]
pub enum Drawing {
    /// Paired differences of loss to one kind, each seed and the interval, sorted: the forest plot.
    Differences {
        /// What the others are held against.
        against: String,
        /// The others. A definition may leave them out: then all.
        #[serde(default)]
        kinds: Vec<String>,
        /// What is equal between the two: FLOPs where it is left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Cost>,
    },
    /// Loss against what was paid, with bands over seeds.
    Curves {
        /// Which kinds.
        kinds: Vec<String>,
    },
    /// Speed-up against loss.
    SpeedUps {
        /// What the others are held against.
        against: String,
        /// The others.
        kinds: Vec<String>,
    },
    /// The stages of kinds, and their learning rates, as strips.
    Stages {
        /// Which kinds.
        kinds: Vec<String>,
    },
    /// Loss along an axis of numbers, a line for each budget (a part of the baseline's FLOPs), with the fitted minimum.
    Valley {
        /// The axis.
        axis: String,
        /// Where on the other axes, all of them.
        #[serde(default)]
        with: BTreeMap<String, String>,
        /// Parts of the baseline's FLOPs.
        budgets: Vec<f64>,
    },
    /// An axis of numbers against budgets, coloured by the difference to the baseline.
    HeatMap {
        /// The axis.
        axis: String,
        /// Where on the other axes, all of them.
        #[serde(default)]
        with: BTreeMap<String, String>,
        /// Parts of the baseline's FLOPs.
        budgets: Vec<f64>,
    },
    /// Two axes against each other, coloured by the difference to the baseline at the end.
    Grid {
        /// From left to right.
        across: String,
        /// From top to bottom.
        down: String,
        /// Where on the other axes, all of them.
        #[serde(default)]
        with: BTreeMap<String, String>,
    },
    /// Final losses against FLOPs over models of several sizes, with fitted laws, bands and what they foretell.
    Laws {
        /// Each law: its label, and its kinds, smallest first.
        series: Vec<LawSeries>,
    },
}

/// The runs of one law.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LawSeries {
    /// As the legend has it.
    pub label: String,
    /// The kinds, smallest first.
    pub kinds: Vec<String>,
}
