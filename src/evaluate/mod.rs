//! One concrete flow in one possible world, stage by stage.

mod appliance;
pub mod context;
pub mod cuts;
mod edge;
pub mod gates;
pub mod matching;
pub mod path;
pub mod route;
pub mod trace;
