//! Numbers and text as a reader sees them: SI prefixes, percentages, losses, and text made safe for HTML.

/// A true minus sign, as wide as the plus sign.
const MINUS: char = '\u{2212}';

/// SI prefixes and their factors, largest first.
const PREFIXES: [(f64, &str); 8] =
    [(1e21, "Z"), (1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, "")];

/// The prefix in which `largest` is at least one.
pub(crate) fn prefix(largest: f64) -> (f64, &'static str) {
    PREFIXES.into_iter().find(|(factor, _)| largest >= *factor).unwrap_or((1.0, ""))
}

/// Three significant figures with an SI prefix and a unit: `26.8 TFLOP`, `2.05 M tokens`.
pub(crate) fn quantity(value: f64, unit: &str) -> String {
    let (factor, prefix) = prefix(value);
    let scaled = value / factor;
    let digits = if scaled >= 100.0 || prefix.is_empty() {
        0
    } else if scaled >= 10.0 {
        1
    } else {
        2
    };
    format!("{scaled:.digits$} {prefix}{unit}").trim_end().to_owned()
}

/// FLOPs: `26.8 TFLOP`.
pub(crate) fn flops(value: f64) -> String {
    quantity(value, "FLOP")
}

/// Tokens: `2.05 M`.
pub(crate) fn tokens(value: u64) -> String {
    quantity(value as f64, "")
}

/// A share in percent without its sign: whole from 10 on, one decimal below.
pub(crate) fn percent(share: f64) -> String {
    let value = (share * 100.0).abs();
    if value >= 9.95 { format!("{value:.0} %") } else { format!("{value:.1} %") }
}

/// A share in percent with its sign: `+31 %`, `−4.2 %`.
pub(crate) fn signed_percent(share: f64) -> String {
    let sign = if share < 0.0 { MINUS } else { '+' };
    format!("{sign}{}", percent(share))
}

/// A loss to three decimals.
pub(crate) fn loss(value: f64) -> String {
    format!("{value:.3}")
}

/// What a benchmark measured and its standard error, `0.3120` and `± 0.0146`, with as many decimals as the value is
/// worth.
pub(crate) fn measured(value: f64, standard_error: Option<f64>) -> (String, Option<String>) {
    let written = |number: f64| match value.abs() {
        small if small < 10.0 => format!("{number:.4}"),
        middle if middle < 1000.0 => format!("{number:.2}"),
        large if large < 1e6 => format!("{number:.0}"),
        _ => format!("{number:.2e}"),
    };
    (written(value), standard_error.map(|error| format!("± {}", written(error))))
}

/// Text that can stand in HTML and in an attribute.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_have_three_figures_and_a_prefix() {
        assert_eq!(flops(26.82e12), "26.8 TFLOP");
        assert_eq!(flops(8e20), "800 EFLOP");
        assert_eq!(tokens(2_048_000), "2.05 M");
        assert_eq!(tokens(12), "12");
        assert_eq!(tokens(0), "0");
    }

    #[test]
    fn percentages_carry_a_true_minus_and_no_false_precision() {
        assert_eq!(signed_percent(0.486), "+49 %");
        assert_eq!(signed_percent(-0.042), "\u{2212}4.2 %");
        assert_eq!(signed_percent(0.0996), "+10 %");
    }

    #[test]
    fn a_standard_error_has_the_decimals_of_its_value() {
        let texts = |value, error| match measured(value, error) {
            (value, Some(error)) => format!("{value} {error}"),
            (value, None) => value,
        };
        assert_eq!(texts(0.312, Some(0.014_64)), "0.3120 ± 0.0146");
        assert_eq!(texts(41.267, Some(1.5)), "41.27 ± 1.50");
        assert_eq!(texts(12_345.6, None), "12346");
        assert_eq!(texts(1.5e7, Some(2.5e5)), "1.50e7 ± 2.50e5");
    }

    #[test]
    fn nothing_of_the_text_can_open_a_tag_or_end_an_attribute() {
        assert_eq!(escape("<b a=\"1\" c='2'>&"), "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;");
    }
}
