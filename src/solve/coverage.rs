//! What is missing for which question, with the command that exports it (`gatepath inspect`).

use super::facts::{NIC_COMMAND, TAG_COMMAND};
use super::names;
use crate::compile::gateway_paths::{Target, members, pairs};
use crate::compile::network::is_platform_subnet;
use crate::compile::{Lookup, Network};
use crate::diagnostic::code;
use crate::model::{ApplicationGateway, ResourceId, export_command};
use serde::Serialize;
use std::collections::BTreeSet;

/// Something that an answer will need.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Need {
    /// What is missing.
    pub what: String,
    /// The question that it decides.
    pub question: String,
    /// The command that exports it.
    pub command: Option<String>,
}

/// Everything that paths of the input's gateways will need, sorted, each once.
pub fn needs(network: &Network<'_>) -> Vec<Need> {
    let mut out = BTreeSet::new();
    let snapshot = network.snapshot;
    if snapshot.application_gateways.is_empty() {
        out.insert(Need {
            what: "an application gateway".to_owned(),
            question: "which paths to judge (matrix, health)".to_owned(),
            command: Some("az network application-gateway list -o json > application-gateway.json".to_owned()),
        });
    }
    for gateway in snapshot.application_gateways.values() {
        for subnet in gateway.subnets.iter().filter(|id| network.subnet_by_id(&id.value).is_none()) {
            let vnet =
                subnet.value.parent().and_then(|s| s.parent().map(|_| s)).unwrap_or_else(|| subnet.value.clone());
            out.insert(need(
                &format!("virtual network {} of {}", vnet.name(), gateway.name),
                "every path of the gateway",
                &vnet,
            ));
        }
        for pair in pairs(gateway).pairs {
            for member in members(network, gateway, pair.pool) {
                member_needs(network, gateway, &member.shown, &member.target, &mut out);
            }
        }
    }
    for node in &network.subnets {
        if let Lookup::Missing(id) = node.nsg {
            out.insert(need(&format!("NSG {}", id.name()), &format!("paths through subnet {}", node.subnet.name), id));
        }
        if let Lookup::Missing(id) = node.table {
            out.insert(need(
                &format!("route table {}", id.name()),
                &format!("paths from and to subnet {}", node.subnet.name),
                id,
            ));
        }
    }
    for end in &network.endpoints {
        if let Lookup::Missing(id) = end.nsg {
            out.insert(need(&format!("NSG {}", id.name()), &format!("paths to NIC {}", end.name), id));
        }
    }
    tag_needs(network, &mut out);
    manager_needs(network, &mut out);
    firewall_needs(network, &mut out);
    for vnet in &network.vnets {
        for peering in vnet.vnet.peerings.iter().filter(|peering| peering.is_connected()) {
            let Some(remote) = peering.remote.as_ref().filter(|id| network.vnet_by_id(id).is_none()) else { continue };
            out.insert(need(
                &format!("peered virtual network {}", remote.name()),
                &format!("paths over peering {}", peering.name),
                remote,
            ));
        }
    }
    out.into_iter().collect()
}

fn need(what: &str, question: &str, id: &ResourceId) -> Need {
    Need { what: what.to_owned(), question: question.to_owned(), command: Some(export_command(id)) }
}

fn member_needs(
    network: &Network<'_>,
    owner: &ApplicationGateway,
    shown: &str,
    target: &Target<'_>,
    out: &mut BTreeSet<Need>,
) {
    let gateway = &owner.name;
    match target {
        Target::Address(address) => {
            let Some(index) = network.subnet_of(*address, None) else { return };
            let customer = network
                .subnet(index)
                .is_some_and(|node| node.gateways.is_empty() && !is_platform_subnet(&node.subnet.name));
            if customer && network.endpoint_at(*address, index).is_none() {
                out.insert(Need {
                    what: format!("the NIC with address {address}"),
                    question: format!("{gateway} -> {shown}"),
                    command: Some(NIC_COMMAND.to_owned()),
                });
            }
        }
        Target::Unresolved(why) => {
            let (finding, missing) = names::unresolved(owner, shown, why);
            let what = missing.what.replace(&format!(" (--resolve {shown}=ADDRESS)"), "");
            let unlinked = finding.help.filter(|_| finding.code.code == code::ZONE_NOT_LINKED.code);
            let command =
                missing.command.or(unlinked).unwrap_or_else(|| format!("gatepath ... --resolve {shown}=ADDRESS"));
            out.insert(Need { what, question: format!("{gateway} -> {shown}"), command: Some(command) });
        }
        Target::MissingConfiguration(id) => {
            let nic = id.parent().and_then(|parent| parent.parent().map(|_| parent)).unwrap_or_else(|| (*id).clone());
            out.insert(need(&format!("the NIC of pool member {shown}"), &format!("{gateway} -> {shown}"), &nic));
        }
        Target::ScaleSet { scale_set, .. } => {
            out.insert(Need {
                what: format!("the instances of scale set {}", scale_set.name()),
                question: format!("{gateway} -> {shown}, address by address"),
                command: Some("az vmss nic list -g GROUP --vmss-name NAME -o json > vmss-nic.json".to_owned()),
            });
        }
    }
}

/// Network groups without members, groups that are not in the input at all, and managers without configurations.
fn manager_needs(network: &Network<'_>, out: &mut BTreeSet<Need>) {
    for unconfigured in &network.admin.unconfigured {
        let manager = &unconfigured.manager.name;
        out.insert(Need {
            what: format!("security admin configurations of network manager {manager}"),
            question: "paths in the virtual networks of its scope".to_owned(),
            command: Some(format!(
                "az network manager security-admin-config list --network-manager-name {manager} -g RG -o json"
            )),
        });
    }
    for rule in &network.admin.rules {
        let question = format!("security admin rules of {}", rule.manager);
        for group in &rule.applies.empty {
            out.insert(Need {
                what: format!("static members of network group {}", group.name()),
                question: question.clone(),
                command: Some(
                    "az network manager group static-member list --network-manager NAME --network-group-name GROUP -g RG -o json"
                        .to_owned(),
                ),
            });
        }
        for id in rule.applies.open() {
            out.insert(need(&format!("{} for security admin rules", id.name()), &question, id));
        }
    }
}

/// Policies, rule collection groups and IP groups of firewalls.
fn firewall_needs(network: &Network<'_>, out: &mut BTreeSet<Need>) {
    for firewall in &network.firewalls {
        let question = format!("paths through firewall {}", firewall.name);
        for id in &firewall.missing {
            out.insert(need(&format!("firewall policy or group {}", id.name()), &question, id));
        }
        let rules = firewall.rules.iter();
        for id in rules.flat_map(|rule| rule.source.missing_groups.iter().chain(&rule.destination.missing_groups)) {
            out.insert(need(&format!("IP group {}", id.name()), &question, id));
        }
    }
}

fn tag_needs(network: &Network<'_>, out: &mut BTreeSet<Need>) {
    let mut tags = BTreeSet::new();
    for filter in &network.filters {
        for rule in filter.inbound.iter().chain(&filter.outbound).chain(&filter.unplaced) {
            tags.extend(
                rule.source.unknown_tags.iter().chain(&rule.destination.unknown_tags).map(|tag| (*tag).to_owned()),
            );
        }
    }
    for node in &network.subnets {
        tags.extend(node.routes.tag_routes.iter().filter(|tag| tag.members.is_none()).map(|tag| tag.tag.to_owned()));
    }
    // GatewayManager is judged by its name where the management path is asked for.
    tags.retain(|tag| !tag.eq_ignore_ascii_case("GatewayManager"));
    if !tags.is_empty() {
        let list: Vec<String> = tags.into_iter().collect();
        out.insert(Need {
            what: format!("addresses of service tags {}", list.join(", ")),
            question: "rules and routes that name them".to_owned(),
            command: Some(TAG_COMMAND.to_owned()),
        });
    }
}
