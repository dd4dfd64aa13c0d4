//! The parts of a measurement, in the order of their worth, with the time that each may take.
//!
//! What a part does stands in the module of its name.

use std::{fmt, str::FromStr, time::Duration};

use anyhow::bail;

/// One part. Each runs in a process of its own, so that a failure of one, or a hang, leaves the others alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    /// Opening the device, and the first kernel.
    Device,
    /// Whether training steps run at all, and whether their losses are the CPU's.
    FirstStep,
    /// Bandwidths.
    Copies,
    /// What a training step of 124M spends its time in.
    Pieces,
    /// A whole training step of 124M.
    Step124m,
    /// Matrix products at the shapes of all models.
    Products,
    /// A layer of 124M, tuned at the usual level in place of the lowest.
    Tuning,
    /// A whole training step of 410M.
    Step410m,
    /// A whole training step of 1.1B.
    Step1b,
}

impl Part {
    /// All, in their order.
    pub(crate) const ALL: [Self; 9] = [
        Self::Device,
        Self::FirstStep,
        Self::Copies,
        Self::Pieces,
        Self::Step124m,
        Self::Products,
        Self::Tuning,
        Self::Step410m,
        Self::Step1b,
    ];

    /// How long it may take. Each is several times what is expected.
    pub(crate) fn limit(self) -> Duration {
        Duration::from_secs(match self {
            Self::Device => 30,
            Self::FirstStep | Self::Products => 90,
            Self::Copies => 20,
            Self::Pieces => 80,
            Self::Step124m | Self::Tuning | Self::Step410m | Self::Step1b => 60,
        })
    }

    /// The level that burn's kernels are tuned at.
    pub(crate) fn tuning_level(self) -> &'static str {
        match self {
            Self::Tuning => "balanced",
            _ => "minimal",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Device => "device",
            Self::FirstStep => "first-step",
            Self::Copies => "copies",
            Self::Pieces => "pieces",
            Self::Step124m => "step-124m",
            Self::Products => "products",
            Self::Tuning => "tuning",
            Self::Step410m => "step-410m",
            Self::Step1b => "step-1.1b",
        })
    }
}

impl FromStr for Part {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> anyhow::Result<Self> {
        match Self::ALL.into_iter().find(|part| part.to_string() == name) {
            Some(part) => Ok(part),
            None => bail!("no part `{name}`: {}", Self::ALL.map(|part| part.to_string()).join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_read_back_by_its_name() {
        for part in Part::ALL {
            assert_eq!(part.to_string().parse::<Part>().unwrap(), part);
        }
        assert!("everything".parse::<Part>().unwrap_err().to_string().contains("first-step"));
    }
}
