//! Several tests at once: Holm's step-down correction (Holm 1979), which bounds the probability of even one false
//! rejection, whatever the tests have to do with each other.

use crate::error::StatisticsError;

/// The adjusted p values, in the order of the given ones: that of rank `k` of `m` is multiplied by `m − k + 1`, is
/// never less than a smaller one's, and at most 1.
///
/// ```
/// use outgrow_statistics::holm;
///
/// assert_eq!(holm(&[0.01, 0.04, 0.03])?, [0.03, 0.06, 0.06]);
/// # Ok::<(), outgrow_statistics::StatisticsError>(())
/// ```
///
/// # Errors
/// A p value that isn't above 0 and at most 1: a test that can't be made has no place in a correction, and none has
/// a p of 0.
pub fn holm(p: &[f64]) -> Result<Vec<f64>, StatisticsError> {
    if let Some(&value) = p.iter().find(|&&value| !(value > 0.0 && value <= 1.0)) {
        return Err(StatisticsError::Outside { name: "p", value, must: "above 0 and at most 1" });
    }
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&one, &two| p[one].total_cmp(&p[two]));
    let mut adjusted = vec![0.0; p.len()];
    let mut least = 0.0_f64;
    for (rank, &index) in order.iter().enumerate() {
        least = least.max(p[index] * (p.len() - rank) as f64).min(1.0);
        adjusted[index] = least;
    }
    Ok(adjusted)
}
