//! A drawing on the page: with room, and for a narrow page. The style sheet shows one of them.

use crate::drawing::{
    chart::{Chart, Shape},
    dress::Dress,
    picture::Picture,
};

/// Both shapes of a chart.
pub(crate) fn plot(chart: &Chart) -> String {
    both(
        chart.shape == Shape::Half,
        &chart.svg(Dress::Page),
        &chart.svg_in(Shape::Narrow, "narrow", Dress::Page),
    )
}

/// Both shapes of any drawing.
pub(crate) fn plot_picture(picture: &Picture) -> String {
    both(picture.is_half(), &picture.wide(Dress::Page), &picture.narrow())
}

fn both(is_half: bool, wide: &str, narrow: &str) -> String {
    let class = if is_half { "plot half" } else { "plot" };
    format!("<div class=\"{class}\">{wide}{narrow}</div>")
}
