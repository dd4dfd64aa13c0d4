//! Least squares: a power law as a straight line in logarithms, one with a floor by Levenberg and Marquardt's method, a
//! parabola and a straight line in the logarithm of x, a plane over two numbers. Each says whether it beats a constant.

use serde::{Deserialize, Serialize};

use crate::{
    error::StatisticsError,
    least_squares::{FloorProblem, corrected_akaike, line, plane, within_groups},
    model::{Logarithm, Parabola, Plane, PowerLaw, PowerLawWithFloor},
    sample::all_finite,
};

/// A fitted curve, and how good it is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fit<Law> {
    /// The curve.
    pub law: Law,
    /// How many points it was fitted to.
    pub points: usize,
    /// How many numbers were chosen, the variance of what is left included.
    pub parameters: usize,
    /// What is left: squares of differences of logarithms for power laws, of values otherwise.
    pub residual_sum_of_squares: f64,
    /// Akaike's criterion, corrected for few points (AICc); `None` where the points are too few for it.
    pub criterion: Option<f64>,
    /// The same of a constant.
    pub criterion_of_constant: Option<f64>,
}

impl<Law> Fit<Law> {
    /// Whether it says more than a constant would. Where the points are too few to tell, it doesn't.
    pub fn beats_constant(&self) -> bool {
        matches!((self.criterion, self.criterion_of_constant), (Some(own), Some(constant)) if own < constant)
    }

    /// Whether it says more than another fit to the same points.
    pub fn beats<Other>(&self, other: &Fit<Other>) -> bool {
        match (self.criterion, other.criterion) {
            (Some(own), Some(others)) => own < others,
            (Some(_), None) => true,
            (None, _) => false,
        }
    }
}

/// `y = a·x^b`, fitted as a straight line in logarithms.
///
/// # Errors
/// Lists of two lengths, a number that isn't positive and finite, fewer than three different x.
pub fn fit_power_law(x: &[f64], y: &[f64]) -> Result<Fit<PowerLaw>, StatisticsError> {
    let (reference, u) = in_logarithms(x, y.len(), 3)?;
    let v = logarithms("y", y)?;
    let (level, slope, rest) = line(&u, &v);
    let law = PowerLaw { reference, scale: level.exp(), exponent: slope };
    Ok(judged(law, &v, 2, rest))
}

/// `y = E + a·x^b` with E and a positive and b negative, fitted to logarithms of y from several starts. The best of
/// them has to be a minimum, or there is no fit: a law without a floor, or one whose floor is y itself, is an
/// infinitely long valley.
///
/// # Errors
/// Lists of two lengths, a number that isn't positive and finite, fewer than four different x, or no minimum.
pub fn fit_power_law_with_floor(x: &[f64], y: &[f64]) -> Result<Fit<PowerLawWithFloor>, StatisticsError> {
    let (reference, u) = in_logarithms(x, y.len(), 4)?;
    let v = logarithms("y", y)?;
    let (law, rest) = FloorProblem::new(&u, &v).solve()?;
    let [floor, scale, exponent] = law;
    Ok(judged(PowerLawWithFloor { floor, reference, scale, exponent }, &v, 3, rest))
}

/// A parabola in the logarithm of x. Points of one group share a level of their own: a seed may lie above another
/// everywhere, and that says nothing of where the minimum is.
///
/// # Errors
/// Lists of two lengths, a number that isn't finite, an x that isn't positive, or fewer than three different x.
pub fn fit_parabola(x: &[f64], y: &[f64], group: &[usize]) -> Result<Fit<Parabola>, StatisticsError> {
    let (reference, u) = in_logarithms(x, y.len(), 3)?;
    all_finite(y)?;
    if group.len() != x.len() {
        return Err(StatisticsError::Lengths { first: x.len(), second: group.len() });
    }
    let squares: Vec<f64> = u.iter().map(|u| u * u).collect();
    let (groups, [from_u, from_squares, from_y]) = within_groups(group, [&u, &squares, y]);
    let Some((slope, curvature, rest)) = plane(&from_u, &from_squares, &from_y) else {
        let problem = "no group has three different x".to_owned();
        return Err(StatisticsError::NoFit { law: "a parabola", problem });
    };
    let levels = u.iter().zip(y).map(|(u, y)| y - u * (slope + u * curvature));
    let level = levels.sum::<f64>() / u.len() as f64;
    let law = Parabola { reference, level, slope, curvature };
    let constant: f64 = from_y.iter().map(|y| y * y).sum();
    Ok(judged_against(law, y, groups + 2, rest, (groups, constant)))
}

/// A straight line in the logarithm of x.
///
/// # Errors
/// Lists of two lengths, a number that isn't finite, an x that isn't positive, or fewer than three different x.
pub fn fit_logarithm(x: &[f64], y: &[f64]) -> Result<Fit<Logarithm>, StatisticsError> {
    let (reference, u) = in_logarithms(x, y.len(), 3)?;
    all_finite(y)?;
    let (level, slope, rest) = line(&u, y);
    Ok(judged(Logarithm { reference, level, slope }, y, 2, rest))
}

/// A plane over two numbers.
///
/// # Errors
/// Lists of several lengths, a number that isn't finite, or u and w that don't differ enough to tell one from the
/// other.
pub fn fit_plane(u: &[f64], w: &[f64], y: &[f64]) -> Result<Fit<Plane>, StatisticsError> {
    for other in [w, y] {
        if other.len() != u.len() {
            return Err(StatisticsError::Lengths { first: u.len(), second: other.len() });
        }
    }
    for values in [u, w, y] {
        all_finite(values)?;
    }
    if u.len() < 3 {
        return Err(StatisticsError::TooFew { found: u.len(), needed: 3 });
    }
    let together = vec![0; u.len()];
    let (_, [from_u, from_w, from_y]) = within_groups(&together, [u, w, y]);
    let Some((first, second, rest)) = plane(&from_u, &from_w, &from_y) else {
        let problem = "one of its two numbers is the same everywhere, or follows from the other".to_owned();
        return Err(StatisticsError::NoFit { law: "a plane", problem });
    };
    let levels = (0..y.len()).map(|index| y[index] - first * u[index] - second * w[index]);
    let level = levels.sum::<f64>() / y.len() as f64;
    Ok(judged(Plane { level, first, second }, y, 3, rest))
}

/// The logarithms of x in units of their geometric mean, and that mean.
fn in_logarithms(x: &[f64], others: usize, different: usize) -> Result<(f64, Vec<f64>), StatisticsError> {
    if x.len() != others {
        return Err(StatisticsError::Lengths { first: x.len(), second: others });
    }
    let logarithms = logarithms("x", x)?;
    let mut sorted = x.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.dedup();
    if sorted.len() < different {
        return Err(StatisticsError::TooFew { found: sorted.len(), needed: different });
    }
    let mean = logarithms.iter().sum::<f64>() / x.len() as f64;
    Ok((mean.exp(), logarithms.iter().map(|logarithm| logarithm - mean).collect()))
}

fn logarithms(name: &'static str, values: &[f64]) -> Result<Vec<f64>, StatisticsError> {
    all_finite(values)?;
    if let Some(&value) = values.iter().find(|value| **value <= 0.0) {
        return Err(StatisticsError::Outside { name, value, must: "above 0, as its logarithm is fitted" });
    }
    Ok(values.iter().map(|value| value.ln()).collect())
}

/// A fit with so many numbers of its curve, beside a constant.
fn judged<Law>(law: Law, y: &[f64], numbers: usize, rest: f64) -> Fit<Law> {
    let mean = y.iter().sum::<f64>() / y.len() as f64;
    let constant = y.iter().map(|y| (y - mean).powi(2)).sum();
    judged_against(law, y, numbers, rest, (1, constant))
}

/// A fit beside a constant with so many levels, which leaves so much.
fn judged_against<Law>(law: Law, y: &[f64], numbers: usize, rest: f64, constant: (usize, f64)) -> Fit<Law> {
    Fit {
        law,
        points: y.len(),
        parameters: numbers + 1,
        residual_sum_of_squares: rest,
        criterion: corrected_akaike(y, numbers + 1, rest),
        criterion_of_constant: corrected_akaike(y, constant.0 + 1, constant.1),
    }
}
