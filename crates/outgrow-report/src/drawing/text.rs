//! How wide text is, without a font: enough to set texts side by side and to cut what has no room. It draws nothing.

/// How wide a character is as a part of the font's size, on average, in the widest of the usual fonts.
const WIDTH: f64 = 0.62;

/// About how wide `text` is in units of the drawing, rather too wide than too narrow.
pub(crate) fn width(text: &str, size: f64) -> f64 {
    WIDTH * size * text.chars().count() as f64
}

/// The text, or its beginning with an ellipsis where it is wider than `room`.
pub(crate) fn cut(text: &str, size: f64, room: f64) -> String {
    let most = (room / (WIDTH * size)).max(2.0) as usize;
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let beginning: String = text.chars().take(most - 1).collect();
    format!("{}…", beginning.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_long_text_ends_with_an_ellipsis() {
        assert_eq!(cut("G_stack, long base", 12.0, 80.0), "G_stack,…");
        assert_eq!(cut("G_stack", 12.0, 80.0), "G_stack");
    }

    proptest! {
        #[test]
        fn what_is_cut_has_room(text in ".{0,60}", room in 20.0..400.0_f64) {
            prop_assert!(width(&cut(&text, 12.0, room), 12.0) <= room);
        }
    }
}
