//! The benchmarks that there are, and the groups that sum some of them up. Each has a file in `tasks/`: a screen of
//! data and a function that says what a document asks. Definitions are those of lm-evaluation-harness 0.4.13, written
//! anew.

pub(crate) mod task;

mod lambada;
mod arc;
mod logiqa;
mod piqa;
mod sciq;
mod winogrande;
mod detokenizer;
mod wikitext;

mod hellaswag;
mod truthfulqa;
mod mmlu;
mod boolq;
mod openbookqa;

use std::sync::LazyLock;

use crate::error::EvalError;

pub use mmlu::{GROUPS, Group};
pub use task::{Dataset, Examples, Gold, Item, Metric, OutputType, Split, Task, Text, Wording};

/// The version of lm-evaluation-harness whose definitions these are.
pub(crate) const HARNESS_VERSION: &str = "0.4.13";

/// The eight benchmarks of "Stacking Your Transformers", Lambada in both its forms.
pub const PAPER_TASKS: [&str; 9] = [
    "lambada_openai",
    "lambada_standard",
    "arc_easy",
    "arc_challenge",
    "logiqa",
    "piqa",
    "sciq",
    "winogrande",
    "wikitext",
];

/// All benchmarks.
pub static TASKS: LazyLock<Vec<&'static Task>> = LazyLock::new(|| {
    let single = [
        &lambada::OPENAI,
        &lambada::STANDARD,
        &arc::EASY,
        &arc::CHALLENGE,
        &logiqa::LOGIQA,
        &piqa::PIQA,
        &sciq::SCIQ,
        &winogrande::WINOGRANDE,
        &wikitext::WIKITEXT,
        &hellaswag::HELLASWAG,
        &truthfulqa::MC1,
        &truthfulqa::MC2,
        &boolq::BOOLQ,
        &openbookqa::OPENBOOKQA,
    ];
    single.into_iter().chain(mmlu::SUBJECTS.iter()).collect()
});

/// Tasks, and the groups that they were named by.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// The tasks in the order in which they were named, each once.
    pub tasks: Vec<&'static Task>,
    /// The groups, the smaller ones before those that they are part of.
    pub groups: Vec<&'static Group>,
}

impl Selection {
    /// The tasks of these names; a group's name stands for all of its tasks.
    ///
    /// ```
    /// use outgrow_eval::Selection;
    ///
    /// assert_eq!(Selection::named(&["arc_easy", "piqa"])?.tasks.len(), 2);
    /// assert_eq!(Selection::named(&["mmlu"])?.tasks.len(), 57);
    /// let misspelt = Selection::named(&["arc-easy"]).unwrap_err().to_string();
    /// assert_eq!(misspelt, r#"no task "arc-easy"; nearest: arc_easy"#);
    /// # Ok::<(), outgrow_eval::EvalError>(())
    /// ```
    ///
    /// # Errors
    /// [`EvalError::NoTasks`] for no name at all, [`EvalError::UnknownTask`] for each name that is neither a task nor a
    /// group.
    pub fn named<Name: AsRef<str>>(names: &[Name]) -> Result<Self, EvalError> {
        if names.is_empty() {
            return Err(EvalError::NoTasks);
        }
        let mut selection = Self::default();
        let found = names.iter().map(|name| {
            let name = name.as_ref().trim();
            if let Some(task) = TASKS.iter().find(|task| task.name == name) {
                selection.tasks.push(task);
                return Ok(());
            }
            let group = GROUPS.iter().find(|group| group.name == name);
            let group =
                group.ok_or_else(|| EvalError::UnknownTask { name: name.into(), nearest: nearest(name) })?;
            selection.tasks.extend(group.tasks());
            selection.groups.extend(GROUPS.iter().filter(|other| other.is_within(group)));
            Ok(())
        });
        EvalError::collect(found)?;
        let mut seen = std::collections::HashSet::new();
        selection.tasks.retain(|task| seen.insert(task.name));
        selection.groups =
            GROUPS.iter().filter(|group| selection.groups.iter().any(|own| own.name == group.name)).collect();
        Ok(selection)
    }
}

/// The names that take the fewest edits, or hardly more; five at most.
fn nearest(name: &str) -> Vec<&'static str> {
    let name = name.to_lowercase();
    let names = TASKS.iter().map(|task| task.name).chain(GROUPS.iter().map(|group| group.name));
    // Part of a name is nearer than one with letters exchanged; of a longer name its nearest beginning counts first.
    let distance = |known: &str| if known.contains(&name) { (0, 0) } else { edits(&name, known) };
    let mut ranked: Vec<_> = names.map(|known| (distance(known), known)).collect();
    ranked.sort_unstable();
    let farthest = ranked.first().map_or(0, |((edits, _), _)| edits + 1);
    ranked.into_iter().filter(|((edits, _), _)| *edits <= farthest).take(5).map(|(_, known)| known).collect()
}

/// Levenshtein's distance, row by row: to the nearest beginning, and to the whole.
fn edits(from: &str, to: &str) -> (usize, usize) {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, character) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for column in 0..to.len() {
            let exchanged = diagonal + usize::from(to[column] != character);
            diagonal = row[column + 1];
            row[column + 1] = exchanged.min(diagonal + 1).min(row[column] + 1);
        }
    }
    (row.iter().copied().min().unwrap_or(0), row[to.len()])
}
