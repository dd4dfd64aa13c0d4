//! Reading a recipe's file, with all of its problems in one message.

use std::{io::ErrorKind, path::Path};

use serde::de::DeserializeOwned;

use super::{
    ModelRecipe, Recipe, Setting,
    key_path::Section,
    keys::{Kind, RECIPE},
    words,
};
use crate::{
    error::{BadInput, Error, Result},
    problems::{Problem, Problems, Step},
};

/// Where a first recipe comes from.
const FIRST: &str = "`outgrow init SHARDS` writes two, docs/recipes has one for each method";

impl Recipe {
    /// Reads a recipe file; paths in it are taken from its folder.
    ///
    /// # Errors
    /// With all problems of the file in one message.
    pub fn read(path: &Path) -> Result<Self> {
        Self::read_with(path, &[])
    }

    /// The same with some keys set to other values than the file has. They are checked as if it had these.
    ///
    /// # Errors
    /// Likewise.
    pub(crate) fn read_with(path: &Path, settings: &[Setting]) -> Result<Self> {
        let text = text(path)?;
        let mut table = table(path, &text)?;
        for setting in settings {
            setting
                .apply(&mut table)
                .map_err(|problem| BadInput(format!("{}: {problem}", path.display())))?;
        }
        let of_file = |problems| Problems::of_file(path, &text, problems);
        let mut recipe = Self::taken(table).map_err(of_file)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        if let ModelRecipe::From(base) = &mut recipe.model {
            base.from = folder.join(&base.from);
        }
        recipe.data.training = folder.join(&recipe.data.training);
        recipe.data.validation = folder.join(&recipe.data.validation);
        if let Some(evaluation) = &mut recipe.evaluation {
            evaluation.data = folder.join(&evaluation.data);
        }
        for growth in recipe.schedule.growths_mut() {
            *growth = growth.clone().beside(folder);
        }
        Ok(recipe)
    }

    /// Takes a recipe out of a table, section by section, so that a problem in one doesn't hide those of another.
    ///
    /// # Errors
    /// All problems.
    pub fn from_table(table: toml::Table) -> Result<Self, Vec<String>> {
        Self::taken(table).map_err(|problems| problems.into_iter().map(|problem| problem.text).collect())
    }

    fn taken(mut table: toml::Table) -> Result<Self, Vec<Problem>> {
        let known: Vec<_> = RECIPE.keys.iter().map(|key| key.name).collect();
        let mut problems = misspelt(&mut table, &known);
        // Keys of its base would be asked for first, which a base from a folder makes no better.
        let has_base = table.get("model").is_some_and(|model| model.get("from").is_some());
        let method = table.get("schedule").and_then(|schedule| schedule.get("method"));
        let needs_no_base = has_base && method.and_then(toml::Value::as_str) == Some("random-mask");
        if needs_no_base {
            table.remove("schedule");
            problems.push(at_top("schedule", format!(": {}", draws_its_base("random-mask"))));
        }
        let name = take(&mut table, "name", &mut problems);
        let seed = take(&mut table, "seed", &mut problems);
        let device = take_optional(&mut table, "device", &mut problems);
        let dtype = take_optional(&mut table, "dtype", &mut problems);
        let evaluation = take_optional(&mut table, "evaluation", &mut problems);
        let model = take(&mut table, "model", &mut problems);
        let data = take(&mut table, "data", &mut problems);
        let schedule = if needs_no_base { None } else { take(&mut table, "schedule", &mut problems) };
        let training = take(&mut table, "training", &mut problems);
        problems.extend(table.keys().map(|key| at_top(key, format!(": {}", words::unknown(key, &known)))));
        match (name, seed, model, data, schedule, training) {
            (Some(name), Some(seed), Some(model), Some(data), Some(schedule), Some(training))
                if problems.is_empty() =>
            {
                Ok(Self { name, seed, device, dtype, model, data, schedule, training, evaluation })
            }
            _ => Err(problems),
        }
    }
}

/// What is said of a method that begins with a model of its own, beside `model.from`.
pub(crate) fn draws_its_base(method: &str) -> String {
    format!(
        "`{method}` begins with a model that it draws, and model.from is given: leave one out, or use `stages`"
    )
}

/// The file's text.
///
/// # Errors
/// What isn't a recipe from outside: a folder, no file, no text.
fn text(path: &Path) -> Result<String> {
    let file = path.display();
    let refused = |problem: String| BadInput(format!("{file}: {problem}")).into();
    if path.is_dir() {
        return Err(refused(format!("is a folder; `outgrow experiment {file}` trains all recipes in it")));
    }
    match std::fs::read(path).map(String::from_utf8) {
        Ok(Ok(text)) => Ok(text),
        Ok(Err(_)) => Err(refused(format!("is no text; a recipe is a TOML file: {FIRST}"))),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(refused(format!("no such file; a recipe is a TOML file: {FIRST}")))
        }
        Err(error) => Err(Error::at(path)(error)),
    }
}

/// The text as TOML.
///
/// # Errors
/// With the line, where it isn't; and where there is nothing in it.
fn table(path: &Path, text: &str) -> Result<toml::Table> {
    let file = path.display();
    let table = text.parse::<toml::Table>().map_err(|error| {
        if text.trim_start().starts_with('{') {
            return BadInput(format!("{file}: is JSON, and a recipe is TOML: name = \"my-run\"; {FIRST}"));
        }
        let line = line_at(text, error.span().map_or(0, |span| span.start));
        let is_named_so = path.extension().is_some_and(|extension| extension == "toml");
        let hint = if is_named_so { String::new() } else { format!("; a recipe is a TOML file: {FIRST}") };
        let written = text.lines().nth(line - 1).unwrap_or_default().trim();
        let reason = words::unquoted(written).unwrap_or_else(|| one_line(&error));
        BadInput(format!("{file}, line {line}: {written}: {reason}{hint}"))
    })?;
    if table.is_empty() {
        return Err(BadInput(format!("{file}: is empty; {FIRST}")).into());
    }
    Ok(table)
}

/// Gives keys that are misspelt at the top the names that were meant, so that those aren't missing, too.
fn misspelt(table: &mut toml::Table, known: &[&str]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let unknown: Vec<String> = table.keys().filter(|key| !known.contains(&key.as_str())).cloned().collect();
    for key in unknown {
        let meant = words::meant_key(&key, known).filter(|meant| !table.contains_key(*meant));
        let Some(meant) = meant else { continue };
        problems.push(at_top(&key, format!(": {}", words::unknown(&key, known))));
        if let Some(value) = table.remove(&key) {
            table.insert(meant.to_owned(), value);
        }
    }
    problems
}

fn at_top(key: &str, said: impl std::fmt::Display) -> Problem {
    Problem { path: vec![Step::Key(key.to_owned())], text: format!("{key}{said}") }
}

/// The same for a key that may be absent.
fn take_optional<T: DeserializeOwned>(
    table: &mut toml::Table,
    key: &str,
    problems: &mut Vec<Problem>,
) -> Option<T> {
    if table.contains_key(key) { take(table, key, problems) } else { None }
}

/// Takes one key out of a table as a value. Every unknown key in it becomes a problem, not only the first.
fn take<T: DeserializeOwned>(table: &mut toml::Table, key: &str, problems: &mut Vec<Problem>) -> Option<T> {
    let Some(mut value) = table.remove(key) else {
        let is_section =
            RECIPE.key(key).is_some_and(|key| matches!(key.kind, Kind::Table(_) | Kind::Schedule));
        let text = format!("{key}{}", words::missing(RECIPE.key(key)));
        let text = if is_section { text.replacen(key, &format!("[{key}]"), 1) } else { text };
        problems.push(Problem { text, ..at_top(key, "") });
        return None;
    };
    loop {
        let error = match value.clone().try_into::<T>() {
            Ok(taken) => return Some(taken),
            Err(error) => one_line(&error),
        };
        let refusal = |value: &toml::Value| value.clone().try_into::<T>().err().map(|error| one_line(&error));
        let section = Section { key, value: &value };
        let Some(unknown) = section.unknown_key(&error, &refusal) else {
            problems.extend(section.problems(&error, &refusal));
            return None;
        };
        unknown.remove_from(&mut value);
        problems.push(unknown.problem);
    }
}

/// The line, from 1, that has this byte of a text.
fn line_at(text: &str, byte: usize) -> usize {
    1 + text.bytes().take(byte).filter(|byte| *byte == b'\n').count()
}

/// TOML's errors point into the text over several lines; the last one is the reason.
fn one_line(error: &toml::de::Error) -> String {
    error.message().trim_end().replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use outgrow_operators::Growth;

    use super::{super::ScheduleRecipe, *};

    #[test]
    fn the_recipe_in_the_docs_is_one() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/recipes/g-stack.toml");
        assert_eq!(Recipe::read(&path).unwrap().schedule.method(), "g-stack");
    }

    #[test]
    fn matrices_of_a_stage_are_beside_the_recipe() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recipe.toml");
        let text = std::fs::read_to_string(
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/recipes/g-stack.toml"),
        );
        let text = text.unwrap();
        let schedule = text.find("[schedule]").unwrap();
        let after = text[schedule + 1..].find("\n[").map_or("", |end| &text[schedule + 1 + end..]);
        let stages = r#"[schedule]
method = "stages"
[[schedule.stages]]
name = "wide"
enter = { operator = "learned", matrices = "trained/matrices.safetensors" }
tokens = 64
learning_rate = { peak = 1e-2, minimum = 1e-3, warmup_tokens = 32 }
"#;
        std::fs::write(&path, format!("{}{stages}{after}", &text[..schedule])).unwrap();
        let ScheduleRecipe::Stages { stages } = Recipe::read(&path).unwrap().schedule else {
            panic!("stages")
        };
        let Some(Growth::Learned { matrices, .. }) = &stages[0].enter else { panic!("learned") };
        assert_eq!(*matrices, Some(folder.path().join("trained/matrices.safetensors").into()));
    }

    #[test]
    fn what_is_no_toml_is_reported_with_the_line_that_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recipe.toml");
        for (text, line) in
            [("= 1\n", 1), ("a = 1\n= 2\n", 2), ("a = 1\n\n= 2\n", 3), ("a = 1\nb = 2\nc = =\n", 3)]
        {
            std::fs::write(&path, text).unwrap();
            let problem = Recipe::read(&path).unwrap_err().one_line();
            assert!(
                problem.starts_with(&format!("{}, line {line}: ", path.display())),
                "{problem} of {text:?}"
            );
        }
    }

    #[test]
    fn a_refusal_of_the_system_is_no_bad_input_and_a_missing_file_is() {
        let folder = tempfile::tempdir().unwrap();
        let missing = Recipe::read(&folder.path().join("recipe.toml")).unwrap_err();
        assert!(missing.is_input(), "{missing:?}");
        // What the tests' user may read can't be forbidden to root, but no name is this long.
        let refused = Recipe::read(&folder.path().join("n".repeat(1_000))).unwrap_err();
        assert!(matches!(refused, Error::Io { .. }) && !refused.is_input(), "{refused:?}");
    }

    #[test]
    fn every_misspelt_key_is_reported_at_once() {
        let table = "nam = 'x'\nseed = 1\n[model]\nhiden_size = 1\nlayers = 2".parse().unwrap();
        let problems = Recipe::from_table(table).unwrap_err().join("; ");
        for key in [
            "nam: no such key; did you mean `name`?",
            "`hidden_size`",
            "model.layers: ",
            "[data] is missing",
            "[schedule] is missing",
        ] {
            assert!(problems.contains(key), "{key} in {problems}");
        }
    }
}
