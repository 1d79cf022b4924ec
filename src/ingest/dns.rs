//! Private DNS zones, their links and record sets, in ARM form and as `az network private-dns` prints them.

use super::fields::{Fields, wrong_type};
use super::json::Unusable;
use super::tags::host_key;
use crate::model::{PrivateDnsZone, RecordData, RecordSet, ResourceId, Snapshot, ZoneLink};
use crate::net::parse_address;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Reads a zone.
pub(crate) fn read_zone(fields: &Fields<'_>, id: ResourceId) -> PrivateDnsZone {
    let count = |key: &str| fields.get(key).and_then(|node| node.integer()).and_then(|n| usize::try_from(n).ok());
    PrivateDnsZone {
        span: Some(fields.span()),
        record_sets: count("numberOfRecordSets"),
        links: count("numberOfVirtualNetworkLinks"),
        id,
    }
}

/// Reads a virtual network link.
pub(crate) fn read_link(fields: &Fields<'_>, id: ResourceId) -> Result<ZoneLink, Unusable> {
    let is = |key: &str, word: &str| fields.text(key).map(|text| text.value.eq_ignore_ascii_case(word));
    Ok(ZoneLink {
        span: fields.span(),
        vnet: fields.reference("virtualNetwork")?.map(|r| r.value),
        completed: is("virtualNetworkLinkState", "Completed").unwrap_or(true),
        redirects: is("resolutionPolicy", "NxDomainRedirect").unwrap_or(false),
        id,
    })
}

/// Reads a record set; the last segment of the type says which.
pub(crate) fn read_record_set(kind: &str, fields: &Fields<'_>, id: ResourceId) -> Result<RecordSet, Unusable> {
    let addresses = |list: &str, key: &str| -> Result<RecordData, Unusable> {
        let mut out: Vec<IpAddr> = Vec::new();
        for record in fields.objects(list)? {
            let Some(node) = record.get(key) else { continue };
            let address = node.string().and_then(|text| parse_address(&text));
            out.push(address.ok_or_else(|| wrong_type(node, "an address"))?);
        }
        out.sort_unstable();
        out.dedup();
        Ok(RecordData::Addresses(out))
    };
    let data = match kind.rsplit('/').next().unwrap_or_default() {
        "a" => addresses("aRecords", "ipv4Address")?,
        "aaaa" => addresses("aaaaRecords", "ipv6Address")?,
        "cname" => match fields.child("cnameRecord")?.and_then(|record| record.text("cname")) {
            Some(text) => RecordData::Alias(host_key(&text.value)),
            None => return Err(wrong_type(fields.outer().node(), "a CNAME record set with its cname")),
        },
        _ => RecordData::Other,
    };
    Ok(RecordSet { span: fields.span(), data, id })
}

/// Adds zones that only their links or record sets name, and those that could not be read: a longer zone name must not
/// be overlooked.
pub(crate) fn add_named_zones(snapshot: &mut Snapshot) {
    let links = snapshot.dns.links.keys().chain(snapshot.dns.records.keys());
    let zones = links.chain(snapshot.unusable.keys()).filter_map(zone_of).collect::<BTreeSet<_>>();
    for id in zones {
        let zone = PrivateDnsZone { id: id.clone(), span: None, record_sets: None, links: None };
        snapshot.dns.zones.entry(id).or_insert(zone);
    }
}

/// The zone of a zone, link or record set.
fn zone_of(id: &ResourceId) -> Option<ResourceId> {
    match id.resource_type()?.strip_prefix("microsoft.network/privatednszones")? {
        "" => Some(id.clone()),
        _ => id.parent(),
    }
}
