//! One concrete flow in one possible world, stage by stage.

mod admin;
mod appliance;
mod balancer;
mod container;
pub mod context;
mod edge;
mod endpoint;
mod firewall;
pub mod gates;
pub mod journey;
pub mod matching;
mod overrides;
pub mod path;
mod reply;
pub mod route;
pub mod trace;
