//! A drawing of any kind, wide or narrow. It knows no run.

use crate::drawing::{
    chart::{Chart, Shape},
    dress::Dress,
    forest::Forest,
    heat_map::HeatMap,
    strips::Strips,
};

/// Something that is drawn.
pub(crate) enum Picture {
    Chart(Chart),
    Forest(Forest),
    HeatMap(HeatMap),
    Strips(Strips),
}

impl Picture {
    /// As it is on a page with room.
    pub(crate) fn wide(&self, dress: Dress) -> String {
        match self {
            Self::Chart(chart) => chart.svg(dress),
            Self::Forest(forest) => forest.svg(false, dress),
            Self::HeatMap(map) => map.svg(false, dress),
            Self::Strips(strips) => strips.svg(false, dress),
        }
    }

    /// As it is on a telephone's page.
    pub(crate) fn narrow(&self) -> String {
        match self {
            Self::Chart(chart) => chart.svg_in(Shape::Narrow, "narrow", Dress::Page),
            Self::Forest(forest) => forest.svg(true, Dress::Page),
            Self::HeatMap(map) => map.svg(true, Dress::Page),
            Self::Strips(strips) => strips.svg(true, Dress::Page),
        }
    }

    /// Whether it takes half of a page.
    pub(crate) fn is_half(&self) -> bool {
        match self {
            Self::Chart(chart) => chart.shape == Shape::Half,
            Self::Forest(_) | Self::HeatMap(_) | Self::Strips(_) => false,
        }
    }

    /// Whether there is anything to see: a picture of one number says nothing that the number doesn't.
    pub(crate) fn is_worth_drawing(&self) -> bool {
        match self {
            Self::Chart(chart) => chart.has_two_places(),
            Self::Forest(forest) => forest.has_two_places(),
            Self::HeatMap(map) => map.has_two_places(),
            Self::Strips(strips) => strips.has_stages(),
        }
    }
}
