//! A Unigram model's scores as the Python library reads them. It computes nothing with them.
//!
//! That library reads a number of JSON fast rather than exactly (serde_json without `float_roundtrip`): its digits as a
//! whole number, divided by a power of ten. For a fourth of T5's scores that is not the nearest number but the one
//! beside it, and two ways to cut a word that are nearly equal may change places. Here numbers are read exactly, since
//! resuming relies on it; so scores are made what they are there.

use serde_json::{Number, Value};

/// Replaces the scores of a Unigram model by those that the Python library has.
pub(crate) fn as_the_library_reads_them(model: &mut Value) {
    let Some(vocab) = model.get_mut("vocab").and_then(Value::as_array_mut) else { return };
    for score in vocab.iter_mut().filter_map(|entry| entry.get_mut(1)) {
        let read = score.as_f64().filter(|_| score.is_f64()).and_then(read_fast);
        if let Some(number) = read.and_then(Number::from_f64) {
            *score = Value::Number(number);
        }
    }
}

/// A number, written with as few digits as tell it from others (as files have it) and read fast.
fn read_fast(exact: f64) -> Option<f64> {
    let written = format!("{:e}", exact.abs());
    let (mantissa, exponent) = written.split_once('e')?;
    let decimals = mantissa.split_once('.').map_or(0, |(_, decimals)| decimals.len() as i32);
    // Seventeen digits at most.
    let digits: u64 = mantissa.replace('.', "").parse().ok()?;
    let exponent = exponent.parse::<i32>().ok()? - decimals;
    let power = |exponent: i32| format!("1e{exponent}").parse::<f64>().ok();
    let value = match exponent {
        0.. => digits as f64 * power(exponent)?,
        -308..0 => digits as f64 / power(-exponent)?,
        _ => digits as f64 / 1e308 / power(-exponent - 308)?,
    };
    Some(value.copysign(exact))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From `Tokenizer.from_str(…).to_str()` of the Python library 0.23.3, which writes what it read.
    #[test]
    fn scores_are_the_ones_that_the_python_library_prints() {
        for (written, read) in &PRINTED {
            assert_eq!(read_fast(*written), Some(*read), "{written:e}");
        }
    }

    const PRINTED: [(f64, f64); 13] = [
        (-12.726_762_771_606_445, -12.726_762_771_606_444),
        (-11.851_978_302_001_953, -11.851_978_302_001_951),
        (-12.552_900_314_331_055, -12.552_900_314_331_056),
        (-0.479_143_321_514_129_64, -0.479_143_321_514_129_6),
        (-2.870_003_461_837_768_6, -2.870_003_461_837_769),
        (-9.36, -9.36),
        (-1.5, -1.5),
        (0.0, 0.0),
        (-3.2e-7, -3.2e-7),
        (-7.123_456_789_012_346e-30, -7.123_456_789_012_347e-30),
        (2.5e+25, 2.5e+25),
        (-1.234_567_890_123_456_6e-290, -1.234_567_890_123_456_6e-290),
        (-4.940_656_458_412_47e-310, -4.940_656_458_412_47e-310),
    ];
}
