//! The curves that are fitted, as values: what they are at a number, and where they reach one. How they are fitted is
//! in fit.rs.

use serde::{Deserialize, Serialize};

/// `y = scale · (x / reference)^exponent`, `L = a·C^b` of the papers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PowerLaw {
    /// The x that others are measured in: of the size of the fitted ones, because powers of raw FLOPs lose all digits.
    pub reference: f64,
    /// The y at the reference.
    pub scale: f64,
    /// Negative where y falls.
    pub exponent: f64,
}

/// `y = floor + scale · (x / reference)^exponent`: a power law above what no x gets below.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PowerLawWithFloor {
    /// The irreducible part: positive.
    pub floor: f64,
    /// The x that others are measured in.
    pub reference: f64,
    /// How far above the floor y is at the reference: positive.
    pub scale: f64,
    /// Negative.
    pub exponent: f64,
}

/// `y = level + slope · u + curvature · u²` with `u = ln(x / reference)`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parabola {
    /// The x at which u is 0.
    pub reference: f64,
    /// The y there.
    pub level: f64,
    /// By how much y rises there for each unit of u.
    pub slope: f64,
    /// Positive where the parabola has a minimum.
    pub curvature: f64,
}

/// `y = level + slope · ln(x / reference)`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Logarithm {
    /// The x at which y is the level.
    pub reference: f64,
    /// The y there.
    pub level: f64,
    /// By how much y rises where x grows by a factor of e.
    pub slope: f64,
}

/// `y = level + first · u + second · w`: two numbers that y depends on, each in the unit that it was fitted in.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plane {
    /// The y where u and w are 0.
    pub level: f64,
    /// By how much y rises for each unit of u.
    pub first: f64,
    /// By how much y rises for each unit of w.
    pub second: f64,
}

/// Where a parabola turns.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "snake_case")]
pub enum Extremum {
    /// It has its least y here.
    Minimum {
        /// Where.
        x: f64,
        /// How low.
        y: f64,
    },
    /// It has its greatest y here: a valley was looked for, and there is a hill.
    Maximum {
        /// Where.
        x: f64,
        /// How high.
        y: f64,
    },
}

impl PowerLaw {
    /// The y at an x.
    pub fn at(&self, x: f64) -> f64 {
        self.scale * (x / self.reference).powf(self.exponent)
    }

    /// The x at which it is y; `None` where it never is.
    pub fn reaches(&self, y: f64) -> Option<f64> {
        let x = self.reference * (y / self.scale).powf(1.0 / self.exponent);
        (x > 0.0 && x.is_finite()).then_some(x)
    }
}

impl PowerLawWithFloor {
    /// The y at an x.
    pub fn at(&self, x: f64) -> f64 {
        self.floor + self.scale * (x / self.reference).powf(self.exponent)
    }

    /// The x at which it is y; `None` at the floor and below.
    pub fn reaches(&self, y: f64) -> Option<f64> {
        let x = self.reference * ((y - self.floor) / self.scale).powf(1.0 / self.exponent);
        (y > self.floor && x > 0.0 && x.is_finite()).then_some(x)
    }
}

impl Parabola {
    /// The y at an x.
    pub fn at(&self, x: f64) -> f64 {
        let u = (x / self.reference).ln();
        self.level + u * (self.slope + u * self.curvature)
    }

    /// Where it turns; `None` for a straight line, and where that is beyond all numbers.
    pub fn extremum(&self) -> Option<Extremum> {
        let x = self.reference * (-0.5 * self.slope / self.curvature).exp();
        if !(x > 0.0 && x.is_finite()) {
            return None;
        }
        let y = self.level - 0.25 * self.slope * self.slope / self.curvature;
        Some(if self.curvature > 0.0 { Extremum::Minimum { x, y } } else { Extremum::Maximum { x, y } })
    }

    /// The x of its minimum, if it has one.
    pub fn minimum(&self) -> Option<f64> {
        match self.extremum()? {
            Extremum::Minimum { x, .. } => Some(x),
            Extremum::Maximum { .. } => None,
        }
    }
}

impl Plane {
    /// The y at a u and a w.
    pub fn at(&self, u: f64, w: f64) -> f64 {
        self.level + self.first * u + self.second * w
    }
}

impl Logarithm {
    /// The y at an x.
    pub fn at(&self, x: f64) -> f64 {
        self.level + self.slope * (x / self.reference).ln()
    }

    /// The x at which it is y; `None` where it never is.
    pub fn reaches(&self, y: f64) -> Option<f64> {
        let x = self.reference * ((y - self.level) / self.slope).exp();
        (x > 0.0 && x.is_finite()).then_some(x)
    }
}
