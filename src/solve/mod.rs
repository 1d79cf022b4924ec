//! All flows of a question at once: verdicts over whole source sets, every path of every gateway, lint.

mod answer;
pub mod facts;
pub mod matrix;
pub mod path;
mod project;

pub use answer::{Answer, Decision, Missing, Verdict};
