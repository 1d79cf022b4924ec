//! All flows of a question at once: verdicts over whole source sets, every path of every gateway, lint.

pub mod anomaly;
mod answer;
pub mod bisect;
pub mod coverage;
pub mod explain;
pub mod facts;
pub mod matrix;
pub mod names;
pub mod path;
mod project;
pub mod replay;

pub use answer::{Answer, Decision, Missing, Translated, Verdict};
