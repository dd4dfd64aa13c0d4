//! One drawing of a figure, or why there is none. A figure with several (loss against FLOPs, tokens, seconds) shows one
//! of them, and the reader chooses, without a script.

use std::fmt::Write;

use crate::{drawing::picture::Picture, figures::escape, page::plot::plot_picture};

/// One drawing.
pub(crate) struct Panel {
    /// A word for file names: `tokens`; nothing for the only one.
    pub name: &'static str,
    /// As the reader chooses it.
    pub label: &'static str,
    /// What is drawn, or a sentence on why nothing is.
    pub picture: Result<Picture, String>,
}

impl Panel {
    /// The only drawing of a figure.
    pub(crate) fn only(picture: Result<Picture, String>) -> Vec<Self> {
        vec![Self::new("", "", picture)]
    }

    /// A drawing; one with fewer than two places becomes a sentence.
    pub(crate) fn new(name: &'static str, label: &'static str, picture: Result<Picture, String>) -> Self {
        let picture = picture.and_then(|picture| {
            if picture.is_worth_drawing() {
                Ok(picture)
            } else {
                Err("Nothing is drawn yet: a plot takes two points, and the finished runs give fewer."
                    .to_owned())
            }
        });
        Self { name, label, picture }
    }
}

/// The panels of one figure. `id` is unique in the page.
pub(crate) fn panels(id: &str, panels: &[Panel]) -> String {
    let one = |panel: &Panel| match &panel.picture {
        Ok(picture) => plot_picture(picture),
        Err(why) => format!("<p class=\"none\">{}</p>", escape(why)),
    };
    let is_empty = panels.iter().all(|panel| panel.picture.is_err());
    if let (Some(first), true) = (panels.first(), is_empty || panels.len() == 1) {
        return one(first);
    }
    let mut out = String::from("<div class=\"tabs\" role=\"group\" aria-label=\"horizontal axis\">");
    let first = panels.iter().position(|panel| panel.picture.is_ok()).unwrap_or(0);
    for (index, panel) in panels.iter().enumerate() {
        let checked = if index == first { " checked" } else { "" };
        let _ = write!(
            out,
            "<input type=\"radio\" name=\"{id}\" id=\"{id}-{}\"{checked}><label for=\"{id}-{}\">{}</label>",
            panel.name,
            panel.name,
            escape(panel.label)
        );
    }
    for panel in panels {
        let _ = write!(out, "<div class=\"panel\">{}</div>", one(panel));
    }
    out.push_str("</div>");
    out
}
