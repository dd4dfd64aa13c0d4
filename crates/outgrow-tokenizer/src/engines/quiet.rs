//! Work of other libraries whose panics stay within: an error comes back, and nothing is printed.
//!
//! It hides no panic of this program: those of other threads, and of this one outside such work, are reported as
//! before.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    /// Whether this thread is at work that may panic.
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

static HOOK: Once = Once::new();

/// What is said of work that panicked. What the panic said is about the library's inside, and differs by how it was
/// built.
const PANICS: &str = "the tokenizers library panics on it";

/// The work's result, or an error if it panicked.
///
/// What a panic leaves behind half-changed must not be used again: give it work that only reads, or that makes
/// something new.
///
/// Public because the crates above read files by libraries that panic too.
///
/// # Errors
/// That it panicked, in words about tokenizers; others put it in their own.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    HOOK.call_once(|| {
        let report = take_hook();
        set_hook(Box::new(move |panic| {
            // At the end of a thread its variables may be gone; then it isn't at such work.
            if !QUIET.try_with(Cell::get).unwrap_or(false) {
                report(panic);
            }
        }));
    });
    let before = QUIET.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    QUIET.set(before);
    result.map_err(|_| PANICS.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_comes_back_as_an_error_and_the_next_work_is_caught_too() {
        let empty: &[u8] = &[];
        for _ in 0..2 {
            assert_eq!(caught(|| 3), Ok(3));
            assert_eq!(caught(|| empty[1]), Err(PANICS.into()));
            assert!(!QUIET.get());
        }
    }

    #[test]
    fn work_within_work_leaves_the_outer_one_quiet() {
        let inner = caught(|| {
            let inner = caught(|| panic!("inner"));
            assert!(QUIET.get());
            inner
        });
        assert_eq!(inner, Ok(Err::<(), _>(PANICS.into())));
        assert!(!QUIET.get());
    }
}
