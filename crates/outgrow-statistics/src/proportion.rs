//! A share of yes among yes and no, and where the share behind it lies: Wilson's interval, which stays between 0 and 1
//! and holds for few answers, too.

use statrs::distribution::{ContinuousCDF, Normal};

use crate::{error::StatisticsError, interval::Interval, sample::check_level};

/// Wilson's interval of a share of so many answers that don't depend on each other.
///
/// # Errors
/// No answer, a share that isn't between 0 and 1, or such a level.
pub fn proportion_interval(share: f64, answers: u64, level: f64) -> Result<Interval, StatisticsError> {
    check_level(level)?;
    if answers == 0 {
        return Err(StatisticsError::TooFew { found: 0, needed: 1 });
    }
    if !(0.0..=1.0).contains(&share) {
        return Err(StatisticsError::Outside { name: "share", value: share, must: "between 0 and 1" });
    }
    let z = Normal::standard().inverse_cdf(0.5 + 0.5 * level);
    let (count, squared) = (answers as f64, z * z);
    let middle = (share + squared / (2.0 * count)) / (1.0 + squared / count);
    let half = z / (1.0 + squared / count)
        * (share * (1.0 - share) / count + squared / (4.0 * count * count)).sqrt();
    // Rounding must not leave what a share can be.
    Interval::new((middle - half).clamp(0.0, share), (middle + half).clamp(share, 1.0))
}
