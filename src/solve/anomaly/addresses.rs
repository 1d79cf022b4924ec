//! # Addresses of a security rule (GP204, GP205, GP206, GP207, GP209, GP304)
//!
//! An address field of an NSG rule holds `*`, one address, a CIDR prefix without host bits, or a service tag; tags and
//! `*` stand in the single field only (semantics.md 1.2).
//!
//! * **GP204** `SecurityRuleInvalidAddressPrefix`: none of those. Host bits (`10.1.1.4/24`) are read as the network in
//!   the evaluation; everything else, the portal's word `Any` included, leaves the rule unjudgeable.
//! * **GP209**: a range `a-b`. Firewalls and IP groups take ranges, NSGs do not; the prefixes that make up the range
//!   are printed.
//! * **GP205** `SecurityRuleParameterContainsUnsupportedValue`: a tag or `*` inside a list.
//! * **GP206** `OverlappingSubnetsNotPermittedInSecurityRule`: a prefix of a side lies in another one of it.
//! * **GP207** `ResourceCannotContainAddressPrefixesFromDifferentAddressFamilies`: IPv4 and IPv6 prefixes in one rule,
//!   both sides together.
//! * **GP304**: a bare decimal number. Azure accepts it and reads one IPv4 address (semantics.md 9b.8).

use super::{Subject, overlap};
use crate::diagnostic::{Diagnostic, Span, code};
use crate::model::{AddressSide, AddressTerm, Located};
use crate::net::{AddressSet, RangeSet, WrittenPrefix, parse_address};
use ipnet::IpNet;
use std::net::IpAddr;

/// Both sides of one rule.
pub(super) fn check(subject: Subject<'_>, out: &mut Vec<Diagnostic>) {
    for (side, addresses) in [("source", &subject.rule.source), ("destination", &subject.rule.destination)] {
        for term in addresses.terms() {
            match &term.value {
                AddressTerm::Invalid(text) => invalid(subject, side, text, term.span, out),
                AddressTerm::Prefix(prefix) => prefix_form(subject, side, *prefix, term.span, out),
                AddressTerm::Any | AddressTerm::Tag(_) => {}
            }
        }
        in_list(subject, side, addresses, out);
        overlaps(subject, side, addresses, out);
    }
    families(subject, out);
}

fn invalid(subject: Subject<'_>, side: &str, text: &str, at: Span, out: &mut Vec<Diagnostic>) {
    let words = subject.words();
    if let Some((low, high)) = range(text) {
        let message = format!(
            "the {side} of {words} is the range {text}; NSGs take no ranges, and flows that it may match cannot be \
             judged"
        );
        let help = range_prefixes(low, high).map_or_else(
            || "write the range as CIDR prefixes, the lower address first".to_owned(),
            |prefixes| format!("write {prefixes}"),
        );
        out.push(subject.finding(&code::IP_RANGE, message, help, at));
        return;
    }
    let portal = text.eq_ignore_ascii_case("any");
    let why = if portal { "; Any is the portal's word for *" } else { "" };
    let message = format!(
        "the {side} {text:?} of {words} is no address, prefix or service tag{why}; Azure refuses it, and flows that \
         it may match cannot be judged"
    );
    let help = if portal { "write *" } else { code::INVALID_PREFIX.fix };
    out.push(subject.finding(&code::INVALID_PREFIX, message, help, at));
}

/// The ends of `a-b`.
fn range(text: &str) -> Option<(IpAddr, IpAddr)> {
    let (low, high) = text.split_once('-')?;
    Some((parse_address(low)?, parse_address(high)?))
}

/// Most prefixes that a help prints.
const PRINTED_PREFIXES: usize = 8;

/// The fewest prefixes that make up a range, in words.
fn range_prefixes(low: IpAddr, high: IpAddr) -> Option<String> {
    let set = match (low, high) {
        (IpAddr::V4(low), IpAddr::V4(high)) => {
            AddressSet { v4: RangeSet::range(low.to_bits(), high.to_bits()), v6: RangeSet::default() }
        }
        (IpAddr::V6(low), IpAddr::V6(high)) => {
            AddressSet { v4: RangeSet::default(), v6: RangeSet::range(low.to_bits(), high.to_bits()) }
        }
        _ => return None,
    };
    let prefixes = set.cidrs();
    let shown: Vec<String> = prefixes.iter().take(PRINTED_PREFIXES).map(ToString::to_string).collect();
    let more = if prefixes.len() > shown.len() { ", ..." } else { "" };
    (!shown.is_empty()).then(|| format!("{}{more}", shown.join(", ")))
}

fn prefix_form(subject: Subject<'_>, side: &str, prefix: WrittenPrefix, at: Span, out: &mut Vec<Diagnostic>) {
    let (net, words) = (prefix.net, subject.words());
    if prefix.host_bits {
        let message =
            format!("a {side} prefix of {words} has host bits set; Azure refuses it, and it is read as {net} here");
        out.push(subject.finding(&code::INVALID_PREFIX, message, format!("write {net}, or the one address"), at));
    }
    if prefix.bare_number {
        let address = net.addr();
        let message =
            format!("a {side} prefix of {words} is a bare number; Azure reads it as the one address {address}");
        out.push(subject.finding(&code::BARE_NUMBER, message, format!("write {address} if that is meant"), at));
    }
}

/// Tags and `*` in the list form.
fn in_list(subject: Subject<'_>, side: &str, addresses: &AddressSide, out: &mut Vec<Diagnostic>) {
    for term in &addresses.list {
        let what = match &term.value {
            AddressTerm::Any => "*".to_owned(),
            AddressTerm::Tag(tag) => format!("service tag {tag}"),
            AddressTerm::Prefix(_) | AddressTerm::Invalid(_) => continue,
        };
        let message = format!(
            "{} has {what} in {side}AddressPrefixes; Azure takes tags and * in {side}AddressPrefix only",
            subject.words()
        );
        let help = format!("move it to {side}AddressPrefix of a rule of its own");
        out.push(subject.finding(&code::UNSUPPORTED_IN_LIST, message, help, term.span));
    }
}

/// The prefixes of a side that are written as Azure wants them.
fn clean(addresses: &AddressSide) -> impl Iterator<Item = (IpNet, Span)> + '_ {
    addresses.terms().filter_map(|Located { value, span }| match value {
        AddressTerm::Prefix(prefix) if !prefix.host_bits => Some((prefix.net, *span)),
        _ => None,
    })
}

fn overlaps(subject: Subject<'_>, side: &str, addresses: &AddressSide, out: &mut Vec<Diagnostic>) {
    let (nets, spans): (Vec<IpNet>, Vec<Span>) = clean(addresses).unzip();
    for (inner, outer) in overlap::nested(&nets) {
        let (Some(net), Some(holder), Some(at), Some(holder_at)) =
            (nets.get(inner), nets.get(outer), spans.get(inner), spans.get(outer))
        else {
            continue;
        };
        let message = if net == holder {
            format!("{side} prefix {net} stands twice in {}; Azure refuses it", subject.words())
        } else {
            format!(
                "{side} prefix {net} of {} lies in {holder}, which stands beside it; Azure refuses it",
                subject.words()
            )
        };
        let finding = subject.finding(&code::OVERLAPPING_PREFIXES, message, format!("leave {net} out here"), *at);
        out.push(finding.label(*holder_at, "this one holds it"));
    }
}

/// Families are counted over both sides together.
fn families(subject: Subject<'_>, out: &mut Vec<Diagnostic>) {
    let all: Vec<(IpNet, Span)> = clean(&subject.rule.source).chain(clean(&subject.rule.destination)).collect();
    let Some((first, first_at)) = all.first() else { return };
    let ipv4 = first.addr().is_ipv4();
    if let Some((other, at)) = all.iter().find(|(net, _)| net.addr().is_ipv4() != ipv4) {
        let message =
            format!("{} holds {first} and {other}; Azure refuses IPv4 and IPv6 prefixes in one rule", subject.words());
        let finding = subject.finding(&code::MIXED_FAMILIES, message, "use a rule for each family", *at);
        out.push(finding.label(*first_at, "the other family"));
    }
}
