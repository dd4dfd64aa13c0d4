//! What fits are computed with: straight lines and planes in closed form, and the one law that needs an iteration. It
//! knows logarithms only, never what they are of.

use levenberg_marquardt::{LeastSquaresProblem, LevenbergMarquardt};
use nalgebra::{DVector, Dyn, Matrix, OMatrix, OVector, Owned, U1, U3, Vector3};

use crate::error::StatisticsError;

/// Residuals below this share of the values are rounding.
const ROUNDING: f64 = 1e-12;

/// The level and slope of the least-squares line `y = level + slope · u`, and the squares that are left. The u have a
/// mean of 0 and aren't all the same.
pub(crate) fn line(u: &[f64], y: &[f64]) -> (f64, f64, f64) {
    let level = y.iter().sum::<f64>() / y.len() as f64;
    let slope = dot(u, y) / dot(u, u);
    let rest = u.iter().zip(y).map(|(u, y)| (y - level - slope * u).powi(2)).sum();
    (level, slope, rest)
}

/// The coefficients of `y = first · u + second · w`, and the squares that are left; `None` where u and w don't differ.
pub(crate) fn plane(u: &[f64], w: &[f64], y: &[f64]) -> Option<(f64, f64, f64)> {
    let (uu, ww, uw) = (dot(u, u), dot(w, w), dot(u, w));
    let determinant = uu * ww - uw * uw;
    if determinant <= ROUNDING * uu * ww {
        return None;
    }
    let (uy, wy) = (dot(u, y), dot(w, y));
    let first = (uy * ww - wy * uw) / determinant;
    let second = (wy * uu - uy * uw) / determinant;
    let rest = (0..y.len()).map(|index| (y[index] - first * u[index] - second * w[index]).powi(2)).sum();
    Some((first, second, rest))
}

fn dot(one: &[f64], two: &[f64]) -> f64 {
    one.iter().zip(two).map(|(one, two)| one * two).sum()
}

/// How many groups there are, and columns less their means within each.
pub(crate) fn within_groups<const N: usize>(group: &[usize], columns: [&[f64]; N]) -> (usize, [Vec<f64>; N]) {
    let mut names = group.to_vec();
    names.sort_unstable();
    names.dedup();
    let centred = columns.map(|column| {
        let mut centred = column.to_vec();
        for name in &names {
            let members = || (0..group.len()).filter(|&index| group[index] == *name);
            let mean = members().map(|index| column[index]).sum::<f64>() / members().count() as f64;
            members().for_each(|index| centred[index] -= mean);
        }
        centred
    });
    (names.len(), centred)
}

/// Akaike's criterion with the correction of Hurvich and Tsai (1989) for few points, up to what all laws of the same
/// points have in common; `None` where there are too few. A rest that is rounding counts as so much.
pub(crate) fn corrected_akaike(y: &[f64], parameters: usize, rest: f64) -> Option<f64> {
    if y.len() < parameters + 2 {
        return None;
    }
    let (points, parameters) = (y.len() as f64, parameters as f64);
    let largest = y.iter().fold(f64::MIN_POSITIVE.sqrt(), |largest, y| largest.max(y.abs()));
    let rest = rest.max(points * (ROUNDING * largest).powi(2));
    let correction = 2.0 * parameters * (parameters + 1.0) / (points - parameters - 1.0);
    Some(points * (rest / points).ln() + 2.0 * parameters + correction)
}

/// `v = ln(E + a·e^(b·u))`, by `ln E`, `ln a` and `ln(−b)`: then all of them are of one size, and none can leave where
/// it has a meaning.
#[derive(Clone)]
pub(crate) struct FloorProblem<'a> {
    u: &'a [f64],
    v: &'a [f64],
    logarithms: Vector3<f64>,
}

/// Logarithms that are so close are the same: below it, an iteration is at its end and not at a minimum.
const EXACT: f64 = 1e-7;
/// The law's name in messages.
const LAW: &str = "a power law with a floor";

impl<'a> FloorProblem<'a> {
    pub(crate) fn new(u: &'a [f64], v: &'a [f64]) -> Self {
        Self { u, v, logarithms: Vector3::zeros() }
    }

    /// `[E, a, b]` of the best minimum that the starts lead to, and the squares that it leaves.
    pub(crate) fn solve(&self) -> Result<([f64; 3], f64), StatisticsError> {
        let lowest = self.v.iter().copied().fold(f64::INFINITY, f64::min);
        let level = self.v.iter().sum::<f64>() / self.v.len() as f64;
        let widest = self.u.iter().fold(f64::MIN_POSITIVE, |widest, u| widest.max(u.abs()));
        let mut best: Option<(Self, f64)> = None;
        // The floor as a part of the lowest y, and by what factor the rest falls from the middle to an end.
        for part in [0.3, 0.6, 0.9] {
            for fall in [0.2, 1.0, 3.0] {
                let floor = lowest + f64::ln(part);
                let above = (level.exp() - floor.exp()).max(1e-6 * level.exp());
                let mut start = self.clone();
                start.logarithms = Vector3::new(floor, above.ln(), (fall / widest).ln());
                let (end, _) = LevenbergMarquardt::new().with_patience(300).minimize(start);
                let Some(rest) = end.residuals().map(|residuals| residuals.norm_squared()) else { continue };
                if rest.is_finite() && best.as_ref().is_none_or(|(_, least)| rest < *least) {
                    best = Some((end, rest));
                }
            }
        }
        let no_fit = |problem: &str| StatisticsError::NoFit { law: LAW, problem: problem.to_owned() };
        let (end, rest) = best.ok_or_else(|| no_fit("no start led anywhere"))?;
        if !end.is_minimum() {
            return Err(no_fit("the points don't tell the floor from the power law"));
        }
        let law = [end.logarithms[0].exp(), end.logarithms[1].exp(), -end.logarithms[2].exp()];
        Ok((law, rest))
    }

    /// Whether the gradient vanishes beside what it is made of, and the residuals depend on each parameter: what the
    /// library calls a success can be a valley without an end.
    fn is_minimum(&self) -> bool {
        let (Some(residuals), Some(jacobian)) = (self.residuals(), self.jacobian()) else { return false };
        let gradient = jacobian.transpose() * &residuals;
        let scale = residuals.norm() + EXACT * (self.v.len() as f64).sqrt();
        let is_flat = (0..3).all(|column| {
            let length = jacobian.column(column).norm();
            gradient[column].abs() <= 1e-4 * length * scale
        });
        // The angle of each column to the others: a parameter that others can stand in for isn't known.
        let normal = jacobian.transpose() * &jacobian;
        let is_known = normal.try_inverse().is_some_and(|inverse| {
            let normal = jacobian.transpose() * &jacobian;
            (0..3).all(|index| normal[(index, index)] * inverse[(index, index)] < 1e9)
        });
        is_flat && is_known
    }
}

impl LeastSquaresProblem<f64, Dyn, U3> for FloorProblem<'_> {
    type ResidualStorage = Owned<f64, Dyn, U1>;
    type JacobianStorage = Owned<f64, Dyn, U3>;
    type ParameterStorage = Owned<f64, U3, U1>;

    fn set_params(&mut self, parameters: &Vector3<f64>) {
        self.logarithms.copy_from(parameters);
    }

    fn params(&self) -> Vector3<f64> {
        self.logarithms
    }

    fn residuals(&self) -> Option<OVector<f64, Dyn>> {
        let [floor, scale, steepness] = [0, 1, 2].map(|index| self.logarithms[index].exp());
        let residual = |(u, v): (&f64, &f64)| (floor + scale * (-steepness * u).exp()).ln() - v;
        let residuals = DVector::from_iterator(self.u.len(), self.u.iter().zip(self.v).map(residual));
        residuals.iter().all(|residual| residual.is_finite()).then_some(residuals)
    }

    fn jacobian(&self) -> Option<OMatrix<f64, Dyn, U3>> {
        let [floor, scale, steepness] = [0, 1, 2].map(|index| self.logarithms[index].exp());
        let rows: Vec<[f64; 3]> = self
            .u
            .iter()
            .map(|u| {
                let above = scale * (-steepness * u).exp();
                let y = floor + above;
                [floor / y, above / y, -above * steepness * u / y]
            })
            .collect();
        let jacobian = Matrix::<f64, Dyn, U3, _>::from_fn(rows.len(), |row, column| rows[row][column]);
        jacobian.iter().all(|entry| entry.is_finite()).then_some(jacobian)
    }
}
