//! Which run is made next: those of the first seeds before others, so that pairs are complete early; a trunk before
//! what branches off it; the longest first. Pure: it starts nothing.

use std::path::PathBuf;

/// A run that is to be made.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// Its name.
    pub name: String,
    /// Its recipe file.
    pub recipe: PathBuf,
    /// Its folder.
    pub folder: PathBuf,
    /// The checkpoint of another run that it begins at.
    pub branch_from: Option<PathBuf>,
    /// The job that has to be done before, by its index.
    pub after: Option<usize>,
    /// Tokens of all its stages.
    pub tokens: u64,
    /// How long it takes, in any unit.
    pub cost: f64,
    /// Which seed it is of, in their order.
    pub round: usize,
    /// Whether others may wait for it.
    pub is_trunk: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Running,
    Done,
}

/// Jobs, some of which run.
#[derive(Debug)]
pub(crate) struct Queue<'a> {
    jobs: &'a [Job],
    states: Vec<State>,
}

impl<'a> Queue<'a> {
    /// All are waiting.
    pub(crate) fn new(jobs: &'a [Job]) -> Self {
        Self { jobs, states: vec![State::Waiting; jobs.len()] }
    }

    /// Takes the next one that can begin now.
    pub(crate) fn take(&mut self) -> Option<usize> {
        let can_begin = |index: &usize| {
            let is_ready = self.jobs[*index].after.is_none_or(|before| self.states[before] == State::Done);
            self.states[*index] == State::Waiting && is_ready
        };
        let order = |one: &usize, two: &usize| {
            let [one, two] = [one, two].map(|index| &self.jobs[*index]);
            one.round
                .cmp(&two.round)
                .then(two.is_trunk.cmp(&one.is_trunk))
                .then(two.cost.total_cmp(&one.cost))
        };
        let next = (0..self.jobs.len()).filter(can_begin).min_by(order)?;
        self.states[next] = State::Running;
        Some(next)
    }

    /// One has come to its end.
    pub(crate) fn done(&mut self, index: usize) {
        self.states[index] = State::Done;
    }
}

/// When all are done, so many at a time, in the unit of their costs.
pub(crate) fn makespan(jobs: &[Job], at_once: usize) -> f64 {
    let mut queue = Queue::new(jobs);
    let (mut running, mut now): (Vec<(f64, usize)>, f64) = (Vec::new(), 0.0);
    loop {
        while running.len() < at_once
            && let Some(next) = queue.take()
        {
            running.push((now + jobs[next].cost, next));
        }
        let first = running.iter().enumerate().min_by(|(_, one), (_, two)| one.0.total_cmp(&two.0));
        let Some((place, _)) = first else { return now };
        let (end, index) = running.swap_remove(place);
        now = end;
        queue.done(index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(round: usize, cost: f64, after: Option<usize>, is_trunk: bool) -> Job {
        Job {
            name: String::new(),
            recipe: PathBuf::new(),
            folder: PathBuf::new(),
            branch_from: None,
            after,
            tokens: 0,
            cost,
            round,
            is_trunk,
        }
    }

    /// Two cells of each seed, of which one branches off a trunk.
    fn jobs() -> Vec<Job> {
        let of_seed = |round: usize| {
            let trunk = 3 * round;
            [job(round, 2.0, None, true), job(round, 3.0, Some(trunk), false), job(round, 5.0, None, false)]
        };
        (0..2).flat_map(of_seed).collect()
    }

    #[test]
    fn trunks_come_first_and_nothing_before_its_trunk() {
        let jobs = jobs();
        let mut queue = Queue::new(&jobs);
        assert_eq!((queue.take(), queue.take()), (Some(0), Some(2)));
        // The other of this seed waits, so the next seed begins.
        assert_eq!(queue.take(), Some(3));
        queue.done(0);
        assert_eq!((queue.take(), queue.take(), queue.take()), (Some(1), Some(5), None));
        queue.done(3);
        assert_eq!((queue.take(), queue.take()), (Some(4), None));
    }

    #[test]
    fn all_is_done_when_the_last_is() {
        let jobs = jobs();
        // Two at a time: 0 and 2; at 2 comes 1, at 5 come 3 and 5, at 7 comes 4.
        for (at_once, expected) in [(1, 20.0), (2, 10.0), (100, 5.0)] {
            assert!((makespan(&jobs, at_once) - expected).abs() < 1e-9, "{at_once} at a time");
        }
        assert!(makespan(&[], 2).abs() < 1e-9);
    }
}
