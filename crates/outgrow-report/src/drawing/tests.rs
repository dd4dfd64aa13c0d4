//! What holds for every drawing, whatever its numbers: each number has a place inside, none reaches a coordinate that
//! is no number, and text stays text.

use proptest::prelude::*;

use crate::drawing::{
    axis::{Axis, Scale},
    chart::{Chart, Kind, Minimum, Place, Point, Range, Series, Shape},
    dress::Dress,
    forest::{Forest, Row},
    heat_map::{Cell, HeatMap, HeatRow},
    mark::Look,
    picture::Picture,
    strips::{StageSpan, Strip, Strips},
};

/// Numbers as they come, and those that have no place anywhere.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => -0.2..0.2_f64,
        2 => 0.0..1e13_f64,
        1 => Just(0.0),
        1 => Just(f64::NAN),
        1 => Just(f64::INFINITY),
        1 => Just(f64::NEG_INFINITY),
    ]
}

fn numbers() -> impl Strategy<Value = Vec<f64>> {
    proptest::collection::vec(number(), 0..7)
}

/// A mean, its interval, and the seeds.
type Numbers = (f64, Option<(f64, f64)>, Vec<f64>);

fn forest(rows: Vec<Numbers>) -> Forest {
    let row = |(mean, interval, seeds): Numbers| Row {
        label: "<stack>".to_owned(),
        mean,
        interval,
        seeds: seeds.into_iter().map(|value| (value, "seed".to_owned())).collect(),
        text: "−0.1".to_owned(),
    };
    Forest {
        title: "differences".to_owned(),
        label: "nats".to_owned(),
        sides: ("← better".to_owned(), "worse →".to_owned()),
        negligible: 0.01,
        rows: rows.into_iter().map(row).collect(),
    }
}

fn heat_map(rows: Vec<Vec<f64>>, ridge: Option<(f64, Option<(f64, f64)>)>) -> HeatMap {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let cell = |value| Some(Cell { value, text: "−0.1".to_owned(), title: "<cell>".to_owned() });
    let row = |cells: Vec<f64>| HeatRow {
        name: "20 %".to_owned(),
        beside: "1 TFLOP".to_owned(),
        cells: cells.into_iter().map(cell).collect(),
        ridge,
    };
    HeatMap {
        title: "map".to_owned(),
        labels: ("d →".to_owned(), "budget ↓".to_owned()),
        columns: (0..columns).map(|column| format!("<{column}>")).collect(),
        rows: rows.into_iter().map(row).collect(),
        sides: ("better".to_owned(), "worse".to_owned()),
    }
}

fn strips(stages: &[(f64, f64)], rates: Vec<(f64, f64)>) -> Option<Strips> {
    let ends = stages.iter().flat_map(|(from, to)| [*from, *to]);
    let x = Axis::holding("FLOP", Scale::Linear, ends)?;
    let stage = |&(from, to): &(f64, f64)| StageSpan {
        name: "<base>".to_owned(),
        from,
        to,
        is_grown: from > 0.0,
        title: "stage".to_owned(),
    };
    let strip =
        Strip { label: "stack".to_owned(), look: Look(1), stages: stages.iter().map(stage).collect(), rates };
    Some(Strips { title: "strips".to_owned(), x, strips: vec![strip] })
}

fn chart(places: &[(f64, f64)], scale: Scale, kind: Kind) -> Option<Chart> {
    let point =
        |x, y| Point { place: Place { x, y, band: Some((y - 0.1, y + 0.1)) }, title: "<point>".to_owned() };
    let series = Series {
        name: "<stack>".to_owned(),
        look: Look(3),
        kind,
        lines: vec![places.iter().map(|&(x, y)| point(x, y)).collect()],
        mean: None,
        marks: places.iter().map(|&(x, y)| point(x, y)).collect(),
    };
    let x = Axis::holding("x", scale, places.iter().map(|place| place.0))?;
    let y = Axis::holding("y", Scale::Linear, places.iter().map(|place| place.1))?;
    let mut chart = Chart::new("chart", "chart".to_owned(), Shape::Whole, (x, y), vec![series]);
    chart.minima = places
        .iter()
        .map(|&(x, y)| Minimum { point: point(x, y), interval: Some((y, x)), look: Look(1) })
        .collect();
    chart.ranges =
        places.iter().map(|&(x, y)| Range { from: x, to: y, text: "<range>".to_owned() }).collect();
    chart.levels = places.iter().map(|&(_, y)| (y, "level".to_owned())).collect();
    Some(chart)
}

/// The numbers of an attribute, wherever it stands.
fn attribute(svg: &str, name: &str) -> Vec<f64> {
    let name = format!(" {name}=\"");
    let values = svg.split(&name).skip(1).filter_map(|rest| rest.split('"').next());
    values.map(|value| value.parse().unwrap_or(f64::NAN)).collect()
}

/// Whether everything that has a place has it on the page.
fn is_inside(svg: &str) -> Result<(), TestCaseError> {
    if svg.is_empty() {
        return Ok(());
    }
    prop_assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    prop_assert!(!svg.contains("<stack>") && !svg.contains("<point>") && !svg.contains("<cell>"), "{svg}");
    let size: Vec<f64> = svg
        .split("viewBox=\"0 0 ")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .map(|ends| ends.split(' ').filter_map(|end| end.parse().ok()).collect())
        .unwrap_or_default();
    for (names, end) in [(["x", "cx"], size[0]), (["y", "cy"], size[1])] {
        for value in names.iter().flat_map(|name| attribute(svg, name)) {
            prop_assert!((-1.0..=end + 1.0).contains(&value), "{value} of {end}: {svg}");
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn every_row_of_a_forest_lies_inside(
        rows in proptest::collection::vec((number(), proptest::option::of((number(), number())), numbers()), 0..5)
    ) {
        let picture = Picture::Forest(forest(rows));
        is_inside(&picture.wide(Dress::Paper))?;
        is_inside(&picture.narrow())?;
    }

    #[test]
    fn every_cell_of_a_map_lies_inside(
        rows in proptest::collection::vec(numbers(), 0..5),
        ridge in proptest::option::of((number(), proptest::option::of((number(), number())))),
    ) {
        let picture = Picture::HeatMap(heat_map(rows, ridge));
        is_inside(&picture.wide(Dress::Page))?;
        is_inside(&picture.narrow())?;
    }

    #[test]
    fn every_stage_lies_inside(
        stages in proptest::collection::vec((number(), number()), 0..4),
        rates in proptest::collection::vec((number(), number()), 0..6),
    ) {
        let Some(strips) = strips(&stages, rates) else { return Ok(()) };
        let picture = Picture::Strips(strips);
        is_inside(&picture.wide(Dress::Page))?;
        is_inside(&picture.narrow())?;
    }

    #[test]
    fn every_point_of_a_chart_lies_inside(
        places in proptest::collection::vec((number(), number()), 0..8),
        scale in prop_oneof![Just(Scale::Linear), Just(Scale::Logarithmic), Just(Scale::LogarithmicBesideZero)],
        kind in prop_oneof![Just(Kind::Line), Just(Kind::Dots), Just(Kind::Foretold)],
    ) {
        let Some(chart) = chart(&places, scale, kind) else { return Ok(()) };
        let picture = Picture::Chart(chart);
        is_inside(&picture.wide(Dress::Web))?;
        is_inside(&picture.narrow())?;
    }
}

#[test]
fn a_picture_of_fewer_than_two_points_is_not_worth_drawing() {
    let one = chart(&[(1.0, 2.0), (f64::NAN, 2.0)], Scale::Linear, Kind::Line).unwrap();
    let two = chart(&[(1.0, 2.0), (2.0, 2.0)], Scale::Linear, Kind::Line).unwrap();
    assert!(!Picture::Chart(one).is_worth_drawing() && Picture::Chart(two).is_worth_drawing());
    assert!(!Picture::HeatMap(heat_map(vec![vec![0.1, f64::NAN]], None)).is_worth_drawing());
    assert!(!Picture::Forest(forest(vec![(f64::NAN, None, vec![0.1])])).is_worth_drawing());
    assert!(!Picture::Strips(strips(&[(1.0, 1.0)], Vec::new()).unwrap()).is_worth_drawing());
}

#[test]
fn a_forest_of_one_row() {
    let forest = forest(vec![(-0.05, Some((-0.06, -0.04)), vec![-0.055, -0.045])]);
    insta::assert_snapshot!(forest.svg(true, Dress::Page).replace("><", ">\n<"), @r#"
    <svg class="chart narrow" viewBox="0 0 340 122" xmlns="http://www.w3.org/2000/svg" role="img" aria-label="differences">
    <rect class="range" x="232.7" y="28" width="83.6" height="50.0"/>
    <path class="grid" d="M23.7 28V78.0"/>
    <text class="tick middle" x="23.7" y="95.0">−0.06</text>
    <path class="grid" d="M107.3 28V78.0"/>
    <text class="tick middle" x="107.3" y="95.0">−0.04</text>
    <path class="grid" d="M190.9 28V78.0"/>
    <text class="tick middle" x="190.9" y="95.0">−0.02</text>
    <path class="grid" d="M274.5 28V78.0"/>
    <text class="tick middle" x="274.5" y="95.0">0.00</text>
    <path class="axis" d="M12.0 78.0H328.0M274.5 28V78.0"/>
    <text class="note end" x="266.5" y="18">← better</text>
    <text class="label middle" x="170.0" y="114.0">nats</text>
    <g class="data c1">
    <path class="interval" d="M23.7 59.0H107.3"/>
    <path class="whisker" d="M23.7 54.0v10M107.3 54.0v10"/>
    <circle class="ring" cx="44.6" cy="58.3" r="3.2">
    <title>seed</title>
    </circle>
    <circle class="ring" cx="86.4" cy="59.7" r="3.2">
    <title>seed</title>
    </circle>
    <path class="mean" d="M65.5 52.0v14">
    <title>&lt;stack&gt;: mean −0.1</title>
    </path>
    </g>
    <text class="row-label halo" x="0" y="45.0">&lt;stack&gt;<title>&lt;stack&gt;</title>
    </text>
    <text class="tick end halo" x="340" y="45.0">−0.1</text>
    </svg>
    "#);
}

#[test]
fn a_map_of_two_cells() {
    let map = heat_map(vec![vec![-0.1, 0.05]], Some((0.5, Some((0.2, 0.8)))));
    insta::assert_snapshot!(map.svg(true, Dress::Page).replace("><", ">\n<"), @r#"
    <svg class="chart narrow" viewBox="0 0 340 136" xmlns="http://www.w3.org/2000/svg" role="img" aria-label="map">
    <text class="label" x="71.5" y="14">d →</text>
    <text class="label" x="0" y="36.0">budget ↓</text>
    <text class="tick middle" x="138.6" y="36.0">&lt;0&gt;</text>
    <text class="tick middle" x="272.9" y="36.0">&lt;1&gt;</text>
    <text class="row-label" x="0" y="71.0">20 %<title>20 %</title>
    </text>
    <g class="data">
    <g>
    <title>&lt;cell&gt;</title>
    <rect class="below" fill-opacity="0.500" x="72.5" y="45.0" width="132.2" height="44.0" rx="4"/>
    <text class="in-cell middle" x="138.6" y="60.0">−0.1</text>
    </g>
    <g>
    <title>&lt;cell&gt;</title>
    <rect class="above" fill-opacity="0.250" x="206.8" y="45.0" width="132.2" height="44.0" rx="4"/>
    <text class="in-cell middle" x="272.9" y="60.0">−0.1</text>
    </g>
    </g>
    <path class="level" d="M205.8 76.0"/>
    <path class="ridge" d="M165.5 76.0H246.0"/>
    <circle class="ridge-dot" cx="205.8" cy="76.0" r="4.5"/>
    <rect class="below" fill-opacity="0.5" x="0.0" y="104.0" width="26" height="12" rx="3"/>
    <text class="note" x="34.0" y="114.0">better</text>
    <rect class="above" fill-opacity="0.5" x="94.6" y="104.0" width="26" height="12" rx="3"/>
    <text class="note" x="128.6" y="114.0">worse</text>
    <path class="ridge" d="M0.0 128.0h26"/>
    <circle class="ridge-dot" cx="13.0" cy="128.0" r="4.5"/>
    <text class="note" x="34.0" y="132.0">fitted minimum, with its interval</text>
    </svg>
    "#);
}

#[test]
fn a_strip_of_two_stages() {
    let strips = strips(&[(0.0, 10.0), (10.0, 40.0)], vec![(1.0, 1e-3), (40.0, 1e-4)]).unwrap();
    insta::assert_snapshot!(strips.svg(true, Dress::Page).replace("><", ">\n<"), @r#"
    <svg class="chart narrow" viewBox="0 0 340 120" xmlns="http://www.w3.org/2000/svg" role="img" aria-label="strips">
    <text class="row-label" x="0" y="18.0">stack<title>stack</title>
    </text>
    <g class="data c1">
    <g>
    <title>stage</title>
    <rect class="phase" x="15.9" y="24.0" width="74.5" height="20" rx="2"/>
    <text class="phase-name" x="20.9" y="38.5">&lt;base&gt;</text>
    </g>
    <g>
    <title>stage</title>
    <rect class="phase odd" x="93.0" y="24.0" width="221.1" height="20" rx="2"/>
    <text class="phase-name" x="98.0" y="38.5">&lt;base&gt;</text>
    </g>
    <path class="rate-ground" d="M23.4 47.0L314.1 65.9L314.1 68.0H23.4z"/>
    <path class="rate" d="M23.4 47.0L314.1 65.9">
    <title>learning rate, at most 1.00e-3</title>
    </path>
    </g>
    <path class="axis" d="M4.0 78.0H326.0"/>
    <path class="axis" d="M15.9 78.0v5"/>
    <text class="tick middle" x="15.9" y="96.0">0</text>
    <path class="axis" d="M90.5 78.0v5"/>
    <text class="tick middle" x="90.5" y="96.0">10</text>
    <path class="axis" d="M165.0 78.0v5"/>
    <text class="tick middle" x="165.0" y="96.0">20</text>
    <path class="axis" d="M239.5 78.0v5"/>
    <text class="tick middle" x="239.5" y="96.0">30</text>
    <path class="axis" d="M314.1 78.0v5"/>
    <text class="tick middle" x="314.1" y="96.0">40</text>
    <text class="label middle" x="165.0" y="114.0">FLOP</text>
    </svg>
    "#);
}
