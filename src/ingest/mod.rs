//! x
mod json;
