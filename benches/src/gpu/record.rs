//! What a part says while it runs: a line of JSON for each measurement, so that what was measured outlives a part that
//! is killed.
//!
//! A measurement that fails is a line as well, and the part goes on to the next.

use std::{
    any::Any,
    cell::Cell,
    io::{self, Write},
    panic::{AssertUnwindSafe, catch_unwind},
};

use anyhow::bail;
use serde_json::{Map, Value};

use super::part::Part;

/// Where a part's measurements go.
#[derive(Debug)]
pub(crate) struct Record {
    part: Part,
    failures: Cell<usize>,
}

impl Record {
    pub(crate) fn new(part: Part) -> Self {
        Self { part, failures: Cell::new(0) }
    }

    /// Takes a measurement and writes what it gave, or why it gave nothing. A panic is a failure of this one alone.
    pub(crate) fn measure(
        &self,
        name: &str,
        measurement: impl FnOnce() -> anyhow::Result<Map<String, Value>>,
    ) -> anyhow::Result<()> {
        let mut line = Map::new();
        line.insert("program".to_owned(), "outgrow".into());
        line.insert("part".to_owned(), self.part.to_string().into());
        line.insert("measurement".to_owned(), name.into());
        let outcome = catch_unwind(AssertUnwindSafe(measurement));
        match outcome {
            Ok(Ok(values)) => line.extend(values),
            Ok(Err(error)) => self.fail(&mut line, &format!("{error:#}")),
            Err(panic) => self.fail(&mut line, &format!("panic: {}", words(&*panic))),
        }
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{}", Value::Object(line))?;
        Ok(stdout.flush()?)
    }

    fn fail(&self, line: &mut Map<String, Value>, error: &str) {
        self.failures.set(self.failures.get() + 1);
        line.insert("error".to_owned(), one_line(error).into());
    }

    /// An error where a measurement failed.
    pub(crate) fn finish(&self) -> anyhow::Result<()> {
        match self.failures.get() {
            0 => Ok(()),
            failures => bail!("{failures} measurement(s) failed"),
        }
    }
}

/// A panic's message.
fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a message")
}

/// An error as a table can hold it. Compilers of kernels print the whole kernel.
pub(crate) fn one_line(text: &str) -> String {
    const LONGEST: usize = 400;
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{} …", &words[..end]),
        None => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measurement_that_fails_or_panics_is_counted_and_the_part_goes_on() {
        let record = Record::new(Part::Device);
        record.measure("one", || bail!("no such device")).unwrap();
        record.measure("two", || panic!("poisoned")).unwrap();
        record.measure("three", || Ok(Map::new())).unwrap();
        assert_eq!(record.finish().unwrap_err().to_string(), "2 measurement(s) failed");
    }

    #[test]
    fn a_long_error_becomes_one_line_of_its_beginning() {
        let error = one_line(&"kernel\n   source ".repeat(1000));
        assert!(error.starts_with("kernel source kernel") && error.ends_with('…'));
        assert!(error.chars().count() < 420);
    }
}
