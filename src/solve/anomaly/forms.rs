//! # Exactly one form of a field (GP208)
//!
//! Addresses of each side of a rule stand in exactly one of three forms: the single value (`sourceAddressPrefix`), the
//! list (`sourceAddressPrefixes`), or application security groups (`sourceApplicationSecurityGroups`). Ports stand in
//! exactly one of two. Azure answers a rule that fills none or several with "must specify a non empty value for
//! exactly one of" (semantics.md 1.1); null, an absent field, `""` and `[]` all mean that a form is not filled. A
//! read-back rule with one form filled and the others empty is fine (edge case E18).
//!
//! In the evaluation a rule with several forms filled matches what any of them holds; a side with none cannot be
//! judged.

use super::{Subject, list_words};
use crate::diagnostic::{Diagnostic, Span, code};
use crate::model::{AddressSide, PortSide};

/// All four fields of one rule.
pub(super) fn check(subject: Subject<'_>, out: &mut Vec<Diagnostic>) {
    let rule = subject.rule;
    for (side, addresses, ports) in
        [("source", &rule.source, &rule.source_ports), ("destination", &rule.destination, &rule.destination_ports)]
    {
        report(subject, &address_forms(side, addresses), out);
        report(subject, &port_forms(side, ports), out);
    }
}

/// A form of a field: its name, and where its value stands if it is filled.
type Form = (String, Option<Span>);

fn address_forms(side: &str, addresses: &AddressSide) -> [Form; 3] {
    [
        (format!("{side}AddressPrefix"), addresses.singular.as_ref().map(|term| term.span)),
        (format!("{side}AddressPrefixes"), addresses.list.first().map(|term| term.span)),
        (format!("{side}ApplicationSecurityGroups"), addresses.groups.first().map(|group| group.span)),
    ]
}

fn port_forms(side: &str, ports: &PortSide) -> [Form; 2] {
    [
        (format!("{side}PortRange"), ports.singular.as_ref().map(|term| term.span)),
        (format!("{side}PortRanges"), ports.list.first().map(|term| term.span)),
    ]
}

fn report(subject: Subject<'_>, forms: &[Form], out: &mut Vec<Diagnostic>) {
    let all: Vec<String> = forms.iter().map(|(name, _)| name.clone()).collect();
    let filled: Vec<(&String, Span)> = forms.iter().filter_map(|(name, at)| at.map(|at| (name, at))).collect();
    let all = list_words(&all);
    let words = subject.words();
    let finding = match filled.as_slice() {
        [_] => return,
        [] => subject.finding(
            &code::EXACTLY_ONE_OF,
            format!("{words} fills none of {all}; Azure wants exactly one of them"),
            "fill one of them; * for any",
            subject.rule.span,
        ),
        [(first, at), others @ ..] => {
            let names: Vec<String> = filled.iter().map(|(name, _)| (*name).clone()).collect();
            let message = format!("{words} fills {}; Azure wants exactly one of {all}", list_words(&names));
            let second = others.first().map_or(*at, |(_, at)| *at);
            subject
                .finding(&code::EXACTLY_ONE_OF, message, "keep one form and empty the others", second)
                .label(*at, format!("{first} is filled too"))
        }
    };
    out.push(finding);
}
