//! How learning rates are chosen before an experiment begins: a few values, on seeds that don't count, and further ones
//! where the best is at the edge of what was tried. It runs nothing.

use std::{collections::BTreeMap, path::PathBuf};

use outgrow_report::{Sweep, SweepRun};

use crate::experiment::definition::{Definition, SweepDefinition};

/// None that an experiment counts, unless somebody asks for a thousand.
const SEEDS: [u64; 2] = [1001, 1002];
/// How many times a sweep goes on beyond its edge.
const MOST_EXTENSIONS: usize = 2;

/// A sweep that is going on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RunningSweep {
    /// What is chosen.
    pub name: String,
    /// The kind of run that is tried.
    pub kind: String,
    /// The shape's own rate, which factors multiply.
    rate: f64,
    /// Rising.
    factors: Vec<f64>,
    extensions: usize,
    /// The final loss of each run that is done, by factor and seed, in their order.
    losses: Vec<(f64, u64, f64)>,
}

impl RunningSweep {
    /// The sweeps of a definition, with the kind that each tries; `rate_of` says the rate of a kind's shape.
    pub(crate) fn all(definition: &Definition, kinds: &[String], rate_of: impl Fn(&str) -> f64) -> Vec<Self> {
        let running = |(sweep, kind): (&SweepDefinition, &String)| Self {
            name: sweep.name.clone(),
            kind: kind.clone(),
            rate: rate_of(kind),
            factors: sweep.factors.clone(),
            extensions: 0,
            losses: Vec::new(),
        };
        definition.sweeps.iter().zip(kinds).map(running).collect()
    }

    /// All runs so far: factor, seed and folder.
    pub(crate) fn runs(&self) -> impl Iterator<Item = (f64, u64, PathBuf)> {
        self.factors.iter().flat_map(move |factor| {
            SEEDS.iter().map(move |seed| (*factor, *seed, self.folder(*factor, *seed).into()))
        })
    }

    /// The factors of all sweeps where this one tries `factor`: the others have not chosen yet.
    pub(crate) fn rate_factors(&self, factor: f64) -> BTreeMap<String, f64> {
        BTreeMap::from([(self.name.clone(), factor)])
    }

    /// Takes what a run came to. One that diverged has no loss, and is worse than any.
    pub(crate) fn add(&mut self, factor: f64, seed: u64, loss: Option<f64>) {
        self.losses.retain(|(one, of, _)| !is(*one, factor) || *of != seed);
        self.losses.push((factor, seed, loss.filter(|loss| loss.is_finite()).unwrap_or(f64::INFINITY)));
    }

    /// Goes on beyond the edge where the best factor lies there. Gives whether there is more to run.
    pub(crate) fn extend(&mut self) -> bool {
        let (Some(best), [first, second, ..], [.., last_but_one, last]) =
            (self.best(), self.factors.as_slice(), self.factors.as_slice())
        else {
            return false;
        };
        if self.extensions == MOST_EXTENSIONS {
            return false;
        }
        let beyond_first = is(best, *first).then(|| first * first / second);
        let beyond_last = is(best, *last).then(|| last * last / last_but_one);
        let Some(beyond) = beyond_first.or(beyond_last) else { return false };
        self.extensions += 1;
        self.factors.push(beyond);
        self.factors.sort_by(f64::total_cmp);
        true
    }

    /// The factor with the lowest mean of losses, when all its runs are done.
    pub(crate) fn best(&self) -> Option<f64> {
        let mean = |factor: f64| {
            let losses: Vec<f64> =
                self.losses.iter().filter(|(one, ..)| is(*one, factor)).map(|(.., loss)| *loss).collect();
            (losses.len() == SEEDS.len()).then(|| losses.iter().sum::<f64>() / losses.len() as f64)
        };
        let means = self.factors.iter().map(|factor| Some((mean(*factor)?, *factor)));
        let means: Vec<(f64, f64)> = means.collect::<Option<_>>()?;
        means.into_iter().min_by(|one, two| one.0.total_cmp(&two.0)).map(|(_, factor)| factor)
    }

    /// As experiment.json has it.
    pub(crate) fn to_description(&self) -> Sweep {
        let run = |(factor, seed, _): (f64, u64, PathBuf)| SweepRun {
            value: self.value(factor),
            seed,
            folder: self.folder(factor, seed),
        };
        Sweep {
            name: self.name.clone(),
            kind: self.kind.clone(),
            runs: self.runs().map(run).collect(),
            chosen: self.best().map(|factor| self.value(factor)),
        }
    }

    /// The peak learning rate, without the last bits of a product.
    fn value(&self, factor: f64) -> f64 {
        format!("{:.6e}", self.rate * factor).parse().expect("a number is one")
    }

    fn folder(&self, factor: f64, seed: u64) -> String {
        format!("sweeps/{}-{:e}-seed-{seed}", self.name, self.value(factor))
    }
}

/// Factors are told apart by what they are and not by what was computed with them.
fn is(one: f64, two: f64) -> bool {
    one.total_cmp(&two).is_eq()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sweep() -> RunningSweep {
        let definition: Definition = toml::from_str(
            "name = 'x'\ntitle = 'x'\ndescription = 'x'\ncells = []\n\
             [[sweeps]]\nname = 'scratch_rate'\nkind = 'scratch'\nfactors = [0.5, 1, 2]",
        )
        .unwrap();
        RunningSweep::all(&definition, &["scratch".to_owned()], |_| 4e-3).remove(0)
    }

    /// Runs a sweep whose losses are a parabola in the logarithm of the factor, to its end.
    fn ran(best: f64) -> RunningSweep {
        let mut sweep = sweep();
        loop {
            for (factor, seed, _) in sweep.runs().collect::<Vec<_>>() {
                sweep.add(factor, seed, Some((factor / best).ln().powi(2)));
            }
            if !sweep.extend() {
                return sweep;
            }
        }
    }

    #[test]
    fn the_best_value_is_chosen_from_within() {
        let sweep = ran(1.1);
        assert_eq!((sweep.best(), sweep.factors.len()), (Some(1.0), 3));
    }

    #[test]
    fn a_sweep_goes_on_beyond_its_edge_and_ends() {
        assert_eq!(ran(4.0).best(), Some(4.0));
        assert_eq!(ran(4.0).factors, [0.5, 1.0, 2.0, 4.0, 8.0]);
        assert_eq!(ran(0.2).factors, [0.125, 0.25, 0.5, 1.0, 2.0]);
        // Farther than it goes.
        assert_eq!(ran(100.0).best(), Some(8.0));
    }

    #[test]
    fn nothing_is_chosen_before_all_is_done() {
        let mut sweep = sweep();
        sweep.add(1.0, SEEDS[0], Some(1.0));
        assert_eq!(sweep.to_description().chosen, None);
        assert!(!sweep.extend());
    }

    #[test]
    fn a_run_that_diverged_is_never_chosen() {
        let mut sweep = sweep();
        for (factor, seed, _) in sweep.runs().collect::<Vec<_>>() {
            sweep.add(factor, seed, (factor < 2.0).then_some(5.0 - factor));
        }
        assert_eq!(sweep.to_description().chosen, Some(4e-3));
    }
}
