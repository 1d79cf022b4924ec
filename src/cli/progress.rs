//! A progress bar on standard error, for work of more than a second, on a terminal only.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Shown after this much work.
const PATIENCE: Duration = Duration::from_secs(1);

/// Counts finished items; draws nothing unless wanted and the work takes long.
#[derive(Debug)]
pub(super) struct Progress {
    wanted: bool,
    total: u64,
    done: AtomicU64,
    started: Instant,
    bar: OnceLock<ProgressBar>,
    template: &'static str,
}

impl Progress {
    /// A bar for `total` items.
    pub(super) fn new(wanted: bool, total: usize) -> Self {
        let total = u64::try_from(total).unwrap_or(u64::MAX);
        Self::with(wanted, total, "{bar:30} {pos}/{len} paths, {eta} left")
    }

    /// A bar for `total` bytes.
    pub(super) fn bytes(wanted: bool, total: u64) -> Self {
        Self::with(wanted, total, "{bar:30} {bytes}/{total_bytes}, {eta} left")
    }

    fn with(wanted: bool, total: u64, template: &'static str) -> Self {
        Progress { wanted, total, done: AtomicU64::new(0), started: Instant::now(), bar: OnceLock::new(), template }
    }

    /// `count` more items are done.
    pub(super) fn advance(&self, count: usize) {
        let count = u64::try_from(count).unwrap_or(0);
        let done = self.done.fetch_add(count, Ordering::Relaxed) + count;
        if !self.wanted || self.started.elapsed() < PATIENCE {
            return;
        }
        let bar = self.bar.get_or_init(|| {
            let bar = ProgressBar::with_draw_target(Some(self.total), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template(self.template);
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        bar.set_position(done);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
    }
}
