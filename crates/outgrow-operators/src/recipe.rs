//! Growth recipes on disk: our own in TOML, a list of growths one after the other, and mergekit's passthrough in YAML.
//! It knows nothing of the model that they are for.

pub(crate) mod mergekit;
pub(crate) mod yaml;

use std::{
    fs::File,
    io::{self, Read},
    ops::Range,
    path::{Path, PathBuf},
};

use outgrow_checkpoint::{Problems, io_error};
use serde::Serialize;
use toml::{
    Spanned, Table, Value,
    de::{DeTable, DeValue},
};

pub use self::mergekit::{Passthrough, PassthroughDtypes, Scale, Slice};
use crate::{
    error::GrowthError,
    growth::{
        Growth,
        spelled::{KEYS, Misfit, Misfits, SIZES, Spelled, Word},
    },
};

/// A recipe is written by a person; a file beyond this is something else.
const LARGEST_BYTES: u64 = 1 << 20;
const STEPS: &str = "steps";
const OPERATOR: &str = "operator";
const WIDTH: &str = "width";

/// Why a file is no recipe.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecipeFileError {
    /// The operating system refused, or the file is no text.
    #[error("{}: cannot read", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Too long for a recipe.
    #[error("{}: longer than {LARGEST_BYTES} bytes: expected a recipe", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// Neither kind of recipe.
    #[error("{}: expected a recipe that ends in .toml (outgrow's) or in .yml or .yaml (mergekit's)", path.display())]
    Extension {
        /// The file.
        path: PathBuf,
    },
    /// The matrices that a recipe names.
    #[error(transparent)]
    Matrices(#[from] GrowthError),
    /// A recipe with something wrong in it.
    #[error("{}: {problems}", path.display())]
    Recipe {
        /// The file.
        path: PathBuf,
        /// All that is wrong, each with its line.
        problems: Problems,
    },
}

impl RecipeFileError {
    /// Whether what the user gave is at fault and can be mended: all but what the operating system refuses for reasons
    /// of its own.
    pub fn is_input(&self) -> bool {
        match self {
            Self::Io { source, .. } => io_error::is_input(source),
            Self::Matrices(error) => error.is_input(),
            Self::TooLong { .. } | Self::Extension { .. } | Self::Recipe { .. } => true,
        }
    }

    /// Whether a disk is full, which a recipe isn't written to.
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::Io { source, .. } => io_error::is_disk_full(source),
            Self::Matrices(error) => error.is_disk_full(),
            Self::TooLong { .. } | Self::Extension { .. } | Self::Recipe { .. } => false,
        }
    }
}

/// A recipe of either kind.
#[derive(Clone, Debug, PartialEq)]
pub enum RecipeFile {
    /// Outgrow's own.
    Steps(GrowthRecipe),
    /// mergekit's.
    Passthrough(Passthrough),
}

/// Growths, one after the other.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GrowthRecipe {
    /// At least one.
    pub steps: Vec<Growth>,
}

impl RecipeFile {
    /// Reads a recipe and the matrices that it names; what its name ends in says of which kind it is. Paths in it are
    /// taken from its folder.
    ///
    /// # Errors
    /// When a file can't be read, or with all that is wrong in the recipe.
    pub fn read(path: &Path) -> Result<Self, RecipeFileError> {
        let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        let read = match &*extension {
            "toml" => |text: &str, folder: &Path| GrowthRecipe::parse(text, folder).map(Self::Steps),
            "yml" | "yaml" => |text: &str, _: &Path| Passthrough::parse(text).map(Self::Passthrough),
            _ => return Err(RecipeFileError::Extension { path: path.to_owned() }),
        };
        let text = read_text(path)?;
        let recipe = read(&text, path.parent().unwrap_or(Path::new("")))
            .map_err(|problems| RecipeFileError::Recipe { path: path.to_owned(), problems })?;
        match recipe {
            Self::Steps(GrowthRecipe { steps }) => {
                let steps = steps.into_iter().map(Growth::read_matrices).collect::<Result<_, _>>()?;
                Ok(Self::Steps(GrowthRecipe { steps }))
            }
            passthrough @ Self::Passthrough(_) => Ok(passthrough),
        }
    }
}

impl GrowthRecipe {
    /// Reads a recipe from a text; paths in it are taken from `folder`.
    ///
    /// # Errors
    /// All that is wrong, each with its line.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, Problems> {
        let lines = Lines(text);
        let not_toml = |error: toml::de::Error| Problems(vec![lines.say(error.span(), &one_line(&error))]);
        let mut table = text.parse::<Table>().map_err(not_toml)?;
        let spans = DeTable::parse(text).map_err(not_toml)?;
        let mut problems = Vec::new();
        for key in spans.get_ref().keys().filter(|key| key.get_ref() != STEPS) {
            let name = key.get_ref().escape_debug();
            problems.push(lines.say(Some(key.span()), &format!("unknown key `{name}`: expected {STEPS}")));
        }
        let step_spans = spans.get_ref().get(STEPS).and_then(|steps| steps.get_ref().as_array());
        let values = match table.remove(STEPS) {
            Some(Value::Array(values)) => values,
            Some(other) => {
                let span = spans.get_ref().get(STEPS).map(Spanned::span);
                let problem = format!("{STEPS} is of type {}; expected [[{STEPS}]]", other.type_str());
                problems.push(lines.say(span, &problem));
                Vec::new()
            }
            None => Vec::new(),
        };
        let mut steps = Vec::new();
        for (value, span) in values.into_iter().zip(step_spans.into_iter().flat_map(|spans| spans.iter())) {
            match read_step(value) {
                Ok(step) => steps.push(step.beside(folder)),
                Err(found) => {
                    let placed = found.into_iter().map(|(key, problem)| {
                        let at = key.as_ref().and_then(|key| key_span(span.get_ref(), key));
                        // A problem that names its key already says it with backticks.
                        let of = key.filter(|key| !problem.contains(&format!("{key}`")));
                        let of = of.map(|key| format!("{key}: ")).unwrap_or_default();
                        (at.unwrap_or(span.span()), format!("{of}{problem}"))
                    });
                    let mut placed: Vec<(Range<usize>, String)> = placed.collect();
                    placed.sort_by_key(|(at, _)| at.start);
                    problems.extend(placed.into_iter().map(|(at, problem)| lines.say(Some(at), &problem)));
                }
            }
        }
        if steps.is_empty() && problems.is_empty() {
            problems.push("no step: expected [[steps]] with an operator".to_owned());
        }
        if problems.is_empty() { Ok(Self { steps }) } else { Err(Problems(problems)) }
    }

    /// The recipe as [`GrowthRecipe::parse`] reads it.
    ///
    /// # Errors
    /// When a seed is beyond TOML's 64-bit signed numbers, or a path is no Unicode.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }
}

/// Places in a text.
#[derive(Clone, Copy)]
struct Lines<'a>(&'a str);

impl Lines<'_> {
    /// A problem with its line.
    fn say(self, span: Option<Range<usize>>, problem: &str) -> String {
        let start = span.map_or(0, |span| span.start);
        let line = 1 + self.0.bytes().take(start).filter(|byte| *byte == b'\n').count();
        format!("line {line}: {problem}")
    }
}

/// A step, or what is wrong with it: the key, where one is to blame, and the problem.
fn read_step(mut step: Value) -> Result<Growth, Vec<(Option<String>, String)>> {
    let Some(step) = step.as_table_mut() else {
        return Err(vec![(
            None,
            format!("a step is of type {}; expected a table with an operator", step.type_str()),
        )]);
    };
    let mut problems = take_unknown(step);
    let has_unknown = !problems.is_empty();
    // What has a wrong type is taken out and the rest read again, so that one problem doesn't hide another.
    let spelled = loop {
        match step.clone().try_into::<Spelled>() {
            Ok(spelled) => break spelled,
            Err(error) => {
                let problem = one_line(&error);
                let key = to_blame(step, &problem);
                let taken = key.as_ref().and_then(|key| take(step, key));
                // Without the operator nothing more can be said.
                let is_last = taken.is_none() || key.as_deref() == Some(OPERATOR);
                problems.push((key, problem));
                if is_last {
                    return Err(problems);
                }
            }
        }
    };
    let misfits = match Growth::try_from(spelled) {
        Ok(growth) if problems.is_empty() => return Ok(growth),
        Ok(_) => Vec::new(),
        Err(Misfits(misfits)) => misfits,
    };
    let found = misfits.into_iter().filter_map(|misfit| match misfit {
        Misfit::Key { key, problem } => Some((Some(key.to_owned()), problem)),
        // What was taken out above, or is misspelt, isn't missing.
        Misfit::Missing { keys, problem } => {
            let is_there =
                |(key, _): &(Option<String>, _)| key.as_deref().is_some_and(|key| keys.contains(&key));
            (!has_unknown && !problems.iter().any(is_there)).then_some((None, problem))
        }
    });
    let found: Vec<_> = found.collect();
    Err(problems.into_iter().chain(found).collect())
}

/// Takes out what is no key of any step, or no size of a width.
fn take_unknown(step: &mut Table) -> Vec<(Option<String>, String)> {
    let word = step.get(OPERATOR).and_then(|word| word.clone().try_into::<Word>().ok());
    let expected = word.map_or_else(|| KEYS.to_vec(), Word::keys);
    let mut problems = Vec::new();
    let mut take = |table: &mut Table, known: &[&str], expected: &[&str]| {
        let unknown: Vec<String> =
            table.keys().filter(|key| !known.contains(&key.as_str())).cloned().collect();
        for key in unknown {
            table.remove(&key);
            let problem = format!("unknown field `{}`, expected {}", key.escape_debug(), one_of(expected));
            problems.push((Some(key), problem));
        }
    };
    take(step, &KEYS, &expected);
    if let Some(Value::Table(width)) = step.get_mut(WIDTH) {
        take(width, &SIZES, &SIZES);
    }
    problems
}

fn one_of(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match &names[..] {
        [one] => one.clone(),
        [one, other] => format!("{one} or {other}"),
        several => format!("one of {}", several.join(", ")),
    }
}

/// Takes out a key of a step, or of its width.
fn take(step: &mut Table, key: &str) -> Option<Value> {
    step.remove(key).or_else(|| step.get_mut(WIDTH)?.as_table_mut()?.remove(key))
}

/// The key without which the problem is another: serde doesn't say where it found a wrong type.
fn to_blame(step: &Table, problem: &str) -> Option<String> {
    let is_to_blame = |key: &&String| {
        let mut without = step.clone();
        take(&mut without, key);
        without.try_into::<Spelled>().map_or_else(|error| one_line(&error) != problem, |_| true)
    };
    let sizes = step.get(WIDTH).and_then(Value::as_table).into_iter().flat_map(Table::keys);
    // Without the operator every problem is another.
    let keys = sizes.chain(step.keys().filter(|key| *key != OPERATOR));
    keys.into_iter()
        .find(is_to_blame)
        .cloned()
        .or_else(|| step.contains_key(OPERATOR).then(|| OPERATOR.to_owned()))
}

/// Where a key stands in a step or in a table of it.
fn key_span(value: &DeValue<'_>, name: &str) -> Option<Range<usize>> {
    let table = value.as_table()?;
    let here = table.keys().find(|key| key.get_ref() == name).map(Spanned::span);
    here.or_else(|| table.values().find_map(|value| key_span(value.get_ref(), name)))
}

/// TOML's errors point into the text over several lines; this is the reason alone.
fn one_line(error: &toml::de::Error) -> String {
    error.message().replace(char::is_control, " ")
}

fn read_text(path: &Path) -> Result<String, RecipeFileError> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(LARGEST_BYTES + 1).read_to_string(&mut text));
    match read {
        Ok(bytes) if bytes as u64 > LARGEST_BYTES => Err(RecipeFileError::TooLong { path: path.to_owned() }),
        Ok(_) => Ok(text),
        Err(source) => Err(RecipeFileError::Io { path: path.to_owned(), source }),
    }
}
