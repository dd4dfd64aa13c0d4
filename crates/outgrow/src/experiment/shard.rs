//! `--shard 2/8`: which of several machines this is.

use std::{fmt, str::FromStr};

use crate::error::BadInput;

/// One of several machines that share an experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    /// Counted from 1.
    pub number: usize,
    /// How many there are.
    pub count: usize,
}

impl fmt::Display for Shard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.number, self.count)
    }
}

impl FromStr for Shard {
    type Err = BadInput;

    fn from_str(text: &str) -> Result<Self, BadInput> {
        let numbers = text
            .split_once('/')
            .and_then(|(number, count)| Some((number.parse().ok()?, count.parse().ok()?)));
        match numbers {
            Some((number, count)) if (1..=count).contains(&number) => Ok(Self { number, count }),
            _ => Err(BadInput(format!(
                "`{text}`: expected the number of a part and how many there are, as 2/8"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_one_of_those_that_there_are() {
        assert_eq!("2/8".parse::<Shard>().unwrap(), Shard { number: 2, count: 8 });
        assert_eq!("2/8".parse::<Shard>().unwrap().to_string(), "2/8");
        for wrong in ["0/8", "9/8", "2", "2/", "/8", "-1/8", "a/b", "0/0"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }
}
