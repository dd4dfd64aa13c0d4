//! A recipe as a file with a comment on each number, as `advise` and `init` write it. It is read by
//! [`Recipe`](crate::recipe::Recipe) like any other, which tests see to. What the numbers are, others decide.

use std::{
    fmt::Write as _,
    path::{Component, Path, PathBuf},
};

use outgrow_checkpoint::LlamaConfig;
use outgrow_schedules::{
    LearningRateCurve,
    advice::{Advice, Budget, Zone},
};

use crate::error::{BadInput, Error, Result};

/// Comments stand behind their value from this column on, where it is short enough.
const COMMENT_COLUMN: usize = 40;
/// Lines are no longer than that; longer comments stand above.
const COLUMNS: usize = 120;

/// All that is written.
#[derive(Clone, Debug)]
pub(crate) struct CommentedRecipe<'a> {
    /// What it is and where it is from, in lines.
    pub heading: Vec<String>,
    /// The run's name, in reports.
    pub name: &'a str,
    /// Where it is computed, where that isn't the default: `device` and `dtype`.
    pub compute: [Option<String>; 2],
    /// The final model.
    pub model: &'a LlamaConfig,
    /// What its sizes follow from.
    pub model_comment: String,
    /// The folders of shards as the file names them.
    pub shards: [String; 2],
    /// Tokens in a sequence.
    pub sequence_length: usize,
    /// `[schedule]`.
    pub schedule: Vec<Entry>,
    /// `[training]`.
    pub training: Vec<Entry>,
}

/// A key with its value and what is to be said of it.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    key: &'static str,
    value: String,
    comment: String,
}

impl Entry {
    /// Of a value as TOML has it.
    pub(crate) fn new(key: &'static str, value: &impl ToString, comment: impl Into<String>) -> Self {
        Self { key, value: value.to_string(), comment: comment.into() }
    }

    /// Of a number of tokens, sequences or the like.
    pub(crate) fn count(key: &'static str, number: u64, comment: impl Into<String>) -> Self {
        Self::new(key, &underscored(number), comment)
    }

    fn text(key: &'static str, text: &str, comment: &str) -> Self {
        Self::new(key, &toml::Value::from(text), comment)
    }

    fn write(&self, into: &mut String) {
        let Self { key, value, comment } = self;
        let entry = format!("{key} = {value}");
        // Writing to a text can't fail.
        let _ = if comment.is_empty() {
            writeln!(into, "{entry}")
        } else if entry.len().max(COMMENT_COLUMN) + 3 + comment.chars().count() <= COLUMNS {
            writeln!(into, "{entry:COMMENT_COLUMN$} # {comment}")
        } else {
            writeln!(into, "# {comment}\n{entry}")
        };
    }
}

impl CommentedRecipe<'_> {
    /// The file.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for line in &self.heading {
            let _ = writeln!(text, "# {line}");
        }
        let mut section = |header: &str, entries: &[Entry]| {
            if !header.is_empty() {
                let _ = writeln!(text, "\n{header}");
            }
            for entry in entries {
                entry.write(&mut text);
            }
        };
        let [device, dtype] = &self.compute;
        let compute = [("device", device), ("dtype", dtype)];
        let compute =
            compute.into_iter().filter_map(|(key, word)| Some(Entry::text(key, word.as_ref()?, "")));
        let begin = [
            Entry::text("name", self.name, "in reports"),
            Entry::new("seed", &1, "of the first weights and of the order of the data"),
        ];
        section("", &begin.into_iter().chain(compute).collect::<Vec<_>>());
        section("[model]", &self.sizes());
        let [training, validation] = &self.shards;
        section(
            "[data]",
            &[
                Entry::text("training", training, "made by `outgrow data prepare`, relative to this file"),
                Entry::text("validation", validation, ""),
                Entry::new("sequence_length", &self.sequence_length, "tokens in a sequence"),
            ],
        );
        section("[schedule]", &self.schedule);
        section("[training]", &self.training);
        text
    }

    fn sizes(&self) -> Vec<Entry> {
        let model = self.model;
        let heads = model.num_attention_heads;
        vec![
            Entry::new("vocab_size", &model.vocab_size, "at least the tokenizer's entries"),
            Entry::new("hidden_size", &model.hidden_size, self.model_comment.as_str()),
            Entry::new("intermediate_size", &model.intermediate_size, "8/3 of the width, as in LLaMA"),
            Entry::new("num_hidden_layers", &model.num_hidden_layers, "can be stacked from fewer"),
            Entry::new("num_attention_heads", &heads, format!("each {} wide", model.head_dim)),
        ]
    }
}

/// `[schedule]` of training from scratch.
pub(crate) fn scratch_schedule(budget: &Budget, advice: &Advice, tokens_comment: &str) -> Vec<Entry> {
    let steps = budget.tokens / budget.batch_tokens;
    vec![
        Entry::text("method", "scratch", ""),
        Entry::count("tokens", budget.tokens, format!("{steps} steps; {tokens_comment}")),
        Entry::new(
            "learning_rate",
            &rate(&advice.scratch_learning_rate),
            "By the size of the model, between rates that are known (`outgrow advise`); a first guess, to be swept.",
        ),
    ]
}

/// `[schedule]` of G_stack for what training from scratch costs.
pub(crate) fn g_stack_schedule(budget: &Budget, advice: &Advice) -> Vec<Entry> {
    let length = match advice.zone {
        Zone::Fitted | Zone::Above if !advice.formula_costs_too_much() => "by equation 2 of arXiv 2405.15319",
        Zone::Fitted | Zone::Above | Zone::Below => "between 10 and 25 % of scratch's",
    };
    let of_base = match advice.zone {
        Zone::Below => {
            "Half of scratch's rate. Its horizon is scratch's, so that the base stops while the rate is high."
        }
        Zone::Fitted | Zone::Above => {
            "The rate of its own size. Its horizon is scratch's, so that the base stops while the rate is high."
        }
    };
    let share = 100.0 * advice.base.share_of_flops;
    let base = &advice.schedule.base_learning_rate;
    let grown = advice.schedule.grown_learning_rate.as_ref().unwrap_or(base);
    vec![
        Entry::text("method", "g-stack", ""),
        Entry::new(
            "factor",
            &advice.factor,
            format!("{} layers are stacked so many times", advice.base_layers),
        ),
        Entry::count(
            "base_tokens",
            advice.schedule.base_tokens,
            format!("{length}; {share:.1} % of the FLOPs"),
        ),
        Entry::new("base_learning_rate", &rate(base), of_base),
        Entry::count(
            "scratch_tokens",
            budget.tokens,
            "all of it costs what scratch costs on so many tokens, the base included",
        ),
        Entry::new("grown_learning_rate", &rate(grown), "Scratch's rate, over the tokens that are left."),
    ]
}

fn rate(rate: &LearningRateCurve) -> String {
    let horizon = rate.horizon_tokens.map(|tokens| format!(", horizon_tokens = {}", underscored(tokens)));
    format!(
        "{{ peak = {:e}, minimum = {:e}, warmup_tokens = {}{} }}",
        rate.peak,
        rate.minimum,
        underscored(rate.warmup_tokens),
        horizon.unwrap_or_default()
    )
}

/// `30000` as `30_000`, as TOML has it.
pub(crate) fn underscored(number: u64) -> String {
    if number < 1000 {
        return number.to_string();
    }
    format!("{}_{:03}", underscored(number / 1000), number % 1000)
}

/// A folder, given from here, as a recipe in that file names it: from the recipe's folder, or in full where it was
/// given so.
///
/// # Errors
/// When the path is no UTF-8, or there is no current folder.
pub(crate) fn from_file(folder: &Path, file: &Path) -> Result<String> {
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    let path = match parent {
        Some(parent) if !folder.is_absolute() => relative(folder, parent)?,
        _ => folder.to_owned(),
    };
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| BadInput(format!("{}: no UTF-8, which TOML needs", path.display())).into())
}

/// The way to a folder from another; in full where a link may lie on it.
fn relative(folder: &Path, from: &Path) -> Result<PathBuf> {
    let full = std::path::absolute(folder).map_err(Error::at(folder))?;
    let from = std::path::absolute(from).map_err(Error::at(from))?;
    let goes_up = |path: &Path| path.components().any(|component| component == Component::ParentDir);
    if goes_up(&full) || goes_up(&from) || from.ancestors().any(Path::is_symlink) {
        return Ok(full);
    }
    let shared = full.components().zip(from.components()).take_while(|(one, other)| one == other).count();
    let up = from.components().skip(shared).map(|_| Component::ParentDir);
    Ok(up.chain(full.components().skip(shared)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_named_from_the_recipe() {
        let of = |folder: &str, file: &str| from_file(Path::new(folder), Path::new(file)).unwrap();
        assert_eq!(of("shards/training", "recipe.toml"), "shards/training");
        assert_eq!(of("shards/training", "recipes/recipe.toml"), "../shards/training");
        assert_eq!(of("shards/training", "shards/recipe.toml"), "training");
        assert_eq!(of("/data/training", "recipes/recipe.toml"), "/data/training");
    }

    #[test]
    fn comments_stand_behind_short_entries_and_above_long_ones() {
        let mut text = String::new();
        Entry::count("base_tokens", 1_234_567, "a sixth").write(&mut text);
        Entry::new("peak", &1, "word ".repeat(20).trim_end()).write(&mut text);
        Entry::new("plain", &2, "").write(&mut text);
        insta::assert_snapshot!(text, @"
        base_tokens = 1_234_567                  # a sixth
        # word word word word word word word word word word word word word word word word word word word word
        peak = 1
        plain = 2
        ");
    }
}
