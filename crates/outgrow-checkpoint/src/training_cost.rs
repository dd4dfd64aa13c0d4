//! What training the model of a folder has cost, in a file beside config.json that survives publishing. Nothing is
//! counted here: whoever trains does that.

use std::{fs, io, path::Path};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{error::CheckpointError, json::file::parse_object};

/// The file's name. Folders that Outgrow didn't train don't have it.
pub const COST_FILE: &str = "outgrow.json";
/// The version of its layout.
const FORMAT: u64 = 1;

/// What was spent on a model since its first weights were drawn, all models that it grew out of included. `None` is
/// unknown, and stays unknown whatever is added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingCost {
    /// Tokens trained on.
    pub tokens: Option<u64>,
    /// Training FLOPs, counted exactly: matrix products and attention, no backward of frozen layers.
    pub flops: Option<f64>,
    /// Training FLOPs as 6 · parameters · tokens.
    pub flops_6nt: Option<f64>,
}

impl TrainingCost {
    /// Of a model of which nothing is known.
    pub const UNKNOWN: Self = Self { tokens: None, flops: None, flops_6nt: None };
    /// Of a model that was never trained.
    pub const NOTHING: Self = Self { tokens: Some(0), flops: Some(0.0), flops_6nt: Some(0.0) };

    /// Both together.
    ///
    /// ```
    /// use outgrow_checkpoint::TrainingCost;
    ///
    /// let run = TrainingCost { tokens: Some(100), flops: Some(6e6), flops_6nt: Some(5e6) };
    /// let base = TrainingCost { flops: Some(4e6), ..TrainingCost::UNKNOWN };
    /// assert_eq!(run.plus(base), TrainingCost { flops: Some(1e7), ..TrainingCost::UNKNOWN });
    /// assert_eq!(run.plus(TrainingCost::NOTHING), run);
    /// ```
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let tokens = self.tokens.zip(other.tokens).map(|(one, two)| one.saturating_add(two));
        let sum = |one: Option<f64>, two: Option<f64>| one.zip(two).map(|(one, two)| one + two);
        Self { tokens, flops: sum(self.flops, other.flops), flops_6nt: sum(self.flops_6nt, other.flops_6nt) }
    }

    /// What the folder's `outgrow.json` says; `None` where there is none.
    ///
    /// # Errors
    /// `Io`, or `Json` where the file is another one, of another format, or holds what is no cost.
    pub fn read(folder: &Path) -> Result<Option<Self>, CheckpointError> {
        let file = folder.join(COST_FILE);
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(CheckpointError::io("read", &file, error)),
        };
        let value = Value::Object(parse_object(&file, &text, &mut Vec::new())?);
        let wrong = |problem: String| CheckpointError::Json { file: file.clone(), problem };
        if value["format"] != FORMAT {
            return Err(wrong(format!("`format` is {}, this build reads format {FORMAT}", value["format"])));
        }
        let number = |key: &str| match &value[key] {
            Value::Null => Ok(None),
            found => match found.as_f64() {
                Some(number) if number >= 0.0 && number.is_finite() => Ok(Some(number)),
                _ => Err(wrong(format!("`{key}` is {found}, expected a number from 0, or null"))),
            },
        };
        let tokens = &value["tokens"];
        if !tokens.is_null() && !tokens.is_u64() {
            return Err(wrong(format!("`tokens` is {tokens}, expected a whole number, or null")));
        }
        let (flops, flops_6nt) = (number("flops")?, number("flops_6nt")?);
        Ok(Some(Self { tokens: tokens.as_u64(), flops, flops_6nt }))
    }

    /// The text of an `outgrow.json`.
    ///
    /// ```
    /// use outgrow_checkpoint::TrainingCost;
    ///
    /// let folder = tempfile::tempdir()?;
    /// let cost = TrainingCost { tokens: Some(100), flops: Some(6e6), flops_6nt: None };
    /// std::fs::write(folder.path().join("outgrow.json"), cost.to_text())?;
    /// assert_eq!(TrainingCost::read(folder.path())?, Some(cost));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn to_text(&self) -> String {
        let Self { tokens, flops, flops_6nt } = self;
        let text = json!({ "format": FORMAT, "tokens": tokens, "flops": flops, "flops_6nt": flops_6nt });
        format!("{text:#}\n")
    }
}
