//! From numbers to places on a chart, and where the ticks stand. It draws nothing.

use crate::figures::prefix;

/// How a number becomes a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    Linear,
    Logarithmic,
    /// Logarithmic from the lowest positive number on, with a place for zero beside it.
    LogarithmicBesideZero,
}

/// Of an axis with a place for zero: where zero lies, and where the logarithms begin.
const ZERO: f64 = 0.03;
const BEGIN: f64 = 0.14;

/// One axis: its range in data, its range on the page, and how to write a number.
#[derive(Clone, Debug)]
pub(crate) struct Axis {
    pub label: String,
    pub scale: Scale,
    pub low: f64,
    pub high: f64,
    /// What a tick's number is divided by: the factor of an SI prefix.
    pub unit: f64,
    /// Ticks at places of its own, where the axis has only a few.
    pub given_ticks: Vec<Tick>,
}

/// A number that is written beside the axis.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tick {
    pub value: f64,
    pub text: String,
}

impl Axis {
    /// An axis that holds all of these numbers with a little room on both sides. Numbers without a place on the scale
    /// don't count: what isn't finite, and on a logarithmic scale what isn't positive. `None` where none is left.
    pub(crate) fn holding(label: &str, scale: Scale, values: impl Iterator<Item = f64>) -> Option<Self> {
        let has_place = |value: &f64| match scale {
            Scale::Linear => value.abs() < LARGEST,
            // Zero has its place without making room for it.
            Scale::Logarithmic | Scale::LogarithmicBesideZero => (1.0 / LARGEST..LARGEST).contains(value),
        };
        let range = |(low, high): (f64, f64), value: f64| (low.min(value), high.max(value));
        let (low, high) = values.filter(has_place).fold((f64::INFINITY, f64::NEG_INFINITY), range);
        if low > high {
            return None;
        }
        let (low, high) = match scale {
            Scale::Linear => {
                let (low, high) = if high - low > 1e-9 * high.abs().max(low.abs()) {
                    (low, high)
                } else {
                    // All the same: as much room as the number's own size suggests.
                    let room = 0.05 * high.abs().max(1e-3);
                    (low - room, high + room)
                };
                let room = ROOM * (high - low);
                (low - room, high + room)
            }
            Scale::Logarithmic | Scale::LogarithmicBesideZero => {
                let room = (high / low).powf(ROOM).max(1.01);
                (low / room, high * room)
            }
        };
        Some(Self { label: label.to_owned(), scale, low, high, unit: 1.0, given_ticks: Vec::new() })
    }

    /// The axis with these ticks and no others.
    pub(crate) fn with_ticks(self, given_ticks: Vec<Tick>) -> Self {
        Self { given_ticks, ..self }
    }

    /// The axis the other way round.
    pub(crate) fn reversed(self) -> Self {
        Self { low: self.high, high: self.low, ..self }
    }

    /// The axis with its numbers in units of this size.
    pub(crate) fn in_units(self, unit: f64) -> Self {
        Self { unit, ..self }
    }

    /// Whether `value` has a place on this axis, and that lies within its ends.
    pub(crate) fn holds(&self, value: f64) -> bool {
        (-1e-6..=1.0 + 1e-6).contains(&self.part(value))
    }

    /// Where `value` lies between the low end (0) and the high end (1); beyond them outside of that.
    pub(crate) fn part(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Logarithmic => (value / self.low).ln() / (self.high / self.low).ln(),
            Scale::LogarithmicBesideZero if value == 0.0 => ZERO,
            Scale::LogarithmicBesideZero => {
                BEGIN + (1.0 - BEGIN) * (value / self.low).ln() / (self.high / self.low).ln()
            }
        }
    }

    /// About `wanted` ticks at round numbers within the range.
    pub(crate) fn ticks(&self, wanted: usize) -> Vec<Tick> {
        if !self.given_ticks.is_empty() {
            return self.given_ticks.clone();
        }
        // An axis may run downwards.
        let (low, high) = (self.low.min(self.high) / self.unit, self.low.max(self.high) / self.unit);
        let values = match self.scale {
            Scale::Linear => linear_ticks(low, high, wanted),
            Scale::Logarithmic | Scale::LogarithmicBesideZero => logarithmic_ticks(low, high, wanted),
        };
        // Within less than a decade there are too few powers and their multiples.
        let is_linear = self.scale == Scale::Linear || values.len() < 3;
        let values = if is_linear { linear_ticks(low, high, wanted) } else { values };
        let decimals = values.windows(2).map(|pair| decimals_of(pair[1] - pair[0])).max().unwrap_or(0);
        values
            .into_iter()
            .map(|value| Tick {
                value: value * self.unit,
                text: if is_linear {
                    format!("{value:.decimals$}").replace('-', "\u{2212}")
                } else {
                    let (factor, prefix) = prefix(value);
                    let number = value / factor;
                    if number < 1000.0 { format!("{number}{prefix}") } else { format!("{value:e}") }
                },
            })
            .collect()
    }
}

/// The part of a range that is left free on each side of it.
const ROOM: f64 = 0.04;

/// Beyond this, numbers have no place: their differences would overflow.
const LARGEST: f64 = 1e150;

/// An axis of no length would divide by nothing: it gets a little on both sides.
pub(crate) fn widened(low: f64, high: f64) -> (f64, f64) {
    if high > low { (low, high) } else { (low - 0.5, low + 0.5) }
}

/// 1, 2 or 5 times a power of ten.
fn round_step(rough: f64) -> f64 {
    let power = 10_f64.powf(rough.log10().floor());
    let factor = rough / power;
    let round = if factor < 1.5 {
        1.0
    } else if factor < 3.5 {
        2.0
    } else if factor < 7.5 {
        5.0
    } else {
        10.0
    };
    round * power
}

fn linear_ticks(low: f64, high: f64, wanted: usize) -> Vec<f64> {
    let step = round_step((high - low) / wanted.max(1) as f64);
    let (first, last) = ((low / step - 1e-9).ceil() as i64, (high / step + 1e-9).floor() as i64);
    (first..=last).map(|index| index as f64 * step).collect()
}

fn logarithmic_ticks(low: f64, high: f64, wanted: usize) -> Vec<f64> {
    let decades = (low.log10().floor() as i32)..=(high.log10().ceil() as i32);
    let within = |factors: &[f64]| -> Vec<f64> {
        decades
            .clone()
            .flat_map(|exponent| factors.iter().map(move |factor| factor * 10_f64.powi(exponent)))
            .filter(|value| (low * (1.0 - 1e-9)..=high * (1.0 + 1e-9)).contains(value))
            // 2 · 10^-1 is not 0.2 to the last bit: a tick's text is its shortest form.
            .map(|value| format!("{value:.6e}").parse().unwrap_or(value))
            .collect()
    };
    let fine = within(&[1.0, 2.0, 5.0]);
    if fine.len() <= wanted + 2 {
        return fine;
    }
    let decades = within(&[1.0]);
    let every = decades.len().div_ceil(wanted + 2).max(1);
    decades.into_iter().step_by(every).collect()
}

/// Decimals that tell numbers a step apart.
fn decimals_of(step: f64) -> usize {
    (-step.log10() + 1e-9).ceil().max(0.0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn axis(scale: Scale, low: f64, high: f64) -> Axis {
        Axis { label: String::new(), scale, low, high, unit: 1.0, given_ticks: Vec::new() }
    }

    fn texts(axis: &Axis, wanted: usize) -> Vec<String> {
        axis.ticks(wanted).into_iter().map(|tick| tick.text).collect()
    }

    #[test]
    fn ticks_stand_at_round_numbers() {
        assert_eq!(texts(&axis(Scale::Linear, 4.42, 5.3), 5), ["4.6", "4.8", "5.0", "5.2"]);
        assert_eq!(texts(&axis(Scale::Linear, 0.0, 27.0), 6), ["0", "5", "10", "15", "20", "25"]);
        assert_eq!(
            texts(&axis(Scale::Logarithmic, 0.08, 27.0), 7),
            ["0.1", "0.2", "0.5", "1", "2", "5", "10", "20"]
        );
        assert_eq!(texts(&axis(Scale::Logarithmic, 30.0, 2e6), 5), ["100", "1k", "10k", "100k", "1M"]);
    }

    #[test]
    fn an_axis_of_no_length_is_widened() {
        assert_eq!(widened(3.0, 3.0), (2.5, 3.5));
    }

    #[test]
    fn zero_has_a_place_of_its_own_beside_logarithms() {
        let axis = Axis::holding("d", Scale::LogarithmicBesideZero, [0.0, 1.0, 10.0].into_iter()).unwrap();
        let parts = [0.0, 1.0, 10.0].map(|value| (axis.part(value) * 100.0).round() as i32);
        assert_eq!(parts, [3, 17, 97]);
    }

    #[test]
    fn a_logarithmic_axis_within_a_decade_has_plain_numbers() {
        assert_eq!(
            texts(&axis(Scale::Logarithmic, 3.9, 5.6), 5),
            ["4.0", "4.2", "4.4", "4.6", "4.8", "5.0", "5.2", "5.4", "5.6"]
        );
    }

    #[test]
    fn numbers_without_a_place_make_no_axis() {
        assert!(Axis::holding("x", Scale::Linear, [f64::NAN, f64::INFINITY].into_iter()).is_none());
        assert!(Axis::holding("x", Scale::Logarithmic, [0.0, -1.0].into_iter()).is_none());
    }

    proptest! {
        #[test]
        fn every_number_has_a_place_inside(
            values in proptest::collection::vec(prop_oneof![any::<f64>(), -10.0..10.0_f64, Just(0.0)], 1..8),
            scale in prop_oneof![
                Just(Scale::Linear),
                Just(Scale::Logarithmic),
                Just(Scale::LogarithmicBesideZero)
            ],
        ) {
            let Some(axis) = Axis::holding("x", scale, values.iter().copied()) else { return Ok(()) };
            let zero_counts = scale == Scale::LogarithmicBesideZero;
            for value in values {
                let counts = match scale {
                    Scale::Linear => value.abs() < LARGEST,
                    _ => (1.0 / LARGEST..LARGEST).contains(&value) || (zero_counts && value == 0.0),
                };
                prop_assert!(!counts || axis.holds(value), "{value} at {}", axis.part(value));
            }
            for tick in axis.ticks(5) {
                prop_assert!(axis.part(tick.value).is_finite());
            }
        }

        #[test]
        fn ticks_rise_and_stay_within_the_axis(low in 0.001_f64..100.0, length in 0.01_f64..1000.0, logarithmic: bool) {
            let scale = if logarithmic { Scale::Logarithmic } else { Scale::Linear };
            let axis = axis(scale, low, low + length);
            let ticks = axis.ticks(6);
            prop_assert!(ticks.len() <= 14, "{} ticks", ticks.len());
            for tick in &ticks {
                prop_assert!((-0.01..=1.01).contains(&axis.part(tick.value)), "{}", tick.value);
            }
            for pair in ticks.windows(2) {
                prop_assert!(pair[0].value < pair[1].value);
                prop_assert_ne!(&pair[0].text, &pair[1].text);
            }
        }
    }
}
