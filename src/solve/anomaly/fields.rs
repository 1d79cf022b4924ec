//! # Fields of a security rule (GP201, GP202, GP212, GP213, GP214)
//!
//! Azure takes a security rule only with a direction (`Inbound`, `Outbound`), an access (`Allow`, `Deny`), a protocol
//! (`Tcp`, `Udp`, `Icmp`, `Esp`, `Ah`, `*`), each in any letter case, and a priority from 100 to 4096 that no other
//! rule of the same NSG **and direction** has (semantics.md 1.1, 1.3, 1.4). Inbound 100 beside outbound 100 is fine.
//!
//! * **GP201** `SecurityRuleConflict`: two rules of one direction share a priority. Which one is first is undefined.
//! * **GP202** `SecurityRuleInvalidPriority`: the priority is missing, no number, or outside 100 to 4096.
//! * **GP212** `SecurityRuleDescriptionTooLong`: a description of more than 140 characters (semantics.md 9b.9).
//! * **GP213**: direction, access or protocol is missing or none of Azure's words.
//! * **GP214**: the name is not 1 to 80 letters, digits, `.`, `-`, `_` with a letter or digit first and a letter,
//!   digit or `_` last.

use super::Subject;
use crate::diagnostic::{Diagnostic, Span, code};
use crate::model::{Direction, NetworkSecurityGroup, SecurityRule, Setting};
use std::collections::BTreeMap;

/// Priorities that are taken by an earlier rule (semantics.md 1.4).
pub(super) fn check_priorities(nsg: &NetworkSecurityGroup, out: &mut Vec<Diagnostic>) {
    let mut taken: BTreeMap<(Direction, i64), (&SecurityRule, Span)> = BTreeMap::new();
    for rule in &nsg.rules {
        let (Some(direction), Setting::Set(priority)) = (rule.direction.value(), &rule.priority) else {
            continue;
        };
        let Some((other, at)) = taken.get(&(*direction, priority.value)) else {
            taken.insert((*direction, priority.value), (rule, priority.span));
            continue;
        };
        let way = match direction {
            Direction::Inbound => "inbound",
            Direction::Outbound => "outbound",
        };
        let subject = Subject { nsg, rule };
        let message = format!(
            "{} has {way} priority {}, which rule {} has too; Azure refuses it, and which of them comes first is \
             undefined",
            subject.words(),
            priority.value,
            other.name
        );
        let help = format!("give one of them another {way} priority from 100 to 4096");
        let finding = subject.finding(&code::SECURITY_RULE_CONFLICT, message, help, priority.span);
        out.push(finding.label(*at, format!("rule {} has it too", other.name)));
    }
}

/// Priority, words, description and name of one rule.
pub(super) fn check(subject: Subject<'_>, out: &mut Vec<Diagnostic>) {
    let rule = subject.rule;
    check_priority(subject, out);
    check_word(subject, &rule.direction, "direction", "Inbound or Outbound", out);
    check_word(subject, &rule.access, "access", "Allow or Deny", out);
    check_word(subject, &rule.protocol, "protocol", "Tcp, Udp, Icmp, Esp, Ah or *", out);
    check_description(subject, out);
    check_name(subject, out);
}

fn check_priority(subject: Subject<'_>, out: &mut Vec<Diagnostic>) {
    let words = subject.words();
    let (message, at) = match &subject.rule.priority {
        Setting::Set(priority) if (100..=4096).contains(&priority.value) => return,
        Setting::Set(priority) => (
            format!("{words} has priority {}; Azure refuses what is not from 100 to 4096", priority.value),
            priority.span,
        ),
        Setting::Invalid(text) => (
            format!(
                "{words} has priority {}; Azure takes a number from 100 to 4096, and its place among the rules is not \
                 known",
                text.value
            ),
            text.span,
        ),
        Setting::Missing => (
            format!("{words} has no priority; Azure refuses it, and its place among the rules is not known"),
            subject.rule.span,
        ),
    };
    out.push(subject.finding(&code::PRIORITY_RANGE, message, code::PRIORITY_RANGE.fix, at));
}

/// A field with a fixed set of words (semantics.md 1.1, 1.3).
fn check_word<T>(subject: Subject<'_>, field: &Setting<T>, name: &str, known: &str, out: &mut Vec<Diagnostic>) {
    let (what, at) = match field {
        Setting::Set(_) => return,
        Setting::Invalid(text) => (format!("{name} {:?}", text.value), text.span),
        Setting::Missing => (format!("no {name}"), subject.rule.span),
    };
    let message =
        format!("{} has {what}; Azure refuses it, and flows that the rule may match cannot be judged", subject.words());
    out.push(subject.finding(&code::INVALID_ENUM, message, format!("{name} is {known}"), at));
}

/// Longest description that Azure takes (semantics.md 1.1).
const LONGEST_DESCRIPTION: usize = 140;

fn check_description(subject: Subject<'_>, out: &mut Vec<Diagnostic>) {
    let Some(description) = &subject.rule.description else {
        return;
    };
    // Azure counts UTF-16 units.
    let length = description.value.encode_utf16().count();
    if length > LONGEST_DESCRIPTION {
        let message = format!(
            "the description of {} has {length} characters; Azure refuses more than {LONGEST_DESCRIPTION}",
            subject.words()
        );
        let help = format!("take {} characters out", length - LONGEST_DESCRIPTION);
        out.push(subject.finding(&code::DESCRIPTION_LENGTH, message, help, description.span));
    }
}

/// Longest rule name that Azure takes (semantics.md 1.1).
const LONGEST_NAME: usize = 80;

fn check_name(subject: Subject<'_>, out: &mut Vec<Diagnostic>) {
    let name = subject.rule.name.as_str();
    let length = name.chars().count();
    let inner = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    let reason = if name.is_empty() {
        "a rule needs a name".to_owned()
    } else if length > LONGEST_NAME {
        format!("it has {length} characters, and Azure takes up to {LONGEST_NAME}")
    } else if let Some(wrong) = name.chars().find(|c| !inner(*c)) {
        format!("it holds {wrong:?}; Azure takes letters, digits, '.', '-' and '_'")
    } else if !name.starts_with(char::is_alphanumeric) {
        "it must begin with a letter or digit".to_owned()
    } else if !name.ends_with(|c: char| c.is_alphanumeric() || c == '_') {
        "it must end with a letter, a digit or '_'".to_owned()
    } else {
        return;
    };
    let message = format!("Azure refuses the name of {}: {reason}", subject.words());
    out.push(subject.finding(&code::RULE_NAME, message, code::RULE_NAME.fix, subject.rule.span));
}
