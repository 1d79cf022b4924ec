//! Names: private DNS zones with their links and record sets, and addresses that access logs show (health.md 5, item 4).

use super::ResourceId;
use crate::diagnostic::Span;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Private DNS as far as the input holds it.
#[derive(Debug, Clone, Default)]
pub struct PrivateDns {
    /// Zones; one that only a link or record set of the input names has no counts.
    pub zones: BTreeMap<ResourceId, PrivateDnsZone>,
    /// Links of zones to virtual networks.
    pub links: BTreeMap<ResourceId, ZoneLink>,
    /// Record sets of every type.
    pub records: BTreeMap<ResourceId, RecordSet>,
}

/// A private DNS zone.
#[derive(Debug, Clone)]
pub struct PrivateDnsZone {
    /// Its id; the last segment is the name of the zone.
    pub id: ResourceId,
    /// Where the resource stands, where it is in the input itself.
    pub span: Option<Span>,
    /// `numberOfRecordSets`: how many there are, exported or not.
    pub record_sets: Option<usize>,
    /// `numberOfVirtualNetworkLinks`.
    pub links: Option<usize>,
}

/// A virtual network link of a private DNS zone: only linked networks see the zone (semantics.md 5.5).
#[derive(Debug, Clone)]
pub struct ZoneLink {
    /// Its id.
    pub id: ResourceId,
    /// Where the resource stands.
    pub span: Span,
    /// The virtual network.
    pub vnet: Option<ResourceId>,
    /// `virtualNetworkLinkState` is absent or `Completed`.
    pub completed: bool,
    /// `resolutionPolicy: NxDomainRedirect`: a name without a record is asked of public DNS.
    pub redirects: bool,
}

/// A record set of a private DNS zone.
#[derive(Debug, Clone)]
pub struct RecordSet {
    /// Its id, `ZONE/TYPE/NAME`.
    pub id: ResourceId,
    /// Where the resource stands.
    pub span: Span,
    /// What it holds.
    pub data: RecordData,
}

/// What a record set holds, as far as it leads to an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordData {
    /// `A` and `AAAA`.
    Addresses(Vec<IpAddr>),
    /// `CNAME`: the name it leads to, in lower case without the dot at the end.
    Alias(String),
    /// Another type: the name exists and has no address.
    Other,
}

/// An address that the gateway really used for a pool, as its access log says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LoggedAddress {
    /// The gateway.
    pub gateway: ResourceId,
    /// The pool's name in lower case.
    pub pool: String,
    /// The address of `serverRouted`.
    pub address: IpAddr,
    /// Time of the newest such request, as written.
    pub time: String,
    /// Where that request stands.
    pub span: Span,
}
