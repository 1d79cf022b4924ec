//! Model to the tables that evaluators read: NSGs as ordered rule tables, effective routes, tag expansions, endpoints.
//! Every entry keeps the identity of the rule or route it was made from.

pub mod admin;
pub mod cuts;
pub mod endpoints;
pub mod filter;
pub mod firewall;
pub mod gateway_paths;
pub mod listed;
pub mod missing;
pub mod names;
pub mod network;
pub mod peering;
mod references;
pub mod routing;
mod stage;
pub mod tags;

pub use network::{Assumptions, Lookup, Network, SubnetNode, VnetNode};
pub use stage::Stage;
