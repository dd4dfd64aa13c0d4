//! The stages of runs as strips, as long as what they cost, and the learning rate under each. It knows no run.

use std::fmt::Write;

use crate::{
    drawing::{
        axis::{Axis, Tick},
        dress::{Dress, open},
        mark::Look,
        text::{cut, width},
    },
    figures::escape,
};

/// Strips that share an axis.
pub(crate) struct Strips {
    /// What a screen reader says.
    pub title: String,
    /// What stages cost, from nothing to the longest strip's end.
    pub x: Axis,
    /// From top to bottom.
    pub strips: Vec<Strip>,
}

/// One strip.
pub(crate) struct Strip {
    /// Whose it is.
    pub label: String,
    pub look: Look,
    pub stages: Vec<StageSpan>,
    /// The learning rate along the axis.
    pub rates: Vec<(f64, f64)>,
}

/// One stage.
pub(crate) struct StageSpan {
    pub name: String,
    pub from: f64,
    pub to: f64,
    /// Whether it began with a growth.
    pub is_grown: bool,
    /// What a reader sees when pointing at it.
    pub title: String,
}

const WIDE: f64 = 940.0;
const NARROW: f64 = 340.0;
const SIZE: f64 = 12.0;

/// The heights of a strip, of its learning rates and of the gap below them.
const BAR: f64 = 20.0;
const RATES: f64 = 22.0;
const GAP: f64 = 12.0;
/// The height of a line of names above a strip, and how far such a name may stand from its stage.
const NAMES: f64 = 18.0;
const FARTHEST: f64 = 24.0;

/// The most that labels may take of a wide drawing.
const MOST_LABEL: f64 = 310.0;

impl Strips {
    /// Whether there is a stage at all.
    pub(crate) fn has_stages(&self) -> bool {
        self.strips.iter().flat_map(|strip| &strip.stages).any(|stage| stage.to > stage.from)
    }

    /// The strips as an `<svg>` element; narrow ones have their labels above them.
    pub(crate) fn svg(&self, is_narrow: bool, dress: Dress) -> String {
        let mut out = String::new();
        let labels = self.strips.iter().map(|strip| width(&strip.label, SIZE) + 14.0).fold(0.0, f64::max);
        let (full, left) = if is_narrow { (NARROW, 4.0) } else { (WIDE, labels.clamp(40.0, MOST_LABEL)) };
        let right = full - 14.0;
        let label_height = if is_narrow { 18.0 } else { 0.0 };
        let x = |value: f64| left + self.x.part(value).clamp(0.0, 1.0) * (right - left);
        let beside: Vec<Vec<Beside<'_>>> =
            self.strips.iter().map(|strip| names_beside(strip, &x, (left, full))).collect();
        let heights = beside.iter().map(|names| {
            let names = if names.is_empty() { 0.0 } else { NAMES };
            label_height + names + BAR + RATES + GAP
        });
        let bottom = 6.0 + heights.clone().sum::<f64>();
        open(&mut out, dress, if is_narrow { "narrow" } else { "" }, (full, bottom + 42.0), &self.title);
        let rates = self.strips.iter().flat_map(|strip| &strip.rates).map(|(_, rate)| *rate);
        let largest = rates.filter(|rate| rate.is_finite()).fold(f64::MIN_POSITIVE, f64::max);
        let mut top = 6.0;
        for ((strip, names), height) in self.strips.iter().zip(&beside).zip(heights) {
            let bar = top + height - BAR - RATES - GAP;
            let (label_y, room) = if is_narrow { (top + 12.0, full) } else { (bar + 15.0, left - 12.0) };
            let _ = write!(
                out,
                "<text class=\"row-label\" x=\"0\" y=\"{label_y:.1}\">{}<title>{}</title></text><g class=\"data {}\">",
                escape(&cut(&strip.label, SIZE, room)),
                escape(&strip.label),
                strip.look.colour()
            );
            draw_stages(&mut out, strip, &x, bar);
            draw_rates(&mut out, strip, &x, bar + BAR + 2.0, largest);
            for Beside { name, at, from } in names {
                let _ = write!(
                    out,
                    "<path class=\"leader\" d=\"M{at:.1} {bar:.1}v-4\"/><text class=\"note\" x=\"{from:.1}\" y=\"{:.1}\">{}</text>",
                    bar - 5.0,
                    escape(name)
                );
            }
            out.push_str("</g>");
            top += height;
        }
        self.draw_axis(&mut out, &x, (left, right, full), bottom);
        out.push_str("</svg>");
        out
    }

    fn draw_axis(&self, out: &mut String, x: &impl Fn(f64) -> f64, ends: (f64, f64, f64), bottom: f64) {
        let (left, right, full) = ends;
        let _ = write!(out, "<path class=\"axis\" d=\"M{left:.1} {bottom:.1}H{right:.1}\"/>");
        for Tick { value, text } in self.x.ticks((full / 100.0) as usize) {
            let half = 0.5 * width(&text, SIZE);
            let _ = write!(
                out,
                "<path class=\"axis\" d=\"M{:.1} {bottom:.1}v5\"/><text class=\"tick middle\" x=\"{:.1}\" y=\"{:.1}\">{text}</text>",
                x(value),
                x(value).clamp(half, full - half),
                bottom + 18.0
            );
        }
        let _ = write!(
            out,
            "<text class=\"label middle\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            f64::midpoint(left, right),
            bottom + 36.0,
            escape(&cut(&self.x.label, SIZE, right - left))
        );
    }
}

/// The name of a stage that is too short for it, above its bar: where the stage is, and where the name begins.
struct Beside<'a> {
    name: &'a str,
    at: f64,
    from: f64,
}

/// Whether a stage has room for its name.
fn holds_its_name(stage: &StageSpan, room: f64) -> bool {
    width(&stage.name, SIZE) + 10.0 <= room
}

/// The names of short stages, side by side and each as near to its stage as the others let it. What has no room is left
/// out; pointing at the stage still says it.
fn names_beside<'a>(strip: &'a Strip, x: &impl Fn(f64) -> f64, (left, full): (f64, f64)) -> Vec<Beside<'a>> {
    let mut names: Vec<Beside<'a>> = Vec::new();
    let mut free = left;
    for stage in strip.stages.iter().filter(|stage| stage.from.is_finite() && stage.to.is_finite()) {
        let (begins, ends) = (x(stage.from), x(stage.to));
        // What costs nothing, such as a base that grows at once, isn't drawn.
        if holds_its_name(stage, ends - begins) || stage.to <= stage.from {
            continue;
        }
        let (at, length) = (f64::midpoint(begins, ends), width(&stage.name, SIZE));
        let from = (at - 0.5 * length).min(full - length).max(free);
        if from + length <= full && (from - at).abs() < 0.5 * length + FARTHEST {
            free = from + length + 8.0;
            names.push(Beside { name: &stage.name, at, from });
        }
    }
    names
}

fn draw_stages(out: &mut String, strip: &Strip, x: &impl Fn(f64) -> f64, top: f64) {
    let stages = strip.stages.iter().filter(|stage| stage.from.is_finite() && stage.to.is_finite());
    for (number, stage) in stages.enumerate() {
        let (from, to) = (x(stage.from), x(stage.to));
        // A wide gap is a growth.
        let from = if number > 0 { from + if stage.is_grown { 2.5 } else { 0.5 } } else { from };
        let room = (to - from).max(0.5);
        let shade = if number % 2 == 0 { "" } else { " odd" };
        let _ = write!(
            out,
            "<g><title>{}</title><rect class=\"phase{shade}\" x=\"{from:.1}\" y=\"{top:.1}\" width=\"{room:.1}\" height=\"{BAR}\" rx=\"2\"/>",
            escape(&stage.title)
        );
        if holds_its_name(stage, room) {
            let _ = write!(
                out,
                "<text class=\"phase-name\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                from + 5.0,
                top + 14.5,
                escape(&stage.name)
            );
        }
        out.push_str("</g>");
    }
}

fn draw_rates(out: &mut String, strip: &Strip, x: &impl Fn(f64) -> f64, top: f64, largest: f64) {
    let finite: Vec<&(f64, f64)> =
        strip.rates.iter().filter(|(at, rate)| at.is_finite() && rate.is_finite()).collect();
    let (Some(first), Some(last)) = (finite.first(), finite.last()) else { return };
    let bottom = top + RATES;
    let mut line = String::new();
    for (at, rate) in &finite {
        let y = bottom - (rate / largest).clamp(0.0, 1.0) * (RATES - 1.0);
        let _ = write!(line, "{}{:.1} {y:.1}", if line.is_empty() { 'M' } else { 'L' }, x(*at));
    }
    let (from, to) = (x(first.0), x(last.0));
    let _ = write!(
        out,
        "<path class=\"rate-ground\" d=\"{line}L{to:.1} {bottom:.1}H{from:.1}z\"/><path class=\"rate\" d=\"{line}\"><title>learning rate, at most {:.2e}</title></path>",
        finite.iter().map(|(_, rate)| *rate).fold(0.0, f64::max)
    );
}
