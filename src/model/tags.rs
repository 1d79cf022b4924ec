//! Service tags with data: the service-tag file (semantics.md 1.8).

use crate::net::AddressSet;
use std::collections::BTreeMap;

/// A service-tag file. VirtualNetwork, Internet and AzureLoadBalancer are never in it.
#[derive(Debug, Clone, Default)]
pub struct ServiceTags {
    /// `changeNumber` as written, for the reader to judge its age.
    pub change_number: Option<String>,
    /// `cloud` as written.
    pub cloud: Option<String>,
    /// Lower-case tag name to its addresses.
    pub tags: BTreeMap<String, AddressSet>,
    /// Their prefixes one by one: routes compare lengths.
    pub prefixes: BTreeMap<String, Vec<ipnet::IpNet>>,
}
