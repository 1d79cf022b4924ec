//! Names without an address in words, with the command that would answer, and where an address of a name came from.

use super::answer::Missing;
use crate::compile::names::{Origin, Unresolved};
use crate::diagnostic::{Diagnostic, code};
use crate::model::{ApplicationGateway, PrivateDnsZone, ResourceId, VirtualNetwork, shell_word};
use std::net::IpAddr;

/// Why a name is unresolved: the finding, and what is missing.
pub fn unresolved(gateway: &ApplicationGateway, name: &str, why: &Unresolved<'_>) -> (Diagnostic, Missing) {
    let vnet = gateway.subnets.first().and_then(|subnet| subnet.value.parent());
    let vnet_name = vnet.as_ref().map_or("the virtual network", |id| id.name());
    let resolve = format!("--resolve {name}=ADDRESS");
    let addresses = Missing { what: format!("the addresses of {name} ({resolve})"), command: None };
    let because = |why: &str| Missing { what: format!("the addresses of {name}: {why} ({resolve})"), command: None };
    let from = |command: &str, what: String| Missing { what, command: Some(command.to_owned()) };
    match why {
        Unresolved::NotInInput => {
            let finding = Diagnostic::new(&code::FQDN, format!("{name} is not resolved by the input"));
            (finding.help(resolve), addresses)
        }
        Unresolved::NotLinked { zone, name: looked_up } => {
            let unlinked = format!("private DNS zone {} is not linked to {vnet_name}", zone.id.name());
            let text = format!("{unlinked}, so public DNS answers for {looked_up}");
            let help = vnet.as_ref().map_or_else(|| resolve.clone(), |vnet| link_command(&zone.id, vnet));
            let finding = about(Diagnostic::new(&code::ZONE_NOT_LINKED, text), zone);
            (finding.help(help), because(&unlinked))
        }
        Unresolved::LinksMissing { zone } => {
            let command = links_command(&zone.id);
            let what = format!("the virtual network links of private DNS zone {}", zone.id.name());
            let text = format!("{name} is not resolved: {what} are not in the input");
            let finding = about(Diagnostic::new(&code::ZONE_LINKS_MISSING, text), zone);
            (finding.help(command.clone()), from(&command, what))
        }
        Unresolved::RecordsMissing { zone, name: looked_up } => {
            let command = records_command(&zone.id);
            let what = format!("the record sets of private DNS zone {}", zone.id.name());
            let text = format!("{looked_up} is not resolved: {what} are not all in the input");
            let finding = about(Diagnostic::new(&code::ZONE_RECORDS_MISSING, text), zone);
            (finding.help(command.clone()), from(&command, what))
        }
        Unresolved::NoRecord { zone, name: looked_up, redirected } => {
            let then = if *redirected { "public DNS is asked instead" } else { "the name does not exist there" };
            let text = format!("private DNS zone {} has no record for {looked_up}: {then}", zone.id.name());
            let missing = because(&format!("private DNS zone {} has no record for it", zone.id.name()));
            let finding = about(Diagnostic::new(&code::ZONE_NO_RECORD, text), zone);
            (finding.help(format!("add the record, or {resolve}")), missing)
        }
        Unresolved::CustomServers { vnet, would_be } => (
            own_servers(name, vnet, would_be).help(resolve.clone()),
            because(&format!("the DNS servers of {} decide", vnet.name)),
        ),
        Unresolved::Alias { last, target, endless } => {
            let how = if *endless { "in a circle or too far" } else { "out of the zones of the input" };
            let text = format!("{name} is not resolved: its alias {} leads {how}, to {target}", last.id.name());
            let finding = Diagnostic::new(&code::ALIAS, text).resource(last.id.as_str()).at(last.span);
            (finding.help(resolve.clone()), because(&format!("its alias leads {how}")))
        }
        Unresolved::Ambiguous { zone } => {
            let text = format!("several private DNS zones {} are linked to {vnet_name}", zone.id.name());
            (
                about(Diagnostic::new(&code::FQDN, text), zone).help("export again; Azure refuses a second link"),
                addresses,
            )
        }
    }
}

/// Where the address of a name came from; nothing for the hosts map, which the user gave.
pub fn origin(name: &str, address: IpAddr, origin: Origin<'_>) -> Option<Diagnostic> {
    match origin {
        Origin::Hosts => None,
        Origin::Record(record) => {
            let zone = record.id.parent().map(|zone| zone.name().to_owned()).unwrap_or_default();
            let text = format!("{name} is {address} by record {} of private DNS zone {zone}", record.id.name());
            Some(Diagnostic::new(&code::NAME_FROM_ZONE, text).resource(record.id.as_str()).at(record.span))
        }
        Origin::Endpoint(endpoint) => {
            let text = format!("{name} is {address} by the DNS configuration of private endpoint {}", endpoint.name);
            let finding = Diagnostic::new(&code::NAME_FROM_ENDPOINT, text).resource(endpoint.id.as_str());
            Some(finding.at(endpoint.span).help("export the private DNS zone that holds the name, and its links"))
        }
        Origin::AccessLog(entry) => {
            let text = format!("{name} was {address} for a request at {}, by the access log", entry.time);
            let finding = Diagnostic::new(&code::NAME_FROM_LOG, text).resource(entry.gateway.as_str());
            Some(finding.at(entry.span).help(format!("if it has moved since: --resolve {name}=ADDRESS")))
        }
    }
}

fn about(finding: Diagnostic, zone: &PrivateDnsZone) -> Diagnostic {
    finding.resource(zone.id.as_str()).at_some(zone.span)
}

fn own_servers(name: &str, vnet: &VirtualNetwork, would_be: &[IpAddr]) -> Diagnostic {
    let servers: Vec<&str> = vnet.dns_servers.iter().map(|server| server.value.as_str()).collect();
    let hint = hint(would_be);
    let text = format!("{name} is asked of the DNS servers of {} ({}){hint}", vnet.name, servers.join(", "));
    let finding = Diagnostic::new(&code::CUSTOM_DNS, text).resource(vnet.id.as_str());
    finding.at_some(vnet.dns_servers.first().map(|server| server.span))
}

fn hint(would_be: &[IpAddr]) -> String {
    if would_be.is_empty() {
        return ", which need not ask Azure's private zones".to_owned();
    }
    let list: Vec<String> = would_be.iter().map(ToString::to_string).collect();
    format!("; only if they ask Azure's private zones it is {}", list.join(", "))
}

/// The command that exports the record sets of a zone.
pub fn records_command(zone: &ResourceId) -> String {
    format!("az network private-dns record-set list {} -o json > record-sets.json", words(zone))
}

/// The command that exports the links of a zone.
pub fn links_command(zone: &ResourceId) -> String {
    format!("az network private-dns link vnet list {} -o json > zone-links.json", words(zone))
}

/// The command that links a zone to a virtual network.
fn link_command(zone: &ResourceId, vnet: &ResourceId) -> String {
    let name = shell_word(&format!("link-{}", vnet.name()));
    let vnet = shell_word(vnet.as_str());
    format!("az network private-dns link vnet create {} -n {name} -v {vnet} -e false", words(zone))
}

/// `-g GROUP -z ZONE`.
fn words(zone: &ResourceId) -> String {
    let group = zone.segment("resourceGroups").unwrap_or("GROUP");
    format!("-g {} -z {}", shell_word(group), shell_word(zone.name()))
}
