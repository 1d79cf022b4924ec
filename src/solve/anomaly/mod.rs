//! Lint: what Azure would refuse, and what works otherwise than it looks.
//!
//! One file per family of findings; its doc comment is the manual page of the family. Errors are what Azure refuses,
//! warnings what it takes and what surprises, notes what is worth knowing. Findings about the text of the files (JSON,
//! formats, prefixes that are none) are made while reading and are not repeated here. Nothing here is guessed: where a
//! value is missing or unreadable, the finding says so, and conclusions that need it are not drawn. Rules, routes,
//! subnets and peerings that were exported without their parent are looked at one by one.

mod addresses;
mod admin_rules;
mod attachment;
mod exports;
mod fields;
mod firewall;
mod forms;
mod gateway_nsg;
mod gateway_rules;
mod gateway_subnet;
mod groups;
mod interfaces;
mod limits;
mod management;
mod names;
mod overlap;
mod peered_spaces;
mod peerings;
mod ports;
mod private_endpoints;
mod repeated_names;
mod routes;
mod traffic;
mod vnets;

pub use management::{Management, management, platform};

use crate::compile::Network;
use crate::diagnostic::{self, Code, Diagnostic, Span};
use crate::model::{NetworkSecurityGroup, SecurityRule};

/// All findings about a network, sorted.
pub fn lint(network: &Network<'_>) -> Vec<Diagnostic> {
    let mut out = Vec::new();
    let members = groups::Members::of(network.snapshot);
    let snapshot = network.snapshot;
    for nsg in snapshot.nsgs.values().chain(snapshot.fragments.nsgs.values()) {
        fields::check_priorities(nsg, &mut out);
        for rule in &nsg.rules {
            let rule = Subject { nsg, rule };
            fields::check(rule, &mut out);
            forms::check(rule, &mut out);
            addresses::check(rule, &mut out);
            ports::check(rule, &mut out);
            groups::check(rule, &members, &mut out);
        }
    }
    limits::check(snapshot, &mut out);
    repeated_names::check(snapshot, &mut out);
    attachment::check(network, &mut out);
    vnets::check(snapshot, &mut out);
    interfaces::check(network, &mut out);
    peerings::check(network, &mut out);
    peered_spaces::check(snapshot, &mut out);
    routes::check(network, &mut out);
    firewall::check(snapshot, &mut out);
    admin_rules::check(snapshot, &mut out);
    admin_rules::unconfigured(network, &mut out);
    private_endpoints::check(network, &mut out);
    exports::check(network, &mut out);
    gateway_rules::check(network, &mut out);
    gateway_subnet::check(network, &mut out);
    names::check(network, &mut out);
    diagnostic::sort(&mut out);
    out
}

/// A rule and the NSG that holds it.
#[derive(Debug, Clone, Copy)]
struct Subject<'s> {
    nsg: &'s NetworkSecurityGroup,
    rule: &'s SecurityRule,
}

impl Subject<'_> {
    /// A finding about the rule.
    fn finding(self, code: &'static Code, message: String, help: impl Into<String>, at: Span) -> Diagnostic {
        let finding = Diagnostic::new(code, message).resource(self.nsg.id.as_str()).help(help).at(at);
        if self.rule.name.is_empty() { finding } else { finding.rule(&self.rule.name) }
    }

    /// `rule NAME of NSG`.
    fn words(self) -> String {
        let name = if self.rule.name.is_empty() { "without a name" } else { &self.rule.name };
        format!("rule {name} of {}", self.nsg.name)
    }
}

/// Most second places that one finding shows.
const LABELS: usize = 5;

/// Adds second places, as many as help.
fn label_all(mut finding: Diagnostic, places: impl IntoIterator<Item = (Span, String)>) -> Diagnostic {
    for (span, text) in places.into_iter().take(LABELS) {
        finding = finding.label(span, text);
    }
    finding
}

/// Names joined for a sentence: `a`, `a and b`, `a, b and c`, `a, b and 7 more`.
fn list_words(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [only] => only.clone(),
        [head @ .., last] if names.len() <= LABELS => format!("{} and {last}", head.join(", ")),
        _ => {
            let shown: Vec<&str> = names.iter().take(LABELS - 1).map(String::as_str).collect();
            format!("{} and {} more", shown.join(", "), names.len() - shown.len())
        }
    }
}
