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
    let is_somebodys = names_a_paper(outcome);
    for verdict in Verdict::ALL {
        let number = outcome.claims.iter().filter(|claim| claim.verdict == verdict).count();
        let words = verdict.in_words(is_somebodys);
        let faint = if number == 0 { " no-claim" } else { "" };
        let _ = write!(
            out,
            "<div class=\"card {}{faint}\"><div class=\"number\">{number}</div><p>{}{words}</p></div>",
            class(verdict),
            sign(verdict)
        );
    }
    out.push_str("</section>\n");
    out
}

/// Whether a claim is a paper's: if none is, there is nothing to reproduce, and no column of its numbers.
fn names_a_paper(outcome: &Outcome) -> bool {
    outcome.claims.iter().any(|claim| !claim.claim.paper.is_empty())
}

/// A row for each claim.
pub(crate) fn table(outcome: &Outcome) -> String {
    let has_paper = names_a_paper(outcome);
    let heading =
        if has_paper { "<th>the paper's</th><th>ours, 95 %</th>" } else { "<th>the runs, 95 %</th>" };
    let ours = if has_paper { "ours, 95 %" } else { "the runs, 95 %" };
    let mut out = format!(
        "<table class=\"claims\"><thead><tr><th>claim</th>{heading}<th class=\"n\">seeds</th><th>verdict</th></tr></thead><tbody>",
    );
    for claim in &outcome.claims {
        let paper = match (has_paper, claim.claim.paper.as_str()) {
            (false, _) => String::new(),
            (true, "") => "<td data-name=\"the paper's\">–</td>".to_owned(),
            (true, paper) => {
                let paper = escape(paper).replace("Fig. ", "Fig.&nbsp;");
                format!("<td data-name=\"the paper's\">{paper}</td>")
            }
        };
        let _ = write!(
            out,
            "<tr><td data-name=\"claim\"><b>{}</b><small>{}</small></td>{paper}\
             <td data-name=\"{ours}\" class=\"ours\">{}</td><td data-name=\"seeds\" class=\"n\">{}</td><td data-name=\"verdict\">{}{}</td></tr>",
            escape(&claim.claim.says),
            escape(&claim.sentence),
            if claim.ours.is_empty() { "–".to_owned() } else { escape(&claim.ours) },
            claim.seeds,
            word(claim.verdict, !claim.claim.paper.is_empty()),
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
fn word(verdict: Verdict, is_somebodys: bool) -> String {
    let words = verdict.in_words(is_somebodys);
    format!("<span class=\"verdict {}\">{}{words}</span>", class(verdict), sign(verdict))
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
