//! Large numbers as people read them, in the account of a growth and on the card of a grown model.

/// `1234567` as `1,234,567`.
pub fn grouped(number: u64) -> String {
    if number < 1000 {
        return number.to_string();
    }
    format!("{},{:03}", grouped(number / 1000), number % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(1_000_002), "1,000,002");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(0), "0");
    }
}
