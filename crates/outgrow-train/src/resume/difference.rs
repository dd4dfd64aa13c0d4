//! A field that has another value than the checkpoint's: what it is, both values, and how a change that was allowed is
//! recorded. Finding the differences is the comparison's.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::resume::rules::{Field, Rule};

/// Digits of a SHA-256 that are shown: enough to tell two apart.
const SHOWN_DIGITS: usize = 12;
const SHA256_DIGITS: usize = 64;

/// A field that has another value than it had.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The field.
    pub field: Field,
    /// Which part of it, as a recipe names it: `training.optimizer.beta2`, `stage "grown": tokens`.
    pub what: String,
    /// The checkpoint's value.
    pub saved: Value,
    /// That of the run that is to go on.
    pub now: Value,
}

/// A change that was allowed, as run.json records it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Steps taken when it came.
    pub step: u64,
    /// What changed.
    pub field: String,
    /// The value until then.
    pub from: Value,
    /// The value since.
    pub to: Value,
}

impl Difference {
    /// The field's rule; but fewer tokens are no extension.
    pub fn rule(&self) -> Rule {
        if self.is_shortening() { Rule::Refused } else { self.field.rule() }
    }

    /// As it is recorded when it is allowed after so many steps.
    pub fn after(&self, step: u64) -> Change {
        Change { step, field: self.what.clone(), from: self.saved.clone(), to: self.now.clone() }
    }

    fn is_shortening(&self) -> bool {
        self.field == Field::LastStageTokens && self.now.as_u64() < self.saved.as_u64()
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} = {}, here {}", self.what, shown(&self.saved), shown(&self.now))?;
        if self.is_shortening() { formatter.write_str(" (an extension has more)") } else { Ok(()) }
    }
}

/// A value as a message has it: a SHA-256 by its beginning, words without quotes, nothing as `none`.
pub fn shown(value: &Value) -> String {
    match value {
        Value::String(sum)
            if sum.len() == SHA256_DIGITS && sum.bytes().all(|byte| byte.is_ascii_hexdigit()) =>
        {
            sum[..SHOWN_DIGITS].to_owned()
        }
        Value::String(text) => text.clone(),
        Value::Null => "none".to_owned(),
        other => other.to_string(),
    }
}
