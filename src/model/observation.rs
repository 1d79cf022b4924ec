//! What recorded rows with times come to (health.md 1.5 to 1.11, 6.4): states over time, and proofs of TCP.

use super::RecordedState;
use jiff::Timestamp;

/// A change of the recorded state of one server. It happened after `after` and not later than `by` (health.md 6.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flip {
    /// State before.
    pub from: RecordedState,
    /// State after.
    pub to: RecordedState,
    /// Last observation of the old state.
    pub after: Timestamp,
    /// First observation of the new state.
    pub by: Timestamp,
    /// Gateway instances that observed it, sorted; empty where the rows name none.
    pub instances: Vec<String>,
}
