//! Which runs belong together: the seeds of one method. Names of methods that the papers gave are spelt as they spell
//! them.

use crate::{
    error::ReportError,
    report::mismatch::mismatches,
    run::{BASELINE, CONTINUED, record::RunRecord},
};

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

impl Group {
    /// The last validation losses of its runs, of those that have one.
    pub(crate) fn final_losses(&self, runs: &[RunRecord]) -> Vec<f64> {
        self.runs.iter().filter_map(|&index| runs[index].final_point()).map(|point| point.loss).collect()
    }
}

/// Groups by method and by the name without its seed, in order of first appearance. Runs of one name that can't be
/// compared, because they were measured on different data, say, are groups of their own.
///
/// # Errors
/// Two runs of one group with the same seed.
pub(crate) fn group(runs: &[RunRecord]) -> Result<Vec<Group>, ReportError> {
    let key = |index: usize| {
        let run: &RunRecord = &runs[index];
        (run.method.as_str(), name_without_seed(&run.name, run.seed))
    };
    let mut members: Vec<Vec<usize>> = Vec::new();
    for (index, run) in runs.iter().enumerate() {
        let belongs = |group: &&mut Vec<usize>| {
            let is_comparable = |&other: &usize| mismatches(run, &runs[other]).is_empty();
            key(group[0]) == key(index) && group.iter().all(is_comparable)
        };
        let Some(group) = members.iter_mut().find(belongs) else {
            members.push(vec![index]);
            continue;
        };
        if let Some(&first) = group.iter().find(|&&other| runs[other].seed == run.seed) {
            return Err(ReportError::SameRun {
                first: runs[first].folder.clone(),
                second: run.folder.clone(),
                seed: run.seed,
            });
        }
        group.push(index);
    }
    let label = |(method, variant): (&str, &str)| {
        let is_other = |group: &Vec<usize>| key(group[0]).0 == method && key(group[0]).1 != variant;
        if variant == method || !members.iter().any(is_other) {
            spelt(method).to_owned()
        } else {
            format!("{} ({variant})", spelt(method))
        }
    };
    let group = |members: &Vec<usize>| {
        let mut runs_by_seed = members.clone();
        runs_by_seed.sort_by_key(|&index| runs[index].seed);
        let key = key(members[0]);
        Group { label: label(key), method: key.0.to_owned(), runs: runs_by_seed }
    };
    Ok(members.iter().map(group).collect())
}

/// Says in the labels which groups were measured differently than the one that the others are held against, and tells
/// apart those of one name.
pub(crate) fn distinguish(groups: &mut [Group], reference: usize, runs: &[RunRecord]) {
    let labels: Vec<String> = groups.iter().map(|group| group.label.clone()).collect();
    for index in 0..groups.len() {
        let is_alone = labels.iter().filter(|label| **label == labels[index]).count() == 1;
        let (run, of_reference) = (&runs[groups[index].runs[0]], &runs[groups[reference].runs[0]]);
        let mismatches = mismatches(run, of_reference);
        let said = mismatches.iter().find(|mismatch| !is_alone || mismatch.kind.is_of_the_measure());
        if let Some(mismatch) = said {
            groups[index].label = format!("{} ({})", labels[index], mismatch.kind.words());
        }
        // A third of its kind.
        let same = groups[..index].iter().filter(|other| other.label == groups[index].label).count();
        if same > 0 {
            groups[index].label = format!("{} {}", groups[index].label, same + 1);
        }
    }
}

/// How the papers, or a sentence, spell a method.
fn spelt(method: &str) -> &str {
    match method {
        BASELINE => "Scratch",
        "g-stack" => "G_stack",
        "stacking2" => "Stacking 2.0",
        "stages" => "Stages",
        CONTINUED => "Continued",
        other => other,
    }
}

/// `g-stack-seed-3`, `g-stack-s3` and `g-stack-3` with seed 3 are all `g-stack`; a name that doesn't end so is left
/// whole.
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
