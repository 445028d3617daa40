//! Panics that are caught and told as errors: nothing is to be printed about them.

use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many calls of [`caught`] go on. While one does, no panic of any thread is printed: polars works on threads of
/// its own, so a mark on this thread would not do.
static CATCHING: AtomicUsize = AtomicUsize::new(0);
static HOOK: Once = Once::new();

/// What `work` gives; nothing where it panicked.
pub(super) fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if CATCHING.load(Ordering::SeqCst) == 0 {
                before(panic);
            }
        }));
    });
    CATCHING.fetch_add(1, Ordering::SeqCst);
    let done = catch_unwind(AssertUnwindSafe(work));
    CATCHING.fetch_sub(1, Ordering::SeqCst);
    done.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_nothing_and_the_next_one_is_printed_again() {
        assert_eq!(caught(|| 1), Some(1));
        assert_eq!(caught(|| -> u8 { panic!("not to be seen") }), None);
        assert_eq!(CATCHING.load(Ordering::SeqCst), 0);
    }
}
