//! A progress bar on standard error, for what takes more than a second at a terminal.

use crate::sources::recorded::Watch;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Shown from then on: what is done sooner needs no bar.
const PATIENCE: Duration = Duration::from_secs(1);

/// Shows how far a command is, and hears Ctrl-C.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    visible: bool,
    stop: Arc<AtomicBool>,
}

impl Progress {
    /// A bar that is not shown yet. From here on Ctrl-C does not end the process: the second one does.
    pub(crate) fn begin() -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        // in this order: the second signal finds the flag set and ends the process
        signal_hook::flag::register_conditional_shutdown(signal_hook::consts::SIGINT, 1, Arc::clone(&stop))?;
        signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::clone(&stop))?;
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        Ok(Self { bar, visible: io::stderr().is_terminal(), stop })
    }

    /// Whether Ctrl-C was pressed.
    pub(crate) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Counts bytes up to `total` from now on.
    pub(crate) fn reading(&self, total: u64) {
        self.begin_with(
            total,
            "reading {wide_bar} {bytes}/{total_bytes}, {binary_bytes_per_sec}, {eta} left {msg}",
        );
    }

    /// Counts series up to `total` from now on.
    pub(crate) fn judging(&self, total: u64) {
        self.begin_with(total, "judging {wide_bar} {pos}/{len} series, {per_sec}, {eta} left");
    }

    /// Counts pairs of a series and a setting up to `total` from now on.
    pub(crate) fn tuning(&self, total: u64) {
        self.begin_with(total, "tuning {wide_bar} {pos}/{len} judged, {per_sec}, {eta} left");
    }

    /// So much is done.
    pub(crate) fn done(&self, count: u64) {
        if self.visible && self.bar.is_hidden() && self.bar.elapsed() > PATIENCE {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.set_position(count);
    }

    /// Takes the bar away.
    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }

    fn begin_with(&self, total: u64, template: &str) {
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style);
        }
        self.bar.reset();
        self.bar.set_length(total);
    }
}

impl Watch for Progress {
    fn advanced(&self, bytes_read: u64, rows: u64) {
        self.bar.set_message(format!("({rows} rows)"));
        self.done(bytes_read);
    }

    fn stop(&self) -> bool {
        self.stopped()
    }
}
