//! Finished runs to speed-up at equal loss, and one HTML page.
