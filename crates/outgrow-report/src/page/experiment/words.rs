//! Numbers and names as this page has them. It knows no outcome.

/// `1 run`, `5 runs`.
pub(crate) fn count(number: usize, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}

/// A title as the name of a file: letters, digits and hyphens.
pub(crate) fn file_name(title: &str) -> String {
    let mut name = String::new();
    for character in title.to_lowercase().chars() {
        if character.is_ascii_alphanumeric() {
            name.push(character);
        } else if !name.ends_with('-') && !name.is_empty() {
            name.push('-');
        }
    }
    let cut: String = name.chars().take(60).collect();
    let cut = cut.trim_end_matches('-');
    if cut.is_empty() { "figure".to_owned() } else { cut.to_owned() }
}

/// A part of a budget: `20 % of the budget`, `the end`.
pub(crate) fn budget(at: f64) -> String {
    if (at - 1.0).abs() < 1e-9 { "the end".to_owned() } else { format!("{} of the budget", share(at)) }
}

/// A share in percent with as many decimals as it needs: `20 %`, `2.5 %`.
pub(crate) fn share(part: f64) -> String {
    let rounded = (part * 1000.0).round() / 10.0;
    format!("{rounded} %")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_makes_a_name_that_any_disk_takes() {
        assert_eq!(file_name("Loss against FLOPs, d = 20 %"), "loss-against-flops-d-20");
        assert_eq!(file_name("../<b>"), "b");
        assert_eq!(file_name("損失"), "figure");
    }

    #[test]
    fn budgets_are_shares() {
        assert_eq!([budget(0.2), budget(1.0), share(0.025)], ["20 % of the budget", "the end", "2.5 %"]);
    }
}
