//! Between values in memory, which are f32, and values as they are stored. Both work into buffers of the caller, so
//! that a large tensor can pass through in pieces.

use half::{f16, slice::HalfFloatSliceExt};

use crate::dtype::Dtype;

/// Values converted at a time where the conversion needs a buffer of its own.
const PIECE: usize = 512;
const INFINITY: u32 = 0x7f80_0000;
const MAGNITUDE: u32 = 0x7fff_ffff;

/// A finite value that a type can't hold: rounding would make it infinite.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("holds {value}, which {dtype} can't; write it as F32")]
pub struct ValueTooLarge {
    /// The value.
    pub value: f32,
    /// The type.
    pub dtype: Dtype,
}

impl ValueTooLarge {
    /// Whether what the user gave is at fault: it is, as another type would do.
    pub fn is_input(&self) -> bool {
        true
    }

    /// Whether a disk is full: none is written to.
    pub fn is_disk_full(&self) -> bool {
        false
    }
}

/// Decodes stored values: little-endian, of type `dtype`. Those of 64 bits are rounded to nearest, ties to even.
///
/// # Panics
/// If `out` has not exactly as many values as `bytes` holds.
pub fn decode_into(bytes: &[u8], dtype: Dtype, out: &mut [f32]) {
    assert_eq!(
        bytes.len(),
        out.len() * dtype.size_bytes(),
        "bytes and values of a tensor's piece go together"
    );
    match dtype {
        Dtype::F64 => {
            for (value, word) in out.iter_mut().zip(bytes.as_chunks::<8>().0) {
                *value = f64::from_le_bytes(*word) as f32;
            }
        }
        Dtype::F32 => {
            for (value, word) in out.iter_mut().zip(bytes.as_chunks::<4>().0) {
                *value = f32::from_le_bytes(*word);
            }
        }
        Dtype::Bf16 => {
            for (value, pair) in out.iter_mut().zip(bytes.as_chunks::<2>().0) {
                *value = f32::from_bits(u32::from(u16::from_le_bytes(*pair)) << 16);
            }
        }
        Dtype::F16 => {
            let mut piece = [f16::ZERO; PIECE];
            for (values, bytes) in out.chunks_mut(PIECE).zip(bytes.chunks(2 * PIECE)) {
                let piece = &mut piece[..values.len()];
                for (half, pair) in piece.iter_mut().zip(bytes.as_chunks::<2>().0) {
                    *half = f16::from_le_bytes(*pair);
                }
                piece.convert_to_f32_slice(values);
            }
        }
    }
}

/// Encodes values as they are stored: little-endian, of type `dtype`, rounded to nearest, ties to even.
///
/// ```
/// use outgrow_checkpoint::{
///     Dtype,
///     dtype::{decode_into, encode_into},
/// };
///
/// let mut bytes = [0; 4];
/// encode_into(&[1.0, 1.0 + 1.0 / 512.0], Dtype::Bf16, &mut bytes)?;
/// let mut values = [0.0; 2];
/// decode_into(&bytes, Dtype::Bf16, &mut values);
/// assert_eq!(values, [1.0, 1.0]); // seven bits behind the point
///
/// let problem = encode_into(&[70_000.0], Dtype::F16, &mut bytes[..2]).unwrap_err();
/// assert_eq!(problem.to_string(), "holds 70000, which F16 can't; write it as F32");
/// # Ok::<(), outgrow_checkpoint::dtype::ValueTooLarge>(())
/// ```
///
/// # Errors
/// The first finite value that would become infinite; `out` is of no use then.
///
/// # Panics
/// If `out` has not exactly as many bytes as the values need.
pub fn encode_into(values: &[f32], dtype: Dtype, out: &mut [u8]) -> Result<(), ValueTooLarge> {
    assert_eq!(
        out.len(),
        values.len() * dtype.size_bytes(),
        "bytes and values of a tensor's piece go together"
    );
    let is_too_large = match dtype {
        Dtype::F64 => {
            for (word, value) in out.as_chunks_mut::<8>().0.iter_mut().zip(values) {
                *word = f64::from(*value).to_le_bytes();
            }
            return Ok(());
        }
        Dtype::F32 => {
            for (word, value) in out.as_chunks_mut::<4>().0.iter_mut().zip(values) {
                *word = value.to_le_bytes();
            }
            return Ok(());
        }
        Dtype::Bf16 => {
            let mut is_too_large = false;
            for (pair, value) in out.as_chunks_mut::<2>().0.iter_mut().zip(values) {
                let rounded = round_to_bf16(*value);
                *pair = rounded.to_le_bytes();
                is_too_large |= became_infinite(*value, u32::from(rounded) << 16, INFINITY);
            }
            is_too_large
        }
        Dtype::F16 => {
            let mut is_too_large = false;
            let mut piece = [f16::ZERO; PIECE];
            for (values, bytes) in values.chunks(PIECE).zip(out.chunks_mut(2 * PIECE)) {
                let piece = &mut piece[..values.len()];
                piece.convert_from_f32_slice(values);
                for ((pair, half), value) in bytes.as_chunks_mut::<2>().0.iter_mut().zip(piece).zip(values) {
                    *pair = half.to_le_bytes();
                    is_too_large |=
                        became_infinite(*value, u32::from(half.to_bits()) << 16, F16_INFINITY << 16);
                }
            }
            is_too_large
        }
    };
    if is_too_large { Err(first_too_large(values, dtype)) } else { Ok(()) }
}

const F16_INFINITY: u32 = 0x7c00;

/// Integer arithmetic throughout, so that the loop around it runs in vectors.
fn round_to_bf16(value: f32) -> u16 {
    let bits = value.to_bits();
    let even = (bits >> 16) & 1;
    let rounded = bits.wrapping_add(0x7fff + even) >> 16;
    // Rounding could carry a NaN into an infinity; the bit makes it a quiet NaN instead.
    let quiet = (bits >> 16) | 0x40;
    (if bits & MAGNITUDE > INFINITY { quiet } else { rounded }) as u16
}

/// Whether a finite value was rounded to what `infinity` is in the type; both sides without their sign.
fn became_infinite(value: f32, rounded: u32, infinity: u32) -> bool {
    value.to_bits() & MAGNITUDE < INFINITY && rounded & MAGNITUDE == infinity
}

fn first_too_large(values: &[f32], dtype: Dtype) -> ValueTooLarge {
    let fits = |value: &&f32| {
        let rounded = match dtype {
            Dtype::F64 | Dtype::F32 => **value,
            Dtype::F16 => f16::from_f32(**value).to_f32(),
            Dtype::Bf16 => f32::from_bits(u32::from(round_to_bf16(**value)) << 16),
        };
        value.is_finite() && rounded.is_infinite()
    };
    let value = values.iter().find(fits).copied().unwrap_or(f32::MAX);
    ValueTooLarge { value, dtype }
}

#[cfg(test)]
mod tests {
    use half::bf16;
    use proptest::prelude::*;

    use super::*;

    fn round_trip(values: &[f32], dtype: Dtype) -> Vec<f32> {
        let mut bytes = vec![0; values.len() * dtype.size_bytes()];
        encode_into(values, dtype, &mut bytes).unwrap();
        let mut decoded = vec![0.0; values.len()];
        decode_into(&bytes, dtype, &mut decoded);
        decoded
    }

    #[test]
    fn every_16_bit_value_comes_back_as_it_was() {
        let all: Vec<u8> = (0..=u16::MAX).flat_map(u16::to_le_bytes).collect();
        for dtype in [Dtype::F16, Dtype::Bf16] {
            let mut values = vec![0.0; all.len() / 2];
            decode_into(&all, dtype, &mut values);
            let mut bytes = vec![0; all.len()];
            encode_into(&values, dtype, &mut bytes).unwrap();
            for ((value, before), after) in
                values.iter().zip(all.as_chunks::<2>().0).zip(bytes.as_chunks::<2>().0)
            {
                assert!(value.is_nan() || before == after, "{dtype} {before:?} became {after:?}");
            }
        }
    }

    #[test]
    fn values_of_64_bits_are_rounded_to_32() {
        let bytes: Vec<u8> = [0.1_f64, -2.5, f64::NAN].into_iter().flat_map(f64::to_le_bytes).collect();
        let mut values = [0.0; 3];
        decode_into(&bytes, Dtype::F64, &mut values);
        assert_eq!(values[..2], [0.1, -2.5]);
        assert!(values[2].is_nan());
        assert_eq!(round_trip(&[0.1, f32::MAX], Dtype::F64), [0.1, f32::MAX]);
    }

    #[test]
    fn a_value_that_would_become_infinite_is_an_error_and_an_infinity_is_none() {
        let mut bytes = [0; 6];
        let too_large = |value, dtype| Err(ValueTooLarge { value, dtype });
        assert_eq!(
            encode_into(&[1.0, 65_520.0, 7e4], Dtype::F16, &mut bytes),
            too_large(65_520.0, Dtype::F16)
        );
        assert_eq!(
            encode_into(&[1.0, 0.0, -f32::MAX], Dtype::Bf16, &mut bytes),
            too_large(-f32::MAX, Dtype::Bf16)
        );
        let extremes = [f32::INFINITY, f32::NEG_INFINITY, 65_519.0];
        assert_eq!(round_trip(&extremes, Dtype::F16), [f32::INFINITY, f32::NEG_INFINITY, 65_504.0]);
        assert_eq!(round_trip(&extremes[..2], Dtype::Bf16), extremes[..2]);
        assert!(
            round_trip(&[f32::from_bits(0x7f80_0001), f32::NAN], Dtype::Bf16).iter().all(|one| one.is_nan())
        );
    }

    proptest! {
        #[test]
        fn rounding_is_that_of_the_half_crate(bits in proptest::collection::vec(any::<u32>(), 0..2000)) {
            let values: Vec<f32> = bits.into_iter().map(f32::from_bits).collect();
            let fits = |value: &f32| !(value.is_finite() && bf16::from_f32(*value).is_infinite());
            let values: Vec<f32> = values.into_iter().filter(fits).collect();
            let mut bytes = vec![0; 2 * values.len()];
            encode_into(&values, Dtype::Bf16, &mut bytes).unwrap();
            for (value, pair) in values.iter().zip(bytes.as_chunks::<2>().0) {
                let (ours, theirs) = (bf16::from_le_bytes(*pair), bf16::from_f32(*value));
                prop_assert!(ours.to_bits() == theirs.to_bits() || (ours.is_nan() && theirs.is_nan()), "{}", value);
            }
            let small: Vec<f32> = values.into_iter().map(|value| value % 60_000.0).collect();
            let expected: Vec<u32> = small.iter().map(|one| f16::from_f32(*one).to_f32().to_bits()).collect();
            let decoded: Vec<u32> = round_trip(&small, Dtype::F16).into_iter().map(f32::to_bits).collect();
            prop_assert!(decoded.iter().zip(&expected).all(|(left, right)| left == right
                || (f32::from_bits(*left).is_nan() && f32::from_bits(*right).is_nan())));
        }
    }
}
