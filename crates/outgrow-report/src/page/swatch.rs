//! The coloured dot before a method's name, wherever it stands on the page.

use crate::drawing::dress::colour_class;

/// A coloured dot before a method's name.
pub(crate) fn swatch(colour: usize) -> String {
    format!("<i class=\"swatch c{}\"></i>", colour_class(colour))
}
