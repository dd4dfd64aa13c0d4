//! The verdicts: how many of each, and a row for each claim. By word, sign and colour, never by colour alone. HTML text
//! only.

use std::fmt::Write;

use crate::{
    experiment::{
        claims::{ClaimOutcome, verdict::Verdict, words::p as p_value},
        outcome::Outcome,
    },
    figures::escape,
    page::experiment::words::count,
};

/// How many claims came to each verdict; nothing where nothing is claimed.
pub(crate) fn counts(outcome: &Outcome) -> String {
    if outcome.claims.is_empty() {
        return String::new();
    }
    let mut out = String::from("<section class=\"cards head counts\">");
    for verdict in Verdict::ALL {
        let number = outcome.claims.iter().filter(|claim| claim.verdict == verdict).count();
        let faint = if number == 0 { " no-claim" } else { "" };
        let _ = write!(
            out,
            "<div class=\"card {}{faint}\"><div class=\"number\">{number}</div><p>{}{verdict}</p></div>",
            class(verdict),
            sign(verdict)
        );
    }
    out.push_str("</section>\n");
    out
}

/// A row for each claim.
pub(crate) fn table(outcome: &Outcome) -> String {
    let mut out = String::from(
        "<table class=\"claims\"><thead><tr><th>claim</th><th>the paper's</th><th>ours, 95 %</th><th class=\"n\">seeds</th><th>verdict</th></tr></thead><tbody>",
    );
    for claim in &outcome.claims {
        let _ = write!(
            out,
            "<tr><td data-name=\"claim\"><b>{}</b><small>{}</small></td><td data-name=\"the paper's\">{}</td>\
             <td data-name=\"ours, 95 %\" class=\"ours\">{}</td><td data-name=\"seeds\" class=\"n\">{}</td><td data-name=\"verdict\">{}{}</td></tr>",
            escape(&claim.claim.says),
            escape(&claim.sentence),
            if claim.claim.paper.is_empty() {
                "–".to_owned()
            } else {
                escape(&claim.claim.paper).replace("Fig. ", "Fig.&nbsp;")
            },
            if claim.ours.is_empty() { "–".to_owned() } else { escape(&claim.ours) },
            claim.seeds,
            word(claim.verdict),
            test(claim)
        );
    }
    out.push_str("</tbody></table>");
    let tested = outcome.claims.iter().filter(|claim| claim.p.is_some()).count();
    if tested > 1 {
        let _ = write!(
            out,
            "<p class=\"lead after\">{} with a test are corrected together by Holm's method. p is before the correction, \
             and after it where that differs.</p>",
            count(tested, "claim")
        );
    }
    out
}

/// A verdict as a sign and a word.
fn word(verdict: Verdict) -> String {
    format!("<span class=\"verdict {}\">{}{verdict}</span>", class(verdict), sign(verdict))
}

/// The p value, and that after the correction.
fn test(claim: &ClaimOutcome) -> String {
    match (claim.p, claim.adjusted_p) {
        (Some(p), Some(adjusted)) if (adjusted - p).abs() > 1e-12 => {
            format!("<small>p = {}, corrected {}</small>", p_value(p), p_value(adjusted))
        }
        (Some(p), _) => format!("<small>p = {}</small>", p_value(p)),
        (None, _) => String::new(),
    }
}

fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Reproduced => "yes",
        Verdict::SameSignSmaller => "less",
        Verdict::NotReproduced => "no",
        Verdict::NotDecidable => "open",
    }
}

/// A tick, a half disc, a cross, a ring.
fn sign(verdict: Verdict) -> String {
    let (path, filled) = match verdict {
        Verdict::Reproduced => ("M2.5 8.5l4 4 7-9", ""),
        Verdict::SameSignSmaller => ("M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11z", "M8 3a5 5 0 0 0 0 10z"),
        Verdict::NotReproduced => ("M3 3l10 10M13 3l-10 10", ""),
        Verdict::NotDecidable => ("M8 3.5a4.5 4.5 0 1 0 0 9a4.5 4.5 0 1 0 0-9z", ""),
    };
    let filled =
        if filled.is_empty() { String::new() } else { format!("<path class=\"filled\" d=\"{filled}\"/>") };
    format!(
        "<svg class=\"sign\" viewBox=\"0 0 16 16\" aria-hidden=\"true\"><path d=\"{path}\"/>{filled}</svg>"
    )
}
