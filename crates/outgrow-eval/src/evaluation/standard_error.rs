//! Standard errors as lm-evaluation-harness has them: in closed form for means, by a seeded bootstrap for perplexities,
//! pooled for groups, none for anything else. The bootstrap is the same number on any number of threads.

use rayon::prelude::*;

use crate::{
    evaluation::metrics::{Value, mean, numbers},
    python::random::MersenneTwister,
    tasks::task::Metric,
};

/// Resamples that share a generator.
const CHUNK: usize = 1000;

/// The standard error of a metric over documents, or `None` where the harness says `N/A`.
pub(crate) fn standard_error(metric: Metric, values: &[Value], bootstrap_iters: usize) -> Option<f64> {
    if bootstrap_iters == 0 || values.len() < 2 {
        return None;
    }
    match metric {
        Metric::Accuracy | Metric::NormalizedAccuracy | Metric::ProbabilityMass => {
            let values = numbers(values);
            Some(deviation(&values) / (values.len() as f64).sqrt())
        }
        Metric::Perplexity => bootstrap_perplexity(&numbers(values), bootstrap_iters),
        Metric::WordPerplexity | Metric::BytePerplexity | Metric::BitsPerByte => None,
    }
}

/// The deviation of a perplexity over resamples of its log-likelihoods: chunk `i` of them is drawn by
/// `random.Random(i)`. As many chunks as are whole; `None` if that makes fewer than two resamples.
fn bootstrap_perplexity(log_likelihoods: &[f64], iterations: usize) -> Option<f64> {
    let chunk = iterations.clamp(1, CHUNK);
    let count = log_likelihoods.len();
    let chunks = (0..iterations / chunk).into_par_iter().map(|seed| {
        let mut random = MersenneTwister::new(seed as u64);
        let resample = |_| {
            let mut sum = 0.0;
            random.choices(log_likelihoods, count, |value| sum += value);
            (-(sum / count as f64)).exp()
        };
        (0..chunk).map(resample).collect::<Vec<f64>>()
    });
    let resamples: Vec<f64> = chunks.collect::<Vec<_>>().concat();
    (count > 0 && resamples.len() > 1).then(|| deviation(&resamples))
}

/// The standard error of a mean over tasks, weighted by their documents, from those of the tasks: by the pooled
/// variance.
pub(crate) fn pooled(errors: &[f64], sizes: &[usize]) -> f64 {
    let total: usize = sizes.iter().sum();
    let terms = errors.iter().zip(sizes).map(|(error, &size)| {
        let size = size as f64;
        (size - 1.0) * error.powi(2) * size
    });
    let variance = terms.fold(0.0, |sum, term| sum + term) / total.saturating_sub(sizes.len()) as f64;
    (variance / total as f64).sqrt()
}

/// The deviation of a sample, by one less than its size.
fn deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares = values.iter().fold(0.0, |sum, value| sum + (value - mean) * (value - mean));
    (squares / (values.len() as f64 - 1.0)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_has_the_closed_form() {
        let values = [1.0, 0.0, 0.0, 1.0, 1.0].map(Value::Real);
        let error = standard_error(Metric::Accuracy, &values, 1).unwrap();
        assert!((error - 0.244_948_974_278_317_8).abs() < 1e-15);
        assert_eq!(standard_error(Metric::Accuracy, &values[..1], 1), None);
        assert_eq!(standard_error(Metric::Accuracy, &values, 0), None);
    }

    #[test]
    fn the_bootstrap_has_the_same_bits_on_any_number_of_threads() {
        let likelihoods: Vec<f64> = (0..97).map(|index| -f64::from(index % 13) / 3.0).collect();
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| bootstrap_perplexity(&likelihoods, 5000)).unwrap().to_bits()
        };
        assert_eq!(on(1), on(2));
        assert_eq!(on(1), on(3));
    }

    fn golden_json(file: &str) -> serde_json::Value {
        let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
        serde_json::from_str(&std::fs::read_to_string(golden.join(file)).unwrap()).unwrap()
    }

    #[test]
    fn a_bootstrap_is_the_harness_own() {
        let numbers = golden_json("numbers.json");
        let values: Vec<f64> = serde_json::from_value(numbers["likelihoods"].clone()).unwrap();
        // Sums may be rounded otherwise.
        for (iterations, theirs) in numbers["bootstrap"].as_object().unwrap() {
            let (ours, theirs) = (
                bootstrap_perplexity(&values, iterations.parse().unwrap()).unwrap(),
                theirs.as_f64().unwrap(),
            );
            assert!((ours - theirs).abs() <= 1e-10 * theirs, "{iterations}: {ours:?} and {theirs:?}");
        }
    }
}
