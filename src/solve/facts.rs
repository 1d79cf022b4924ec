//! Missing facts and remarks in words, with the command that exports what is missing.

use super::answer::Missing;
use crate::compile::Network;
use crate::diagnostic::{Diagnostic, code};
use crate::evaluate::context::{Fact, Note, RuleKey};
use crate::model::{ResourceId, export_command};

/// The command for NICs.
pub const NIC_COMMAND: &str = "az network nic list -o json > nic.json";
/// The command for service tags.
pub const TAG_COMMAND: &str = "az network list-service-tags -l REGION -o json > servicetags.json";

/// What would answer a fact.
pub fn missing(network: &Network<'_>, fact: &Fact) -> Missing {
    let rule = |key: &RuleKey| {
        let filter = network.filters.get(key.0);
        let rule =
            filter.and_then(|f| f.inbound.iter().chain(&f.outbound).chain(&f.unplaced).find(|r| r.number == key.1));
        format!("rule {} of {}", rule.map_or("?", |r| r.name), filter.map_or("?", |f| f.name.as_str()))
    };
    let plain = |what: String| Missing { what, command: None };
    let with = |what: String, command: &str| Missing { what, command: Some(command.to_owned()) };
    let export = |what: String, id: &str| Missing { what, command: Some(export_command(&ResourceId::new(id))) };
    match fact {
        Fact::Tag(tag, _) | Fact::TagRoute(tag, _) | Fact::NarrowTagRoute(tag, _) => {
            with(format!("addresses of service tag {tag}"), TAG_COMMAND)
        }
        Fact::Unreadable(text, _) => plain(format!("a valid value in place of {text:?}")),
        Fact::EmptyGroup(key) => plain(format!("whether {} works with an empty application security group", rule(key))),
        Fact::PortFilter(key) => plain(format!("what ports mean to this protocol in {}", rule(key))),
        Fact::Ports(key) => plain(format!("valid ports in {}", rule(key))),
        Fact::RuleProtocol(key) => plain(format!("a valid protocol in {}", rule(key))),
        Fact::Access(key) => plain(format!("a valid access in {}", rule(key))),
        Fact::Unplaced(key) => plain(format!("priority and direction of {}", rule(key))),
        Fact::MissingNsg(id, _) => {
            export(format!("NSG {}", written(network, id).name()), written(network, id).as_str())
        }
        Fact::MissingTable(id) => {
            export(format!("route table {}", written(network, id).name()), written(network, id).as_str())
        }
        Fact::UnseenNic(address) => with(format!("the NIC with address {address}"), NIC_COMMAND),
        Fact::NextHop(address) => with(format!("the appliance at {address}"), NIC_COMMAND),
        Fact::Appliance(address) => {
            plain(format!("the rules of the appliance at {address} (or --assume appliance=transparent)"))
        }
        Fact::PeeringAccess(name) => {
            plain(format!("whether an explicit allow passes peering {name} without virtual network access"))
        }
        Fact::UnreadableRoute(name) => plain(format!("a readable route {name}")),
        Fact::PublicSource(_) => with(
            "the public address the traffic leaves with".to_owned(),
            "az network public-ip list -o json > public-ip.json",
        ),
        Fact::AdminDecides(..) | Fact::AdminDenies(..) => {
            plain("what the security admin rules do (not evaluated)".to_owned())
        }
        Fact::NotModelled(id) => plain(format!("what {} does (not evaluated)", ResourceId::new(id).name())),
        Fact::MissingSubnet(id) => {
            let vnet = ResourceId::new(id).parent().unwrap_or_else(|| ResourceId::new(id));
            export(format!("subnet {} of virtual network {}", ResourceId::new(id).name(), vnet.name()), vnet.as_str())
        }
        Fact::MissingPublicIp(id) => export(format!("public IP address {}", ResourceId::new(id).name()), id),
        Fact::OpenPrefix(id, _) => Missing {
            what: format!("the prefixes that {} brings", ResourceId::new(id).name()),
            command: Some(export_command(&ResourceId::new(id))),
        },
        Fact::UnseenMember(key, address) => with(
            format!("the NIC with address {address}, for the application security groups of {}", rule(key)),
            NIC_COMMAND,
        ),
        Fact::Tie(key) => plain(format!("which of two rules of equal priority counts, {} or the other", rule(key))),
        Fact::RouteTie(name) => plain(format!("which of two routes of one prefix counts, {name} or the other")),
        Fact::SharedAddress(address) => plain(format!("which of the NICs with address {address} is there")),
        Fact::RemoteVnet(id) => export(format!("virtual network {}", ResourceId::new(id).name()), id),
    }
}

/// The id as written somewhere in the input; facts keep the lower-case key.
fn written(network: &Network<'_>, key: &str) -> ResourceId {
    let mut references = network.subnets.iter().flat_map(|node| {
        [node.subnet.nsg.as_ref(), node.subnet.route_table.as_ref()].into_iter().flatten().map(|r| &r.value)
    });
    let nics = network.snapshot.network_interfaces.values().filter_map(|nic| nic.nsg.as_ref()).map(|r| &r.value);
    references
        .find(|id| id.key() == key)
        .or_else(|| nics.into_iter().find(|id| id.key() == key))
        .cloned()
        .unwrap_or_else(|| ResourceId::new(key))
}

/// A remark of the evaluation as a finding.
pub fn describe(note: &Note) -> Diagnostic {
    let subject = note.subject.as_str();
    let is_id = subject.starts_with('/');
    let name = if is_id { ResourceId::new(subject).name().to_owned() } else { subject.to_owned() };
    let title = note.code.title;
    let message = match note.code.name {
        "unknown-service-tag" => format!("service tag {name} has no data in the input"),
        "nsg-not-in-snapshot" | "route-table-not-in-snapshot" | "peer-vnet-not-in-snapshot" => {
            format!("{name} is referenced and not in the input")
        }
        "no-nic-with-address" => format!("no NIC with address {name} in the input"),
        "peering-not-connected" => format!("peering {name} is not connected on both sides and brings no route"),
        "assumption-used" => format!("assumed: {name}"),
        _ if name.is_empty() => title.to_owned(),
        _ => format!("{name}: {title}"),
    };
    let mut finding = Diagnostic::new(note.code, message).at_some(note.span);
    finding.rule.clone_from(&note.rule);
    if is_id {
        finding.resource = Some(subject.to_owned());
    }
    let export = [&code::NSG_MISSING, &code::ROUTE_TABLE_MISSING, &code::REMOTE_VNET_MISSING]
        .iter()
        .any(|code| code.code == note.code.code);
    finding.help(if export && is_id { export_command(&ResourceId::new(subject)) } else { note.code.fix.to_owned() })
}
