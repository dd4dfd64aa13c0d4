//! A table of texts that scrolls within itself. It knows no numbers.

use std::fmt::Write;

use crate::figures::escape;

/// A column: its heading, HTML where the cells are, and whether it has numbers.
pub(crate) type Column<'a> = (&'a str, bool);

/// A table of plain texts.
pub(crate) fn table(columns: &[Column<'_>], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let columns: Vec<(String, bool)> =
        columns.iter().map(|(heading, is_number)| (escape(heading), *is_number)).collect();
    let columns: Vec<Column<'_>> =
        columns.iter().map(|(heading, is_number)| (heading.as_str(), *is_number)).collect();
    table_of_html(
        &columns,
        rows.into_iter().map(|cells| cells.iter().map(|cell| escape(cell)).collect::<Vec<String>>()),
    )
}

/// A table whose headings and cells are HTML.
pub(crate) fn table_of_html(columns: &[Column<'_>], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let class = |is_number: bool| if is_number { " class=\"n\"" } else { "" };
    let mut out = String::from("<div class=\"scroll\"><table><thead><tr>");
    for (heading, is_number) in columns {
        let _ = write!(out, "<th{}>{heading}</th>", class(*is_number));
    }
    out.push_str("</tr></thead><tbody>");
    for cells in rows {
        out.push_str("<tr>");
        for ((_, is_number), cell) in columns.iter().zip(&cells) {
            let _ = write!(out, "<td{}>{cell}</td>", class(*is_number));
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div>");
    out
}
