//! Which word was meant by one that isn't there.

/// The word that differs little from one that isn't there, if there is one.
pub(crate) fn meant<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    // `-` and `_` are the same mistake all over.
    let plain = |word: &str| word.to_lowercase().replace(['-', '_', ' '], "");
    let nearest = known.iter().min_by_key(|known| edits(&plain(word), &plain(known)))?;
    let most = (word.chars().count() / 3).max(1);
    let is_near = edits(&plain(word), &plain(nearest)) <= most;
    let swapped = known.iter().find(|known| is_swapped(word, known));
    swapped.or(is_near.then_some(nearest)).copied()
}

/// How many letters have to be changed, added or left out.
pub(crate) fn edits(one: &str, two: &str) -> usize {
    let two: Vec<char> = two.chars().collect();
    let mut row: Vec<usize> = (0..=two.len()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for column in 0..two.len() {
            let changed = diagonal + usize::from(letter != two[column]);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[two.len()]
}

/// Whether one is the other with two neighbouring letters the other way round.
fn is_swapped(one: &str, two: &str) -> bool {
    let differ: Vec<(usize, (char, char))> =
        one.chars().zip(two.chars()).enumerate().filter(|(_, (one, two))| one != two).collect();
    match differ[..] {
        [(first, (a, b)), (second, (c, d))] => {
            one.chars().count() == two.chars().count() && second == first + 1 && a == d && b == c
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_little_was_meant() {
        let known = ["intermediate_size", "hidden_size", "g-stack", "stack", "seed"];
        for (word, near) in [
            ("intermediate_sise", Some("intermediate_size")),
            ("gstack", Some("g-stack")),
            ("Stack", Some("stack")),
            ("sede", Some("seed")),
            ("sed", Some("seed")),
            ("hidden-size", Some("hidden_size")),
            ("other", None),
        ] {
            assert_eq!(meant(word, &known), near, "{word}");
        }
    }

    #[test]
    fn edits_are_counted() {
        for (one, two, count) in
            [("", "abc", 3), ("abc", "abc", 0), ("abc", "adc", 1), ("kitten", "sitting", 3)]
        {
            assert_eq!(edits(one, two), count, "{one} {two}");
        }
    }
}
