//! # Ports of a security rule (GP203, GP303)
//!
//! A port field holds `*`, one port or `low-high`, both ends included, from 0 to 65535 (semantics.md 1.3). A number
//! without quotes is fine.
//!
//! * **GP203** `SecurityRuleInvalidPortRange`: anything else, also a comma list in one text (`"80,443"`; the portal
//!   turns that into the list field, the API does not), `any`, and a reversed range. Flows that the rule may match are
//!   unknown.
//! * **GP303**: an ICMP rule with ports. ICMP has none; Azure was seen to read the destination port as the ICMP type,
//!   which is not documented. Such a rule never opens a TCP or UDP port; ICMP flows that it would decide are unknown.

use super::Subject;
use crate::diagnostic::{Diagnostic, Span, code};
use crate::model::{PortSide, PortTerm, RuleProtocol};
use crate::net::{Protocol, parse_port_range};

/// Both sides of one rule.
pub(super) fn check(subject: Subject<'_>, out: &mut Vec<Diagnostic>) {
    let icmp = subject.rule.protocol.value() == Some(&RuleProtocol::Only(Protocol::Icmp));
    for (side, ports) in [("source", &subject.rule.source_ports), ("destination", &subject.rule.destination_ports)] {
        for term in ports.terms() {
            if let PortTerm::Invalid(text) = &term.value {
                invalid(subject, side, text, term.span, out);
            }
        }
        if icmp {
            icmp_ports(subject, side, ports, out);
        }
    }
}

fn invalid(subject: Subject<'_>, side: &str, text: &str, at: Span, out: &mut Vec<Diagnostic>) {
    let message = format!(
        "{side} port {text:?} of {} is no port from 0 to 65535, no low-high range and not *; Azure refuses it, and \
         flows that the rule may match cannot be judged",
        subject.words()
    );
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    let help = if parts.len() > 1 && parts.iter().all(|part| parse_port_range(part).is_some()) {
        let list: Vec<String> = parts.iter().map(|part| format!("\"{part}\"")).collect();
        format!("empty {side}PortRange and use {side}PortRanges: [{}]", list.join(", "))
    } else if text.eq_ignore_ascii_case("any") {
        "write *".to_owned()
    } else {
        "write one port, low-high with the lower port first, or *".to_owned()
    };
    out.push(subject.finding(&code::INVALID_PORT, message, help, at));
}

fn icmp_ports(subject: Subject<'_>, side: &str, ports: &PortSide, out: &mut Vec<Diagnostic>) {
    let narrow = ports.terms().find_map(|term| match term.value {
        PortTerm::Range(low, high) if (low, high) != (0, u16::MAX) => Some((low, high, term.span)),
        _ => None,
    });
    let Some((low, high, at)) = narrow else { return };
    let range = if low == high { low.to_string() } else { format!("{low}-{high}") };
    let message = format!(
        "{} is for ICMP and has {side} port {range}; ICMP has no ports, and what Azure makes of it is not documented",
        subject.words()
    );
    let help = format!("use * for {side}PortRange");
    out.push(subject.finding(&code::ICMP_PORT, message, help, at));
}
