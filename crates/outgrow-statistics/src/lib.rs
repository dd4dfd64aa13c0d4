//! What numbers over seeds say: paired differences and their intervals, fits with bands, how many seeds a difference
//! needs. It knows no runs and no losses, only numbers.
#![doc = include_str!("../README.md")]
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod error;
mod sample;
mod splitmix;

mod interval;
mod student;
mod bootstrap;
mod mean;

mod paired;
mod equivalence;
mod multiple;
mod power;
mod proportion;

mod model;
mod least_squares;
mod fit;
mod band;

pub use band::{Jackknife, jackknife};
pub use bootstrap::{DRAWS, bootstrap_interval};
pub use equivalence::{Equivalence, equivalence};
pub use error::StatisticsError;
pub use fit::{Fit, fit_logarithm, fit_parabola, fit_plane, fit_power_law, fit_power_law_with_floor};
pub use interval::{Interval, IntervalMethod, MeanInterval};
pub use mean::{BOOTSTRAP_FROM, mean_interval};
pub use model::{Extremum, Logarithm, Parabola, Plane, PowerLaw, PowerLawWithFloor};
pub use multiple::holm;
pub use paired::{PairedTest, paired_test, t_interval};
pub use power::{needed_pairs, power_of_paired_test};
pub use proportion::proportion_interval;
pub use splitmix::SplitMix64;
