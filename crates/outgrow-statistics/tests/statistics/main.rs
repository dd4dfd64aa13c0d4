//! One test program: intervals and tests, several tests at once, power, fits, how often intervals hold the truth, and
//! SciPy's numbers.

mod coverage;
mod fits;
mod intervals;
mod made_up;
mod power;
mod scipy;
