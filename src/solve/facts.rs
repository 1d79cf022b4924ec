//! Missing facts and remarks in words, with the command that exports what is missing.

use super::answer::Missing;
use crate::compile::Network;
use crate::diagnostic::{Diagnostic, code};
use crate::evaluate::context::{Fact, Note, Owner, RuleKey};
use crate::model::{ResourceId, export_command};

/// The command for NICs.
pub const NIC_COMMAND: &str = "az network nic list -o json > nic.json";
/// The command for service tags.
pub const TAG_COMMAND: &str = "az network list-service-tags -l REGION -o json > servicetags.json";

/// The command for public IP addresses.
const PUBLIC_IP_COMMAND: &str = "az network public-ip list -o json > public-ip.json";

/// What would answer facts, each thing once. Facts about one service tag and several addresses are one thing.
pub fn all_missing(network: &Network<'_>, facts: &[Fact]) -> Vec<Missing> {
    let mut out: Vec<Missing> = Vec::new();
    for fact in facts {
        let mut one = missing(network, fact);
        if let Fact::Tag(tag, first) = fact {
            let about = facts.iter().filter(|other| matches!(other, Fact::Tag(name, _) if name == tag)).count();
            let question = match about {
                0 | 1 => format!(" (is {first} in it?)"),
                _ => format!(" (are {first} and {} more addresses in it?)", about - 1),
            };
            if out.iter().any(|known| known.what.starts_with(&one.what)) {
                continue;
            }
            one.what.push_str(&question);
        }
        if !out.contains(&one) {
            out.push(one);
        }
    }
    out
}

/// What would answer a fact.
fn missing(network: &Network<'_>, fact: &Fact) -> Missing {
    if let Fact::OfProbe(inner) = fact {
        return missing(network, inner);
    }
    about_resource(network, fact).unwrap_or_else(|| Missing { what: about_rule(network, fact), command: None })
}

/// Facts that an export would answer.
fn about_resource(network: &Network<'_>, fact: &Fact) -> Option<Missing> {
    let with = |what: String, command: &str| Some(Missing { what, command: Some(command.to_owned()) });
    let export = |what: String, id: &ResourceId| Some(Missing { what, command: Some(export_command(id)) });
    match fact {
        Fact::Tag(tag, _) | Fact::NarrowTagRoute(tag, _) => {
            with(format!("addresses of service tag {tag}"), TAG_COMMAND)
        }
        Fact::MissingNsg(id, _) => {
            let id = written(network, id);
            export(format!("NSG {}", id.name()), &id)
        }
        Fact::MissingTable(id) | Fact::TableDelivers(id, _) => {
            let id = written(network, id);
            export(format!("route table {}", id.name()), &id)
        }
        Fact::UnseenNic(address) => with(format!("the NIC with address {address}"), NIC_COMMAND),
        Fact::NextHop(address) => with(format!("the appliance at {address}"), NIC_COMMAND),
        Fact::PublicSource(_) => with("the public address the traffic leaves with".to_owned(), PUBLIC_IP_COMMAND),
        Fact::UnseenMember(key, address) => {
            let rule = rule(network, *key);
            with(format!("the NIC with address {address}, for the application security groups of {rule}"), NIC_COMMAND)
        }
        Fact::MissingSubnet(id) => {
            let id = ResourceId::new(id);
            match id.parent().filter(|_| id.segment("subnets").is_some()) {
                Some(vnet) => export(format!("subnet {} of virtual network {}", id.name(), vnet.name()), &vnet),
                None => export(format!("virtual network {}", id.name()), &id),
            }
        }
        Fact::RemoteVnet(id) => {
            let id = ResourceId::new(id);
            export(format!("virtual network {}", id.name()), &id)
        }
        Fact::MissingPublicIp(id) | Fact::PublicIpIs(id, _) => export(format!("public IP address {}", id.name()), id),
        Fact::GroupMember(id, _)
        | Fact::GroupEmpty(id)
        | Fact::AppliesTo(id, _)
        | Fact::ManagerScope(id)
        | Fact::PolicyDecides(id)
        | Fact::PolicyAllows(id)
        | Fact::PolicyTranslates(id)
        | Fact::PrivateEndpointAt(id, _)
        | Fact::Frontend(id, _)
        | Fact::EndpointApproved(id) => export(format!("{} {}", kind_words(id), id.name()), id),
        Fact::PoolMember(id) => {
            let id = ResourceId::new(id);
            export(format!("{} {}", kind_words(&id), id.name()), &id)
        }
        Fact::OpenPrefix(id, _) => {
            let id = ResourceId::new(id);
            export(format!("the prefixes that {} brings", id.name()), &id)
        }
        _ => None,
    }
}

/// Facts that no export answers: a value has to be corrected, or the thing is not evaluated.
fn about_rule(network: &Network<'_>, fact: &Fact) -> String {
    let rule = |key: &RuleKey| rule(network, *key);
    match fact {
        Fact::Unreadable(text, _) => format!("a valid value in place of {text:?}"),
        Fact::EmptyGroup(key) => format!("whether {} works with an empty application security group", rule(key)),
        Fact::PortFilter(key) => format!("what ports mean to this protocol in {}", rule(key)),
        Fact::Ports(key) => format!("valid ports in {}", rule(key)),
        Fact::RuleProtocol(key) => format!("a valid protocol in {}", rule(key)),
        Fact::Access(key) => format!("a valid access in {}", rule(key)),
        Fact::Unplaced(key) => format!("priority and direction of {}", rule(key)),
        Fact::Tie(key) => format!("which of two rules of equal priority counts, {} or the other", rule(key)),
        Fact::RouteTie(name) => format!("which of two routes of one prefix counts, {name} or the other"),
        Fact::UnreadableRoute(name, _) | Fact::UnreadableHop(name, _) | Fact::UnreadableHopDelivers(name, _) => {
            format!("a readable {name}")
        }
        Fact::SharedAddress(address) => format!("which of the NICs with address {address} is there"),
        Fact::UnseenGateway(_) => "the application gateway that a public IP address names".to_owned(),
        Fact::Appliance(address) | Fact::ApplianceTranslates(address) => {
            format!("the rules of the appliance at {address} (or --assume appliance=transparent)")
        }
        Fact::PeeringAccess(name) => {
            format!("whether an explicit allow passes peering {name} without virtual network access")
        }
        Fact::AdminDecides(..) | Fact::AdminDenies(..) => "the rules of the security admin collections".to_owned(),
        Fact::Name(name, address) => format!("whether {name} stands for {address} (--resolve {name}={address})"),
        Fact::SameRegion(..) => "the locations of the two virtual networks".to_owned(),
        Fact::EndpointPolicies(_) => "readable network policies for private endpoints".to_owned(),
        Fact::BgpOverride(name) => format!("whether route {name} beats longer gateway routes"),
        Fact::PeeringRoute(_) => "what disablePeeringRoute does to the peering's route".to_owned(),
        Fact::NotModelled(id) => format!("what {} does (not evaluated)", ResourceId::new(id).name()),
        other => format!("{other:?}"),
    }
}

/// What an id is of, in words.
fn kind_words(id: &ResourceId) -> &'static str {
    match id.resource_type().unwrap_or_default().rsplit('/').next().unwrap_or_default() {
        "ipgroups" => "IP group",
        "networkgroups" => "network group",
        "networkmanagers" => "network manager",
        "rulecollections" => "rule collection",
        "securityadminconfigurations" => "security admin configuration",
        "firewallpolicies" => "firewall policy",
        "rulecollectiongroups" => "rule collection group",
        "privateendpoints" => "private endpoint",
        "ipconfigurations" => "IP configuration",
        _ => "resource",
    }
}

/// A rule in words.
fn rule(network: &Network<'_>, (owner, number): RuleKey) -> String {
    let (name, of) = match owner {
        Owner::Nsg(index) => {
            let filter = network.filters.get(index);
            let rules = filter.map(|f| f.inbound.iter().chain(&f.outbound).chain(&f.unplaced));
            let rule = rules.into_iter().flatten().find(|rule| rule.number == number);
            (rule.map(|r| r.name), filter.map(|f| f.name.as_str()))
        }
        Owner::Admin => {
            let rule = network.admin.rules.iter().find(|own| own.rule.number == number);
            (rule.map(|own| own.rule.name), rule.map(|own| own.manager.as_str()))
        }
        Owner::Firewall(index) => {
            let firewall = network.firewalls.get(index);
            let rule = firewall.and_then(|f| f.rules.iter().find(|rule| rule.number == number));
            (rule.map(|r| r.rule.name.as_str()), firewall.map(|f| f.name.as_str()))
        }
    };
    format!("rule {} of {}", name.unwrap_or("?"), of.unwrap_or("?"))
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
