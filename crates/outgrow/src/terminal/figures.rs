//! Numbers as a person reads them. What they are about, others say.

/// `1234567` as `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    if number < 1000 {
        return number.to_string();
    }
    format!("{},{:03}", grouped(number / 1000), number % 1000)
}

/// `1234567` as `1.23 M`.
pub(crate) fn count(number: u64) -> String {
    match number {
        0..1_000 => number.to_string(),
        1_000..1_000_000 => format!("{:.1} k", number as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.2} M", number as f64 / 1e6),
        _ => format!("{:.2} G", number as f64 / 1e9),
    }
}

/// Seconds as `4 s`, `3 min 20 s` or `2 h 5 min`.
pub(crate) fn time(seconds: f64) -> String {
    match seconds.round() as u64 {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// The same where it is an estimate: `40 s`, `3 min`, `2.5 h` or `12 days`.
pub(crate) fn about_time(seconds: f64) -> String {
    match seconds {
        short if short < 59.5 => format!("{:.0} s", short.max(1.0)),
        minutes if minutes < 3570.0 => format!("{:.0} min", minutes / 60.0),
        hours if hours < 172_800.0 => format!("{:.1} h", hours / 3600.0),
        days => format!("{} days", grouped((days / 86_400.0).round() as u64)),
    }
}

/// Bytes in whole decimal megabytes, at least one: `1,234 MB`.
pub(crate) fn megabytes(bytes: u64) -> String {
    format!("{} MB", grouped(((bytes as f64) / 1e6).round().max(1.0) as u64))
}

/// `0.0003984` as `3.98e-4`, and `0.75` as it is: three significant figures, and no zeros behind them. None is `0`.
pub(crate) fn three_figures(value: f64) -> String {
    let rounded: f64 = format!("{value:.2e}").parse().unwrap_or(value);
    if rounded == 0.0 || (0.1..1e3).contains(&rounded) { rounded.to_string() } else { format!("{rounded:e}") }
}

/// Times, such as epochs: `20.7`, and below one `0.05`.
pub(crate) fn times(value: f64) -> String {
    if value < 1.0 { format!("{value:.2}") } else { format!("{value:.1}") }
}

/// `1 step`, `2 steps`.
pub(crate) fn counted(number: u64, what: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {what}{ending}", grouped(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_said_as_people_say_them() {
        assert_eq!([0, 999, 1_000_002].map(grouped), ["0", "999", "1,000,002"]);
        assert_eq!([999, 1_234, 1_234_567].map(count), ["999", "1.2 k", "1.23 M"]);
        assert_eq!([4.4, 200.0, 7500.0].map(time), ["4 s", "3 min 20 s", "2 h 5 min"]);
        assert_eq!([0.1, 61.0, 9000.0, 1e7].map(about_time), ["1 s", "1 min", "2.5 h", "116 days"]);
        assert_eq!([1, 1_499_999, 2_000_000_000].map(megabytes), ["1 MB", "1 MB", "2,000 MB"]);
        assert_eq!([0.004, 0.000_398_44, 0.0].map(three_figures), ["4e-3", "3.98e-4", "0"]);
        assert_eq!([0.75, 3.0, 12.345, 1e30].map(three_figures), ["0.75", "3", "12.3", "1e30"]);
        assert_eq!([counted(1, "step"), counted(2_000, "step")], ["1 step", "2,000 steps"]);
    }
}
