//! x
mod answer;
pub use answer::{Answer, Decision, Missing, Verdict};
