//! Peak learning rates by size: those of arXiv 2405.15319's table 1, and our own at 0.67 M parameters. Between them we
//! interpolate in logarithms; a sweep around the number is still needed.

use crate::advice::timing::Zone;

/// Parameters and peaks. The first is this project's (docs/EXPERIMENTS.md), with steps of 1024 tokens; the others have
/// steps of 2 M tokens.
const PEAKS: [(f64, f64); 5] = [(0.67e6, 4e-3), (410e6, 6e-4), (1.1e9, 3e-4), (3e9, 1.6e-4), (7e9, 1e-4)];

/// A peak for AdamW at this size, to begin a sweep with. Beyond the sizes that are known, the nearest one's.
pub fn peak_learning_rate(parameters: u64) -> f64 {
    let parameters = parameters as f64;
    let above = PEAKS.iter().position(|(size, _)| *size >= parameters);
    let ((low, low_peak), (high, high_peak)) = match above {
        Some(0) => return PEAKS[0].1,
        None => return PEAKS[PEAKS.len() - 1].1,
        Some(index) => (PEAKS[index - 1], PEAKS[index]),
    };
    let part = (parameters / low).ln() / (high / low).ln();
    rounded(low_peak * (high_peak / low_peak).powf(part))
}

/// The base's peak. Below the fitted range half of scratch's, which decided our own comparisons; in it and above, the
/// one of the base's own size, which is higher than that of the grown model, as the paper has it.
pub(super) fn base_peak(zone: Zone, base_parameters: u64, peak: f64) -> f64 {
    match zone {
        Zone::Below => rounded(peak / 2.0),
        Zone::Fitted | Zone::Above => peak_learning_rate(base_parameters),
    }
}

/// Two digits: more would say more than is known.
pub(super) fn rounded(rate: f64) -> f64 {
    format!("{rate:.1e}").parse().unwrap_or(rate)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::float_cmp, reason = "numbers of a table come out as they are written")]

    use super::*;

    #[test]
    fn rates_of_the_table_are_those_of_the_table() {
        for (size, peak) in
            [(410e6, 6e-4), (1.1e9, 3e-4), (3e9, 1.6e-4), (7e9, 1e-4), (70e9, 1e-4), (1e5, 4e-3)]
        {
            assert_eq!(peak_learning_rate(size as u64), peak, "{size:e}");
        }
    }

    #[test]
    fn larger_models_never_want_more() {
        let sizes = (5..11).flat_map(|power| [1, 2, 5].map(|first| first * 10_u64.pow(power)));
        let peaks: Vec<f64> = sizes.map(peak_learning_rate).collect();
        assert!(peaks.windows(2).all(|pair| pair[0] >= pair[1]), "{peaks:?}");
    }
}
