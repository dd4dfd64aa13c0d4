//! `--set key=value`: one key of a recipe by another value than its file has. What keys there are, and what fits them,
//! is checked as in a file.

use std::str::FromStr;

use toml::{Table, Value};

/// A key of a recipe and what it is set to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Setting {
    /// From the recipe's sections down; of a list, the place from 0 on.
    keys: Vec<String>,
    value: Value,
}

impl FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let as_one = "expected a key and a value, as training.optimizer.weight_decay=0.1";
        let (path, value) = text.split_once('=').ok_or_else(|| as_one.to_owned())?;
        let keys: Vec<String> = path.trim().split('.').map(|key| key.trim().to_owned()).collect();
        if keys.iter().any(String::is_empty) {
            return Err(as_one.to_owned());
        }
        Ok(Self { keys, value: value_of(value.trim()) })
    }
}

/// A value of TOML; what is none is a text, for which a shell would take the quotes away.
fn value_of(text: &str) -> Value {
    let read = format!("value = {text}").parse::<Table>().ok();
    // More than one key is a text with a line break in it.
    let one = read.filter(|table| table.len() == 1).and_then(|mut table| table.remove("value"));
    one.unwrap_or_else(|| Value::String(text.to_owned()))
}

impl Setting {
    /// Puts the value into a recipe.
    ///
    /// # Errors
    /// A way to the key that leads through something else than a table or a list.
    pub(super) fn apply(&self, recipe: &mut Table) -> Result<(), String> {
        let path = self.keys.join(".");
        let refused =
            |done: usize, what: &str| format!("--set {path}: {} {what}", self.keys[..done].join("."));
        let (first, rest) = self.keys.split_first().expect("a key is checked when it is read");
        let mut here = recipe.entry(first.clone()).or_insert_with(|| Value::Table(Table::new()));
        for (index, key) in rest.iter().enumerate() {
            let done = index + 1;
            here = match here {
                Value::Table(table) => table.entry(key.clone()).or_insert_with(|| Value::Table(Table::new())),
                Value::Array(items) => {
                    let count = items.len();
                    let place = key.parse::<usize>().ok().and_then(|place| items.get_mut(place));
                    place.ok_or_else(|| refused(done, &format!("is a list of {count}, counted from 0")))?
                }
                _ => return Err(refused(done, "is one value and has no keys")),
            };
        }
        *here = self.value.clone();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(settings: &[&str]) -> Result<Table, String> {
        let mut recipe: Table =
            "seed = 1\n[training]\nbatch_sequences = 2\n[[schedule.stages]]\ntokens = 64".parse().unwrap();
        for setting in settings {
            setting.parse::<Setting>()?.apply(&mut recipe)?;
        }
        Ok(recipe)
    }

    #[test]
    fn a_key_gets_another_value_and_a_new_one_its_section() {
        let recipe = set(&[
            "seed=7",
            "training.optimizer.weight_decay = 0.1",
            "schedule.stages.0.tokens=128",
            "device=cuda:1",
            "evaluation.tasks=[\"piqa\", \"sciq\"]",
        ]);
        let expected: Table =
            "seed = 7\ndevice = 'cuda:1'\nevaluation.tasks = ['piqa', 'sciq']\n[training]\n\
            batch_sequences = 2\noptimizer.weight_decay = 0.1\n[[schedule.stages]]\ntokens = 128"
                .parse()
                .unwrap();
        assert_eq!(recipe, Ok(expected));
    }

    #[test]
    fn what_is_no_setting_and_what_leads_nowhere_is_refused() {
        assert!(set(&["seed"]).is_err() && set(&["=1"]).is_err() && set(&["training..x=1"]).is_err());
        assert_eq!(set(&["seed.x=1"]).unwrap_err(), "--set seed.x: seed is one value and has no keys");
        let problem = "--set schedule.stages.1.tokens: schedule.stages is a list of 1, counted from 0";
        assert_eq!(set(&["schedule.stages.1.tokens=1"]).unwrap_err(), problem);
    }
}
