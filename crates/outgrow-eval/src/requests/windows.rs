//! A text that is longer than a model's input, as windows of which each token is predicted once. It knows tokens and
//! nothing else.

/// The windows over `tokens`: context and what is predicted given it.
///
/// The first window has the prefix as its context. Each further one that is full has the one token before it; only the
/// last one, if it isn't full, is given as much of what is before it as there is room for. No tokens, no windows.
pub(crate) fn windows(tokens: &[u32], prefix: u32, max_length: usize) -> Vec<(Vec<u32>, Vec<u32>)> {
    let mut windows = Vec::with_capacity(tokens.len().div_ceil(max_length));
    let mut start = 0;
    while start < tokens.len() {
        let end = tokens.len().min(start + max_length);
        let context = match start {
            0 => vec![prefix],
            // The input has max_length tokens and ends before the last one that is predicted.
            _ => tokens[end - 1 - max_length..start].to_vec(),
        };
        windows.push((context, tokens[start..end].to_vec()));
        start = end;
    }
    windows
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn full_windows_have_one_token_before_them_and_the_last_has_many() {
        let tokens: Vec<u32> = (1..=10).collect();
        let expected: [(&[u32], &[u32]); 3] =
            [(&[0], &[1, 2, 3, 4]), (&[4], &[5, 6, 7, 8]), (&[6, 7, 8], &[9, 10])];
        let expected = expected.map(|(context, continuation)| (context.to_vec(), continuation.to_vec()));
        assert_eq!(windows(&tokens, 0, 4), expected);
    }

    proptest! {
        #[test]
        fn every_token_is_predicted_once_and_no_input_is_too_long(length in 0_usize..200, max_length in 1_usize..50) {
            let tokens: Vec<u32> = (1..=length as u32).collect();
            let windows = windows(&tokens, 0, max_length);
            let predicted: Vec<u32> = windows.iter().flat_map(|(_, predicted)| predicted.clone()).collect();
            prop_assert_eq!(predicted, tokens);
            for (context, predicted) in windows {
                prop_assert!(!context.is_empty() && context.len() + predicted.len() - 1 <= max_length);
                prop_assert_eq!(context.last().unwrap() + 1, predicted[0]);
            }
        }
    }
}
