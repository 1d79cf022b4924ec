//! x
#![forbid(unsafe_code)]
pub mod net;
pub mod diagnostic;
pub mod model;
pub mod ingest;
pub mod compile;
pub mod evaluate;
pub mod solve;
pub mod attribute;