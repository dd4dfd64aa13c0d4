//! What the optimizer is told: AdamW's settings, and Muon's where it has the matrices of the layers. In recipes and
//! files they are one table, AdamW's keys with a table `muon` among them.

use std::{fmt, str::FromStr};

use outgrow_schedules::Orthogonalization;
use serde::{Deserialize, Serialize};

use crate::error::TrainError;

/// As many iterations change nothing any more.
const TOO_MANY_ITERATIONS: usize = 100;

/// Which parameters weight decay is applied to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decay {
    /// All, as in arXiv 2405.15319.
    #[default]
    All,
    /// All matrices but the embedding: norms, biases and the embedding table are left alone.
    MatricesOnly,
}

impl Decay {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::All, Self::MatricesOnly];

    /// Whether the named parameter decays.
    pub fn includes(self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::MatricesOnly => {
                !name.ends_with("norm.weight")
                    && !name.ends_with("_proj.bias")
                    && name != "model.embed_tokens.weight"
            }
        }
    }
}

/// As recipes name it.
impl fmt::Display for Decay {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::All => "all",
            Self::MatricesOnly => "matrices-only",
        })
    }
}

impl FromStr for Decay {
    type Err = TrainError;

    fn from_str(name: &str) -> Result<Self, TrainError> {
        let found = Self::ALL.into_iter().find(|decay| decay.to_string() == name);
        found.ok_or_else(|| {
            let expected = Self::ALL.map(|decay| decay.to_string()).join(" or ");
            TrainError::Settings { problems: format!("decay = `{name}`: {expected} is needed") }
        })
    }
}

/// AdamW with PyTorch's semantics: decay is decoupled from the gradient and scaled by the learning rate.
#[derive(Clone, Debug, PartialEq)]
pub struct AdamWSettings {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// Share of a weight that is taken away at each step, times the learning rate.
    pub weight_decay: f64,
    /// Which parameters decay.
    pub decay: Decay,
    /// The global norm that gradients are clipped to; `None` leaves them.
    pub clip_norm: Option<f64>,
}

impl Default for AdamWSettings {
    /// The settings of arXiv 2405.15319 (with PyTorch's epsilon): all parameters decay.
    fn default() -> Self {
        Self {
            beta1: 0.9,
            beta2: 0.95,
            epsilon: 1e-8,
            weight_decay: 0.1,
            decay: Decay::All,
            clip_norm: Some(1.0),
        }
    }
}

/// Muon with PyTorch's semantics, for the matrices of the layers: momentum is a moving average, its orthogonal factor
/// is the step, and decay is scaled by the learning rate before that is adjusted. All else is AdamW's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MuonSettings {
    /// Decay of the momentum.
    pub momentum: f64,
    /// Whether the gradient is mixed into the momentum once more before it is orthogonalised.
    pub nesterov: bool,
    /// Newton–Schulz iterations.
    pub iterations: usize,
    /// How the learning rate of a matrix depends on its shape.
    pub adjust: Adjustment,
    /// Share of a weight that is taken away at each step, times the learning rate; by default AdamW's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
    /// What the stage's learning rate is multiplied by.
    pub learning_rate_ratio: f64,
}

impl Default for MuonSettings {
    /// PyTorch's, but for the adjustment: AdamW's learning rate and weight decay serve both, as in arXiv 2502.16982.
    fn default() -> Self {
        Self {
            momentum: 0.95,
            nesterov: true,
            iterations: 5,
            adjust: Adjustment::MatchRmsAdamW,
            weight_decay: None,
            learning_rate_ratio: 1.0,
        }
    }
}

/// How Muon's learning rate depends on the shape of a matrix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Adjustment {
    /// `√max(1, rows / columns)`, as in Jordan's own.
    #[serde(rename = "original")]
    Original,
    /// `0.2 · √max(rows, columns)`: updates are then about as large as AdamW's (arXiv 2502.16982).
    #[default]
    #[serde(rename = "match-rms-adamw")]
    MatchRmsAdamW,
    /// `√(rows / columns)`: an update changes what comes out by as much whatever the shape (Bernstein 2025).
    #[serde(rename = "spectral-unclamped")]
    SpectralUnclamped,
}

impl Adjustment {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Original, Self::MatchRmsAdamW, Self::SpectralUnclamped];

    /// What the learning rate of such a matrix is multiplied by.
    pub fn factor(self, [rows, columns]: [usize; 2]) -> f64 {
        let ratio = rows as f64 / columns as f64;
        match self {
            Self::Original => ratio.max(1.0).sqrt(),
            Self::MatchRmsAdamW => 0.2 * (rows.max(columns) as f64).sqrt(),
            Self::SpectralUnclamped => ratio.sqrt(),
        }
    }
}

/// As recipes name it.
impl fmt::Display for Adjustment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Original => "original",
            Self::MatchRmsAdamW => "match-rms-adamw",
            Self::SpectralUnclamped => "spectral-unclamped",
        })
    }
}

impl FromStr for Adjustment {
    type Err = TrainError;

    fn from_str(name: &str) -> Result<Self, TrainError> {
        let found = Self::ALL.into_iter().find(|adjustment| adjustment.to_string() == name);
        found.ok_or_else(|| {
            let [first, second, third] = Self::ALL;
            let problems = format!("adjust = `{name}`: {first}, {second} or {third} is needed");
            TrainError::Settings { problems }
        })
    }
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Table", into = "Table")]
pub struct OptimizerSettings {
    /// For all parameters, or for those that Muon doesn't have.
    pub adamw: AdamWSettings,
    /// For the matrices of the layers.
    pub muon: Option<MuonSettings>,
}

impl From<AdamWSettings> for OptimizerSettings {
    /// AdamW alone.
    fn from(adamw: AdamWSettings) -> Self {
        Self { adamw, muon: None }
    }
}

impl OptimizerSettings {
    /// All that is wrong.
    pub(crate) fn problems(&self) -> Vec<String> {
        let AdamWSettings { beta1, beta2, epsilon, weight_decay, decay: _, clip_norm } = self.adamw;
        let mut problems = Vec::new();
        let mut require = |holds: bool, problem: String| {
            if !holds {
                problems.push(problem);
            }
        };
        let is_above_0 = |number: f64| number > 0.0 && number.is_finite();
        let is_decay = |number: f64| number >= 0.0 && number.is_finite();
        for (name, beta) in [("beta1", beta1), ("beta2", beta2)] {
            require((0.0..1.0).contains(&beta), format!("{name} = {beta}: from 0 to below 1 is needed"));
        }
        require(is_above_0(epsilon), format!("epsilon = {epsilon}: above 0 is needed"));
        require(is_decay(weight_decay), format!("weight_decay = {weight_decay}: 0 or more is needed"));
        if let Some(norm) = clip_norm {
            require(is_above_0(norm), format!("clip_norm = {norm}: above 0 is needed"));
        }
        if let Some(muon) = &self.muon {
            let MuonSettings { momentum, nesterov: _, iterations, adjust: _, weight_decay, .. } = *muon;
            require(
                (0.0..1.0).contains(&momentum),
                format!("muon.momentum = {momentum}: from 0 to below 1 is needed"),
            );
            require(
                (1..TOO_MANY_ITERATIONS).contains(&iterations),
                format!("muon.iterations = {iterations}: from 1 to {} is needed", TOO_MANY_ITERATIONS - 1),
            );
            if let Some(decay) = weight_decay {
                require(is_decay(decay), format!("muon.weight_decay = {decay}: 0 or more is needed"));
            }
            let ratio = muon.learning_rate_ratio;
            require(is_above_0(ratio), format!("muon.learning_rate_ratio = {ratio}: above 0 is needed"));
        }
        problems
    }

    /// What it multiplies at each step, in batches of so many tokens.
    pub(crate) fn orthogonalization(&self, batch_tokens: u64) -> Option<Orthogonalization> {
        let iterations = self.muon.as_ref()?.iterations;
        Some(Orthogonalization { iterations, batch_tokens })
    }

    /// Muon's weight decay, whether it was given or is AdamW's.
    pub(crate) fn muon_weight_decay(&self) -> Option<f64> {
        Some(self.muon.as_ref()?.weight_decay.unwrap_or(self.adamw.weight_decay))
    }
}

/// As it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Table {
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    weight_decay: f64,
    decay: Decay,
    clip_norm: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    muon: Option<MuonSettings>,
}

impl Default for Table {
    fn default() -> Self {
        OptimizerSettings::default().into()
    }
}

impl From<OptimizerSettings> for Table {
    fn from(settings: OptimizerSettings) -> Self {
        let OptimizerSettings { adamw, muon } = settings;
        let AdamWSettings { beta1, beta2, epsilon, weight_decay, decay, clip_norm } = adamw;
        Self { beta1, beta2, epsilon, weight_decay, decay, clip_norm, muon }
    }
}

impl From<Table> for OptimizerSettings {
    fn from(table: Table) -> Self {
        let Table { beta1, beta2, epsilon, weight_decay, decay, clip_norm, muon } = table;
        let adamw = AdamWSettings { beta1, beta2, epsilon, weight_decay, decay, clip_norm };
        Self { adamw, muon }
    }
}
