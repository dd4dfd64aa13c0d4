//! Which runs begin alike, so that their beginning is trained once: a trunk, off which they branch. Here are groups of
//! beginnings and where each ends; what a trunk's recipe is, and who trains it, the matrix knows.

use outgrow_schedules::LearningRate;

/// A trunk has at most so many checkpoints. What would need more is shared by fewer.
const MOST_CHECKPOINTS: u64 = 50;

/// How a run begins: its first stage, where others could have the same.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FirstStage {
    /// All that decides its numbers but its rate and its length: two that share it have the same.
    pub key: String,
    /// Its rate.
    pub learning_rate: LearningRate,
    /// Its steps.
    pub steps: u64,
    /// Tokens of a step.
    pub step_tokens: u64,
}

/// Runs that begin alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    /// The run with the longest beginning, which the others' are parts of.
    pub longest: usize,
    /// All of them, in their order.
    pub members: Vec<usize>,
    /// Steps between two checkpoints; the end has one, too. `None` where all end at the end.
    pub interval_steps: Option<u64>,
    /// How many checkpoints that makes.
    pub checkpoints: u64,
}

/// The groups of two runs or more, by their longest beginnings. Those without a first stage share nothing.
pub(crate) fn groups(runs: &[Option<FirstStage>]) -> Vec<Group> {
    let mut ordered: Vec<(usize, &FirstStage)> =
        runs.iter().enumerate().filter_map(|(index, first)| Some((index, first.as_ref()?))).collect();
    // The longest first, so that the first of a group is the one that the others are parts of.
    ordered.sort_by_key(|(index, first)| (std::cmp::Reverse(first.steps), *index));
    let mut groups: Vec<Vec<(usize, &FirstStage)>> = Vec::new();
    for (index, first) in ordered {
        match groups.iter_mut().find(|group| first.is_part_of(group[0].1)) {
            Some(group) => group.push((index, first)),
            None => groups.push(vec![(index, first)]),
        }
    }
    let mut found: Vec<Group> = groups.into_iter().flat_map(with_few_checkpoints).collect();
    found.sort_by_key(|group| group.members[0]);
    found
}

impl FirstStage {
    /// Whether this is what another one begins with.
    fn is_part_of(&self, other: &Self) -> bool {
        let has_its_rates = || {
            let tokens = (1..=self.steps).map(|step| step * self.step_tokens);
            self.learning_rate == other.learning_rate
                || tokens
                    .map(|tokens| [self, other].map(|one| one.learning_rate.at(tokens).to_bits()))
                    .all(|[one, two]| one == two)
        };
        self.key == other.key && self.steps <= other.steps && has_its_rates()
    }
}

/// A group as one trunk or as several. The shortest beginnings are the ones to leave: they save least, and such as one
/// of a single step asks for a checkpoint at every step.
fn with_few_checkpoints(mut group: Vec<(usize, &FirstStage)>) -> Vec<Group> {
    let mut left = Vec::new();
    let mut found = Vec::new();
    while group.len() > 1 {
        let last = group[0].1.steps;
        let inner = group.iter().map(|(_, first)| first.steps).filter(|steps| *steps < last);
        let interval = inner.reduce(greatest_common_divisor);
        let checkpoints = interval.map_or(1, |interval| (last - 1) / interval + 1);
        if checkpoints <= MOST_CHECKPOINTS {
            let longest = group[0].0;
            let mut members: Vec<usize> = group.iter().map(|(index, _)| *index).collect();
            members.sort_unstable();
            found.push(Group { longest, members, interval_steps: interval, checkpoints });
            break;
        }
        left.extend(group.pop());
    }
    if left.len() > 1 {
        left.reverse();
        found.extend(with_few_checkpoints(left));
    }
    found
}

fn greatest_common_divisor(one: u64, two: u64) -> u64 {
    if two == 0 { one } else { greatest_common_divisor(two, one % two) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "as groups are made of them")]
    fn first(key: &str, steps: u64, horizon_tokens: u64) -> Option<FirstStage> {
        let learning_rate =
            LearningRate { peak: 1.0, minimum: 0.1, warmup_tokens: 20, horizon_tokens, ..LearningRate::NONE };
        Some(FirstStage { key: key.to_owned(), learning_rate, steps, step_tokens: 10 })
    }

    fn members(runs: &[Option<FirstStage>]) -> Vec<(Vec<usize>, Option<u64>, u64)> {
        groups(runs)
            .into_iter()
            .map(|group| (group.members, group.interval_steps, group.checkpoints))
            .collect()
    }

    #[test]
    fn runs_that_begin_alike_share_a_trunk_and_others_do_not() {
        let runs = [
            first("a", 10, 200),
            None,
            first("a", 40, 200),
            first("b", 40, 200),
            first("a", 10, 100),
            first("b", 40, 200),
        ];
        assert_eq!(members(&runs), [(vec![0, 2], Some(10), 4), (vec![3, 5], None, 1)]);
        assert_eq!(members(&[None, first("a", 1, 50)]), []);
    }

    #[test]
    fn rates_that_are_written_otherwise_are_the_same_where_their_steps_have_the_same() {
        // Both have come no further than the warm-up.
        assert_eq!(members(&[first("a", 2, 100), first("a", 6, 200)]), [(vec![0, 1], Some(2), 3)]);
        assert_eq!(members(&[first("a", 3, 100), first("a", 6, 200)]), []);
    }

    #[test]
    fn a_beginning_of_one_step_is_no_reason_for_a_checkpoint_at_each() {
        let lengths = [1, 5, 10, 20, 40, 60, 80, 100];
        let runs: Vec<_> = lengths.iter().map(|steps| first("a", *steps, 2000)).collect();
        assert_eq!(members(&runs), [(vec![1, 2, 3, 4, 5, 6, 7], Some(5), 20)]);
        // Those that are left have a trunk of their own.
        let runs: Vec<_> = [1, 2, 60, 120].iter().map(|steps| first("a", *steps, 2000)).collect();
        assert_eq!(members(&runs), [(vec![0, 1], Some(1), 2), (vec![2, 3], Some(60), 2)]);
    }

    #[test]
    fn every_run_is_in_one_group_at_most_and_finds_a_checkpoint_where_its_beginning_ends() {
        // Drawn by a generator that needs no crate: any will do.
        let mut state = 1_u64;
        let mut draw = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for _ in 0..300 {
            let runs: Vec<_> = (0..draw(20))
                .map(|_| {
                    first(["a", "b", "c"][draw(3) as usize], 1 + draw(400), [5000, 6000][draw(2) as usize])
                })
                .collect();
            let groups = groups(&runs);
            let mut all: Vec<usize> = groups.iter().flat_map(|group| group.members.clone()).collect();
            let count = all.len();
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), count);
            for Group { longest, members, interval_steps, checkpoints } in groups {
                assert!(members.len() > 1 && checkpoints <= MOST_CHECKPOINTS);
                let trunk = runs[longest].as_ref().unwrap();
                for member in members {
                    let member = runs[member].as_ref().unwrap();
                    assert!(member.is_part_of(trunk));
                    let is_saved =
                        interval_steps.is_some_and(|interval| member.steps.is_multiple_of(interval));
                    assert!(member.steps == trunk.steps || is_saved);
                }
            }
        }
    }
}
