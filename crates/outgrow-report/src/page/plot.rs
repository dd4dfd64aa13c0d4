//! A chart on the page: in its own shape, and in one for a narrow page. The style sheet shows one of them.

use crate::drawing::{
    chart::{Chart, Shape},
    dress::Dress,
};

/// Both shapes of a chart.
pub(crate) fn plot(chart: &Chart) -> String {
    let shape = match chart.shape {
        Shape::Whole | Shape::Low => "whole",
        Shape::Half | Shape::Third | Shape::Narrow => "half",
    };
    format!(
        "<div class=\"plot {shape}\">{}{}</div>",
        chart.svg(Dress::Page),
        chart.svg_in(Shape::Narrow, "narrow", Dress::Page)
    )
}
