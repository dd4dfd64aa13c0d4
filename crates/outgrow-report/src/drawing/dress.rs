//! What an SVG element wears: nothing on a page, which has the style sheet; the style sheet in a file for the web;
//! plain colours in a file for a paper, because programs that typeset know no variables of CSS. It draws nothing.

use std::fmt::Write;

use crate::figures::escape;

/// The style sheet of a chart that is a file of its own; the page has it too.
pub(crate) const CHART_STYLE: &str = include_str!("chart.css");

/// Where a drawing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dress {
    /// On a page.
    Page,
    /// In a file of its own, light or dark as the reader's system is.
    Web,
    /// In a file of its own, in plain colours on white.
    Paper,
}

/// How many colours the palette has; the first is the neutral one.
pub(crate) const COLOURS: usize = 7;

/// The palette has seven colours; 0 is the neutral one, for scratch.
pub(crate) fn colour_class(index: usize) -> usize {
    if index < COLOURS { index } else { 1 + (index - 1) % (COLOURS - 1) }
}

/// Opens an `<svg>` element with what `dress` puts into it. `class` comes beside `chart`; `title` is what a screen
/// reader says.
pub(crate) fn open(out: &mut String, dress: Dress, class: &str, size: (f64, f64), title: &str) {
    let (width, height) = size;
    let title = escape(title);
    let class = format!("chart {class}");
    let _ = write!(
        out,
        "<svg class=\"{}\" viewBox=\"0 0 {width} {height:.0}\" xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-label=\"{title}\"",
        class.trim_end()
    );
    let style = match dress {
        Dress::Page => {
            out.push('>');
            return;
        }
        Dress::Web => CHART_STYLE.to_owned(),
        Dress::Paper => {
            let _ = write!(out, " width=\"{width}\" height=\"{height:.0}\"");
            plain_style()
        }
    };
    let _ = write!(
        out,
        "><style>{style}</style><rect width=\"{width}\" height=\"{height:.0}\" class=\"ground\"/>"
    );
}

/// The style sheet without variables: each rule with a method's colour once for each colour, the others in the colours
/// of a light page.
fn plain_style() -> String {
    let root = CHART_STYLE.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
    let declarations = root.map_or("", |(declarations, _)| declarations);
    let variables: Vec<(&str, &str)> = declarations
        .split(';')
        .filter_map(|declaration| declaration.split_once(':'))
        .filter(|(name, _)| name.starts_with("--"))
        .collect();
    let fixed = |rule: &str| {
        variables
            .iter()
            .fold(rule.to_owned(), |rule, (name, value)| rule.replace(&format!("var({name})"), value))
    };
    // Converters take the first family that they know; the list of a page begins with words only browsers know.
    let mut out =
        String::from("text{font-family:Helvetica,Arial,\"DejaVu Sans\",sans-serif;font-size:12px}\n");
    for rule in CHART_STYLE.lines().skip(1).filter(|line| !line.starts_with('@') && !line.starts_with(".c0{"))
    {
        let Some((selector, body)) = rule.split_once('{') else { continue };
        if !body.contains("var(--c)") {
            let _ = writeln!(out, "{}", fixed(rule));
            continue;
        }
        for colour in 0..COLOURS {
            let body = fixed(&body.replace("var(--c)", &format!("var(--c{colour})")));
            let _ = writeln!(out, ".c{colour} {selector},{selector}.c{colour}{{{body}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paper_knows_no_variables() {
        let style = plain_style();
        assert!(!style.contains("var(") && !style.contains("--") && !style.contains('@'), "{style}");
        assert!(style.contains(".c2 .mean,.mean.c2{stroke:#c15200;"), "{style}");
        assert!(style.contains(".axis{stroke:#5b6472;"), "{style}");
    }

    #[test]
    fn colours_after_the_last_begin_behind_the_neutral_one() {
        assert_eq!([0, 6, 7, 12, 13].map(colour_class), [0, 6, 1, 6, 1]);
    }
}
