//! gatepath answers, from exported files alone: can this Azure Application Gateway reach each of its backends, which
//! rule on which resource decides, and is the network why a backend is unhealthy?
//!
//! Text becomes a [`model::Snapshot`] ([`ingest`]), the snapshot becomes tables that keep every rule's identity
//! ([`compile`]), one concrete flow is judged stage by stage in one possible world ([`evaluate`]), whole source sets
//! are judged in every possible world ([`solve`]), recorded health is joined with the verdicts ([`attribute`]), and
//! results become text ([`report`]). What is missing makes a verdict unknown and is named; it is never guessed.
//!
//! Data flows one way: `diagnostic`, `net` -> `model` -> `ingest` -> `compile` -> `evaluate` -> `solve` -> `attribute`
//! -> `report` -> `cli`. Each room uses only rooms before it. The library writes to no stream of its own.
#![forbid(unsafe_code)]

pub mod diagnostic;
pub mod net;

pub mod model;

pub mod ingest;

pub mod compile;

pub mod evaluate;

pub mod solve;

pub mod attribute;

pub mod report;

pub mod cli;
