//! Loops over many numbers, compiled for several generations of processors: the newest at hand runs.
//!
//! The operations and their order are the same in each, and so are the results, to the bit: nothing is fused, nothing
//! is added up in another order. Only how many numbers are worked on at once differs.

/// Makes a call in the form that was compiled for this processor; with `|simd|` before it that is at hand for numbers side by
/// side. What is called is `#[inline(always)]`, all the way down: what is not inlined is compiled for the oldest processor.
macro_rules! wide {
    (|$simd:ident| $call:expr) => {
        fearless_simd::dispatch!(fearless_simd::Level::new(), $simd => $call)
    };
    ($call:expr) => {
        fearless_simd::dispatch!(fearless_simd::Level::new(), _simd => $call)
    };
}

pub(crate) use wide;
