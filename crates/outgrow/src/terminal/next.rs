//! What to type next, when a run or a growth is done: whole commands with the run's own paths. A run's folder is taken
//! as its last checkpoint.

use std::path::{Path, PathBuf};

use crate::recipe::EvaluationRecipe;

/// The commands behind a finished run, a line each. Without `[evaluation]` nothing is known of benchmarks' documents,
/// so none are proposed.
pub(crate) fn after_training(run: &Path, evaluation: Option<&EvaluationRecipe>) -> String {
    let grown = quoted(&grown_name(run));
    let run = quoted(run);
    let generate = format!("outgrow generate {run} --prompt \"Once upon a time\"");
    let eval = evaluation.map(|evaluation| {
        let (tasks, data) = (evaluation.tasks.join(","), quoted(&evaluation.data));
        format!("outgrow eval {run} --tasks {tasks} --data {data} --out results")
    });
    let report = format!("outgrow report {run} --out report.html");
    let grow = format!("outgrow grow {run} {grown} --operator stack --factor 2 --plan");
    let commands: Vec<_> = [Some(generate), eval, Some(report), Some(grow)].into_iter().flatten().collect();
    format!("next:\n  {}", commands.join("\n  "))
}

/// What to do behind a run that ends with a higher loss than its model began with: nothing that builds on it.
pub(crate) fn after_a_climb(recipe: &Path) -> String {
    format!(
        "this run ends with a higher validation loss than its model began with. Lower the learning rates in {}, or warm \
         up for longer, and train anew with another --out",
        recipe.display()
    )
}

/// What to type behind a growth. A masked model isn't compared before its mask is folded in, and one that has been
/// compared needn't be again.
pub(crate) fn after_growth(source: &Path, target: &Path, is_compared: bool) -> String {
    let verify = format!("\n  outgrow verify {} {}", quoted(source), quoted(target));
    let verify = if is_compared { "" } else { &verify };
    let train =
        format!("\n  train it on by a recipe with `from = \"{}\"` as all of its [model]", target.display());
    format!("next:{verify}{train}")
}

/// A folder for the grown model, here and not among the runs: it isn't one.
fn grown_name(run: &Path) -> PathBuf {
    let name = run.file_name().map_or_else(|| "model".into(), |name| name.to_string_lossy());
    PathBuf::from(format!("grown-{name}"))
}

/// A path as a shell takes it for one word.
pub(crate) fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    let is_plain = |character: char| character.is_alphanumeric() || "/._-+:@,=".contains(character);
    if !path.is_empty() && path.chars().all(is_plain) {
        path
    } else {
        format!("'{}'", path.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_have_the_paths_of_the_run() {
        let said = after_training(Path::new("runs/mine"), None);
        insta::assert_snapshot!(said, @r#"
        next:
          outgrow generate runs/mine --prompt "Once upon a time"
          outgrow report runs/mine --out report.html
          outgrow grow runs/mine grown-mine --operator stack --factor 2 --plan
        "#);
    }

    #[test]
    fn behind_a_growth_it_is_looked_at_and_trained_on() {
        let [source, target] = ["runs/mine", "grown"].map(Path::new);
        insta::assert_snapshot!(after_growth(source, target, false), @r#"
        next:
          outgrow verify runs/mine grown
          train it on by a recipe with `from = "grown"` as all of its [model]
        "#);
        insta::assert_snapshot!(after_growth(source, target, true), @r#"
        next:
          train it on by a recipe with `from = "grown"` as all of its [model]
        "#);
    }

    #[test]
    fn a_path_with_blanks_is_one_word() {
        let evaluation = EvaluationRecipe {
            tasks: vec!["piqa".to_owned(), "sciq".to_owned()],
            data: "the documents".into(),
            interval_tokens: 1,
            limit: None,
            num_fewshot: None,
        };
        let said = after_training(Path::new("my runs/it's"), Some(&evaluation));
        insta::assert_snapshot!(said, @r#"
        next:
          outgrow generate 'my runs/it'\''s' --prompt "Once upon a time"
          outgrow eval 'my runs/it'\''s' --tasks piqa,sciq --data 'the documents' --out results
          outgrow report 'my runs/it'\''s' --out report.html
          outgrow grow 'my runs/it'\''s' 'grown-it'\''s' --operator stack --factor 2 --plan
        "#);
    }
}
