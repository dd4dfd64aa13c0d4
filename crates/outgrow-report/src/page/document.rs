//! What every page has around its content: head, style, title, sections. It knows no report.

use std::fmt::Write;

use crate::{drawing::dress::CHART_STYLE, figures::escape};

const PAGE_STYLE: &str = include_str!("page.css");

/// Everything up to the first section. `facts` is HTML.
pub(crate) fn begin(out: &mut String, title: &str, facts: &str) {
    let title = escape(title);
    let _ = writeln!(
        out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{title}</title>\n<style>{PAGE_STYLE}{CHART_STYLE}</style></head>\n<body><main>\
         <header><p class=\"brand\">Outgrow</p><h1>{title}</h1><p class=\"facts\">{facts}</p></header>"
    );
}

/// Everything after the last section.
pub(crate) fn end(out: &mut String) {
    out.push_str("</main></body></html>\n");
}

/// A section. All but its heading is HTML.
pub(crate) fn section(out: &mut String, heading: &str, note: &str, content: &str) {
    let lead = if note.is_empty() { String::new() } else { format!("<p class=\"lead\">{note}</p>") };
    let _ = writeln!(out, "<section><h2>{}</h2>{lead}{content}</section>", escape(heading));
}

/// Something that is folded until one asks for it, and open on paper.
pub(crate) fn folded(summary: &str, content: &str) -> String {
    format!("<details class=\"more\"><summary>{}</summary>{content}</details>", escape(summary))
}

/// The numbers of a drawing, folded; on paper they are left out.
pub(crate) fn folded_numbers(content: &str) -> String {
    left_out_on_paper("The numbers", content)
}

/// Something that is folded until one asks for it, and left out on paper.
pub(crate) fn left_out_on_paper(summary: &str, content: &str) -> String {
    format!("<details class=\"more numbers\"><summary>{}</summary>{content}</details>", escape(summary))
}
