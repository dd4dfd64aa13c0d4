//! The paper's notation for partial stacking (arXiv 2405.15319, H.2 and Table 5), and its connection rate. It reads
//! patterns and knows no tensors.
//!
//! A pattern is groups of layers from the bottom, joined by `-`; `*n` after a group repeats that group alone. Layers
//! are counted from 1, as in the paper: `12-3456*5-56` is layers 1 and 2, then five times 3 to 6, then 5 and 6.
//!
//! - In a source of at most nine layers each digit is a layer, as in the paper.
//! - With a comma or a range anywhere, and always in a source of more than nine layers, a group is a list of numbers
//!   and ranges (both ends included): `1,2-3..6*5-5,6` is the pattern above, `1..12*2` stacks twelve layers.

use outgrow_checkpoint::config::LARGEST_NUM_HIDDEN_LAYERS;

/// The most layers that have one digit each.
const LAYERS_WITH_ONE_DIGIT: usize = 9;

/// The source layer, from 0, of each layer that the pattern gives, from the bottom.
///
/// # Errors
/// What is wrong and where; positions are counted in characters from 1. The pattern itself is not repeated.
pub(crate) fn parse(pattern: &str, source_layers: usize) -> Result<Vec<usize>, String> {
    let is_list = source_layers > LAYERS_WITH_ONE_DIGIT || pattern.contains([',', '.']);
    let mut reader = Reader { left: pattern.chars().collect(), position: 0, source_layers };
    let mut layers = Vec::new();
    loop {
        let start = reader.position;
        let group = if is_list { reader.list()? } else { reader.digits()? };
        if group.is_empty() {
            return Err(reader.expected(start, "the layers of a group"));
        }
        let is_repeated = reader.take('*');
        let repeats = if is_repeated { reader.repeats()? } else { 1 };
        let count = group.len().saturating_mul(repeats);
        if count.saturating_add(layers.len()) > LARGEST_NUM_HIDDEN_LAYERS {
            return Err(at(start, &format!("more than {LARGEST_NUM_HIDDEN_LAYERS} layers are not possible")));
        }
        layers.extend(group.repeat(repeats));
        if reader.peek().is_none() {
            return Ok(layers);
        }
        if !reader.take('-') {
            let next = match (is_repeated, is_list) {
                (true, _) => "`-` or the end",
                (false, true) => "`,`, `..`, `*`, `-` or the end",
                (false, false) => "a digit, `*`, `-` or the end",
            };
            return Err(reader.expected(reader.position, next));
        }
    }
}

/// How many neighbours of the grown model were neighbours in the source, in the same order, and how many neighbours
/// there are: R_c is the first over the second (arXiv 2405.15319, eq. 51).
pub(crate) fn connection_rate(layers: &[usize]) -> (usize, usize) {
    let retained = layers.windows(2).filter(|pair| pair[0] + 1 == pair[1]).count();
    (retained, layers.len().saturating_sub(1))
}

struct Reader {
    left: Vec<char>,
    /// From 0.
    position: usize,
    source_layers: usize,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.left.get(self.position).copied()
    }

    fn take(&mut self, wanted: char) -> bool {
        let is_there = self.peek() == Some(wanted);
        self.position += usize::from(is_there);
        is_there
    }

    /// One layer a digit.
    fn digits(&mut self) -> Result<Vec<usize>, String> {
        let mut layers = Vec::new();
        while let Some(digit) = self.peek().and_then(|next| next.to_digit(10)) {
            layers.push(self.layer(digit as usize, self.position)?);
            self.position += 1;
        }
        Ok(layers)
    }

    /// Numbers and ranges, with commas between.
    fn list(&mut self) -> Result<Vec<usize>, String> {
        let mut layers = Vec::new();
        loop {
            let start = self.position;
            let Some(first) = self.number() else {
                return Err(self.expected(start, "the number of a layer"));
            };
            let first = self.layer(first, start)?;
            if self.take('.') {
                let is_range = self.take('.');
                let start = self.position;
                let last = if is_range { self.number() } else { None };
                let last = last.ok_or_else(|| self.expected(start, "a range, such as 1..6"))?;
                let last = self.layer(last, start)?;
                if last < first {
                    let (first, last) = (first + 1, last + 1);
                    return Err(at(start, &format!("the range {first}..{last} runs backwards")));
                }
                layers.extend(first..=last);
            } else {
                layers.push(first);
            }
            if !self.take(',') {
                return Ok(layers);
            }
        }
    }

    fn repeats(&mut self) -> Result<usize, String> {
        let start = self.position;
        match self.number() {
            None => Err(self.expected(start, "how often the group is repeated, such as *4")),
            Some(0) => Err(at(start, "a group can't be repeated 0 times; leave it out")),
            Some(repeats) => Ok(repeats),
        }
    }

    /// A number too large to hold comes as the largest there is: it is out of bounds either way.
    fn number(&mut self) -> Option<usize> {
        let start = self.position;
        let mut number = 0_usize;
        while let Some(digit) = self.peek().and_then(|next| next.to_digit(10)) {
            number = number.saturating_mul(10).saturating_add(digit as usize);
            self.position += 1;
        }
        (self.position > start).then_some(number)
    }

    /// From the pattern's count to that of the tensors.
    fn layer(&self, number: usize, start: usize) -> Result<usize, String> {
        let count = self.source_layers;
        if (1..=count).contains(&number) {
            return Ok(number - 1);
        }
        let is_list = self.left.contains(&',') || self.left.contains(&'.');
        let written = match (number, is_list) {
            (0, _) => "0; layers are counted from 1".to_owned(),
            (_, false) if count > LAYERS_WITH_ONE_DIGIT => {
                format!("{number} (with more than {LAYERS_WITH_ONE_DIGIT} layers, write 1,2,3 or 1..3)")
            }
            (10.., true) if count <= LAYERS_WITH_ONE_DIGIT => {
                format!("{number} (beside a comma or a range, write 1,2,3 or 1..3)")
            }
            _ => number.to_string(),
        };
        Err(at(start, &format!("the source has layers 1 to {count}, not {written}")))
    }

    fn expected(&self, start: usize, what: &str) -> String {
        let found = self.left.get(start).map_or_else(|| "the end".to_owned(), |next| format!("`{next}`"));
        at(start, &format!("expected {what}, found {found}"))
    }
}

fn at(start: usize, problem: &str) -> String {
    format!("position {}: {problem}", start + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_papers_patterns_give_24_layers_with_the_papers_connection_rates() {
        let table = [
            ("123456*4", 20),
            ("12-3456*5-56", 18),
            ("12-345*7-6", 17),
            ("123-456*7", 17),
            ("1234-56*10", 14),
            ("12-34*10-56", 14),
            ("1-234*7-56", 17),
            ("123*7-456", 17),
        ];
        for (pattern, retained) in table {
            let layers = parse(pattern, 6).unwrap();
            assert_eq!(layers.len(), 24, "{pattern}");
            assert_eq!(connection_rate(&layers), (retained, 23), "{pattern}");
        }
    }

    #[test]
    fn connections_are_counted_as_the_paper_counts_them() {
        let stacked: Vec<usize> = (0..24).map(|layer| layer % 8).collect();
        let interleaved: Vec<usize> = (0..24).map(|layer| layer / 3).collect();
        assert_eq!(connection_rate(&stacked), (21, 23));
        assert_eq!(connection_rate(&interleaved), (7, 23));
        assert_eq!(connection_rate(&[0, 1, 2, 0, 1, 2]), (4, 5));
        assert_eq!(connection_rate(&[0, 0, 1, 1, 2, 2]), (2, 5));
        assert_eq!(connection_rate(&[3]), (0, 0));
        assert_eq!(connection_rate(&[]), (0, 0));
    }

    #[test]
    fn a_pattern_says_the_layers_from_the_bottom() {
        assert_eq!(parse("1-23*2-3", 3).unwrap(), [0, 1, 2, 1, 2, 2]);
        assert_eq!(parse("321", 3).unwrap(), [2, 1, 0]);
        assert_eq!(parse("1*10", 1).unwrap(), [0; 10]);
    }

    #[test]
    fn more_than_nine_layers_are_written_as_lists_and_ranges() {
        assert_eq!(parse("1,2-3..6*5-5,6", 6), parse("12-3456*5-56", 6));
        assert_eq!(parse("1..12*2", 12).unwrap(), (0..12).chain(0..12).collect::<Vec<_>>());
        assert_eq!(parse("12-1*2-10,11..12", 12).unwrap(), [11, 0, 0, 9, 10, 11]);
        assert_eq!(parse("9..9", 10).unwrap(), [8]);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let problems = [
            ("", 6),
            ("12-78*2", 6),
            ("10", 6),
            ("12--34", 6),
            ("12-", 6),
            ("-12", 6),
            ("12*-3", 6),
            ("12*0", 6),
            ("12*2*3", 6),
            ("12 34", 6),
            ("12/34", 6),
            ("123456*4", 12),
            ("1..13", 12),
            ("6..2", 12),
            ("1.5", 12),
            ("1,,2", 12),
            ("1..6*70000", 12),
            ("1*99999999999999999999999", 12),
            ("12,3", 9),
        ];
        let line = |(pattern, layers)| format!("{pattern:?} {}\n", parse(pattern, layers).unwrap_err());
        insta::assert_snapshot!(problems.into_iter().map(line).collect::<String>(), @r#"
        "" position 1: expected the layers of a group, found the end
        "12-78*2" position 4: the source has layers 1 to 6, not 7
        "10" position 2: the source has layers 1 to 6, not 0; layers are counted from 1
        "12--34" position 4: expected the layers of a group, found `-`
        "12-" position 4: expected the layers of a group, found the end
        "-12" position 1: expected the layers of a group, found `-`
        "12*-3" position 4: expected how often the group is repeated, such as *4, found `-`
        "12*0" position 4: a group can't be repeated 0 times; leave it out
        "12*2*3" position 5: expected `-` or the end, found `*`
        "12 34" position 3: expected a digit, `*`, `-` or the end, found ` `
        "12/34" position 3: expected a digit, `*`, `-` or the end, found `/`
        "123456*4" position 1: the source has layers 1 to 12, not 123456 (with more than 9 layers, write 1,2,3 or 1..3)
        "1..13" position 4: the source has layers 1 to 12, not 13
        "6..2" position 4: the range 6..2 runs backwards
        "1.5" position 3: expected a range, such as 1..6, found `5`
        "1,,2" position 3: expected the number of a layer, found `,`
        "1..6*70000" position 1: more than 65536 layers are not possible
        "1*99999999999999999999999" position 1: more than 65536 layers are not possible
        "12,3" position 1: the source has layers 1 to 9, not 12 (beside a comma or a range, write 1,2,3 or 1..3)
        "#);
    }

    proptest! {
        #[test]
        fn a_pattern_stays_within_the_source_or_is_refused(text in "[0-9,.*-]{0,14}", layers in 1_usize..30) {
            if let Ok(parsed) = parse(&text, layers) {
                prop_assert!(!parsed.is_empty() && parsed.iter().all(|layer| *layer < layers));
            }
        }

        #[test]
        fn every_list_of_layers_can_be_written(layers in proptest::collection::vec(0_usize..30, 1..40)) {
            let text: Vec<String> = layers.iter().map(|layer| (layer + 1).to_string()).collect();
            prop_assert_eq!(parse(&text.join(","), 30).unwrap(), layers.clone());
            prop_assert_eq!(parse(&text.join("-"), 30).unwrap(), layers);
        }
    }
}
