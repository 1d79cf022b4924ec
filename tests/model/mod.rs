//! A second implementation of reachability, made from the specification and sharing no code with the engine: one
//! concrete flow at a time, every source address on its own, every missing fact tried both ways. And what the
//! properties need beside it: random estates, ways to write them, questions, and a way to make failures small.

pub(crate) mod address;
mod admin;
mod balancer;
pub(crate) mod bridge;
pub(crate) mod case;
pub(crate) mod changes;
pub(crate) mod deletion;
pub(crate) mod dice;
mod endpoint;
mod firewall;
pub(crate) mod generate;
mod generate_admin;
mod generate_balancer;
mod generate_endpoint;
mod generate_firewall;
mod generate_gateway;
mod generate_rules;
mod internet;
mod journey;
pub(crate) mod minimise;
pub(crate) mod questions;
mod read;
pub(crate) mod routing;
mod rules;
pub(crate) mod spell;
mod walk;
pub(crate) mod world;
pub(crate) mod worlds;
