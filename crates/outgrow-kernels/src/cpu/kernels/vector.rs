//! Arithmetic on rows of f32, written as plain loops that the compiler turns into vector code.
//!
//! Everything here is inlined into what `vectorized` runs (dispatch.rs). Sums go by [`LANES`] partial sums whatever the
//! instruction set, so that a result doesn't depend on it, but for the rounding of a fused multiply-add. There is no
//! `unsafe` and no intrinsic.

use super::value::Value;

/// How many partial sums a row's sum has: one AVX-512 register, or several narrower ones.
pub(crate) const LANES: usize = 16;

/// `Σ f(i)` over the elements of rows of one length, in an order that depends on the length alone.
#[inline(always)]
pub(crate) fn sum_by<T: Copy>(left: &[f32], right: &[T], term: impl Fn(f32, T) -> f32) -> f32 {
    let (left_lanes, left_rest) = left.as_chunks::<LANES>();
    let (right_lanes, right_rest) = right.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (left, right) in left_lanes.iter().zip(right_lanes) {
        for lane in 0..LANES {
            sums[lane] += term(left[lane], right[lane]);
        }
    }
    for (lane, (&left, &right)) in left_rest.iter().zip(right_rest).enumerate() {
        sums[lane] += term(left, right);
    }
    total(sums)
}

/// The largest element, or negative infinity where there is none.
#[inline(always)]
pub(crate) fn maximum(row: &[f32]) -> f32 {
    let (lanes, rest) = row.as_chunks::<LANES>();
    let larger = |left: f32, right: f32| if right > left { right } else { left };
    let mut found = [f32::NEG_INFINITY; LANES];
    for values in lanes {
        for lane in 0..LANES {
            found[lane] = larger(found[lane], values[lane]);
        }
    }
    rest.iter().chain(&found).copied().fold(f32::NEG_INFINITY, larger)
}

/// Replaces each element by `exp(factor · element − shift)`, rounded to `T`, and gives their sum.
#[inline(always)]
pub(crate) fn exponentials<T: Value>(row: &mut [f32], factor: f32, shift: f32) -> f32 {
    let (lanes, rest) = row.as_chunks_mut::<LANES>();
    let mut sums = [0.0; LANES];
    for values in lanes {
        for lane in 0..LANES {
            values[lane] = T::narrow(exponential(values[lane].mul_add(factor, -shift))).widen();
            sums[lane] += values[lane];
        }
    }
    for (lane, value) in rest.iter_mut().enumerate() {
        *value = T::narrow(exponential(value.mul_add(factor, -shift))).widen();
        sums[lane] += *value;
    }
    total(sums)
}

/// Adds the partial sums in pairs.
#[inline(always)]
pub(crate) fn total(sums: [f32; LANES]) -> f32 {
    let mut sums = sums;
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            sums[lane] += sums[lane + half];
        }
        half /= 2;
    }
    sums[0]
}

/// `eˣ` to within two units in the last place from −87.3 to 88.3. Below, where f32 has no normal numbers left, it is
/// zero; above, infinite, though f32 would reach to 88.7.
///
/// `x = n·ln 2 + r` with a whole `n` and `|r| ≤ ln 2 / 2`; `(eʳ − 1 − r) / r²` is a polynomial of degree 5 and `2ⁿ` is
/// put together from bits. Coefficients and the two halves of ln 2 are those of `expf` in the Cephes library (S.
/// Moshier).
#[inline(always)]
pub(crate) fn exponential(x: f32) -> f32 {
    /// Adding it rounds to a whole number, which is then in the low bits.
    const ROUNDER: f32 = 12_582_912.0;
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let clamped = if x < -87.336_54 { -87.336_54 } else { x };
    let clamped = if clamped > 88.376_26 { 88.376_26 } else { clamped };
    let rounded = clamped.mul_add(std::f32::consts::LOG2_E, ROUNDER);
    let power = rounded - ROUNDER;
    let rest = power.mul_add(-LN2_LOW, power.mul_add(-LN2_HIGH, clamped));
    let mut series = 1.987_569_1e-4_f32;
    for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        series = series.mul_add(rest, coefficient);
    }
    let mantissa = (rest * rest).mul_add(series, rest) + 1.0;
    let scale = f32::from_bits(rounded.to_bits().wrapping_add(127) << 23);
    // Far below, as for minus infinity, the power is nothing; a comparison that NaN fails keeps NaN.
    if x < -87.336_54 {
        0.0
    } else if x > 88.376_26 {
        f32::INFINITY
    } else {
        mantissa * scale
    }
}

/// `1 / (1 + e⁻ˣ)`.
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exponential(-x))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cpu::kernels::dispatch::vectorized;

    proptest! {
        #[test]
        fn the_exponential_is_right_to_two_units_in_the_last_place(x in -87.3f32..88.3) {
            let expected = f64::from(x).exp();
            let found = f64::from(vectorized(#[inline(always)] || exponential(x)));
            prop_assert!((found - expected).abs() <= 2.0 * f64::from(f32::EPSILON) * expected, "{found} {expected}");
        }

        #[test]
        fn a_sum_is_that_of_its_terms(values in proptest::collection::vec(-1f32..1.0, 0..100)) {
            let expected: f64 = values.iter().map(|&value| f64::from(value) * f64::from(value)).sum();
            let found = f64::from(vectorized(#[inline(always)] || sum_by(&values, &values, |left, right| left * right)));
            prop_assert!((found - expected).abs() <= 1e-5 * (1.0 + expected));
        }
    }

    #[test]
    fn the_exponential_of_what_lies_outside_is_what_std_says() {
        for x in [f32::NEG_INFINITY, -100.0, -88.0, 0.0, 90.0, f32::INFINITY] {
            let (found, expected) = (exponential(x), x.exp());
            assert!(
                (found - expected).abs() <= f32::MIN_POSITIVE || found.to_bits() == expected.to_bits(),
                "{x}: {found} {expected}"
            );
        }
        assert!(exponential(f32::NAN).is_nan());
    }

    #[test]
    fn the_largest_of_nothing_is_minus_infinity() {
        assert_eq!(maximum(&[]).to_bits(), f32::NEG_INFINITY.to_bits());
        assert_eq!(maximum(&[-3.0; 40]).to_bits(), (-3.0_f32).to_bits());
    }
}
