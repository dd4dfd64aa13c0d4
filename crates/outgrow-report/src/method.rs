//! Which runs belong together: the seeds of one method. Names of methods that the papers gave are spelt as they spell them.

use std::collections::BTreeMap;

use crate::error::ReportError;
use crate::record::RunRecord;

/// The method that the others are measured against.
pub(crate) const BASELINE: &str = "scratch";

/// The runs of one method that differ in their seed only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    /// What a reader calls it.
    pub label: String,
    /// The word in `run.json`.
    pub method: String,
    /// Places of its runs in the list, by seed.
    pub runs: Vec<usize>,
}

/// Groups by method and by the name without its seed, in order of first appearance.
///
/// # Errors
/// Two runs of one group with the same seed.
pub(crate) fn group(runs: &[RunRecord]) -> Result<Vec<Group>, ReportError> {
    let mut keys: Vec<(&str, &str)> = Vec::new();
    let mut members: BTreeMap<(&str, &str), BTreeMap<u64, usize>> = BTreeMap::new();
    for (index, run) in runs.iter().enumerate() {
        let key = (run.method.as_str(), name_without_seed(&run.name, run.seed));
        if !keys.contains(&key) {
            keys.push(key);
        }
        if let Some(first) = members.entry(key).or_default().insert(run.seed, index) {
            return Err(ReportError::SameRun {
                first: runs[first].folder.clone(),
                second: run.folder.clone(),
                seed: run.seed,
            });
        }
    }
    let label = |method: &str, variant: &str| {
        let alone = keys.iter().filter(|key| key.0 == method).count() == 1;
        if alone || variant == method {
            spelt(method).to_owned()
        } else {
            format!("{} ({variant})", spelt(method))
        }
    };
    Ok(keys
        .iter()
        .map(|&(method, variant)| Group {
            label: label(method, variant),
            method: method.to_owned(),
            runs: members[&(method, variant)].values().copied().collect(),
        })
        .collect())
}

/// How the papers, or a sentence, spell a method.
fn spelt(method: &str) -> &str {
    match method {
        BASELINE => "Scratch",
        "g-stack" => "G_stack",
        "stacking2" => "Stacking 2.0",
        "stages" => "Stages",
        other => other,
    }
}

/// `g-stack-seed-3`, `g-stack-s3` and `g-stack-3` with seed 3 are all `g-stack`; a name that doesn't end so is left whole.
fn name_without_seed(name: &str, seed: u64) -> &str {
    const SEPARATORS: [char; 6] = ['-', '_', '.', '/', '=', ' '];
    let Some(front) = name.strip_suffix(&seed.to_string()) else { return name };
    let bare = front.trim_end_matches(SEPARATORS);
    let without_word = ["seed", "s"]
        .iter()
        .find_map(|word| bare.strip_suffix(word).filter(|rest| rest.ends_with(SEPARATORS)))
        .unwrap_or(bare);
    // `stacking2` with seed 2 has no separator: the 2 belongs to the name.
    if without_word.len() == front.len() || without_word.is_empty() {
        return name;
    }
    without_word.trim_end_matches(SEPARATORS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_at_the_end_of_a_name_is_not_part_of_the_variant() {
        for name in
            ["g-stack-seed-3", "g-stack-seed3", "g-stack-s3", "g-stack-3", "g-stack/seed=3", "g-stack"]
        {
            assert_eq!(name_without_seed(name, 3), "g-stack", "{name}");
        }
    }

    #[test]
    fn a_number_that_belongs_to_the_name_stays() {
        assert_eq!(name_without_seed("stacking2", 2), "stacking2");
        assert_eq!(name_without_seed("stacking2-seed-2", 2), "stacking2");
        assert_eq!(name_without_seed("7", 7), "7");
        assert_eq!(name_without_seed("growths-3", 3), "growths");
    }
}
