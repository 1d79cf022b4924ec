//! Address and port arithmetic. Knows nothing of Azure resources.

mod address_set;
mod flow;
mod ports;
mod prefix;
mod range_set;

pub use address_set::AddressSet;
pub use flow::{Flow, Protocol};
pub use ports::{EPHEMERAL, PortSet, parse_port_range};
pub use prefix::{WrittenPrefix, parse_address, shown};
pub use range_set::{Point, RangeSet};
