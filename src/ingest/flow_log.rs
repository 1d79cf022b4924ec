//! NSG flow logs (versions 1 and 2) and virtual network flow logs (version 4): every tuple that an NSG decided is a
//! question (semantics.md 9b.4).

use super::fields::Fields;
use super::json::{Object, Unusable};
use crate::model::{Access, Asked, Direction, FlowTuple, Recorded, ResourceId};
use crate::net::{Protocol, parse_address};

/// Is this one record of a flow log?
pub(crate) fn is_record(object: &Object<'_>) -> bool {
    let flows = |fields: &Fields<'_>, key: &str| fields.get(key).is_some_and(|node| node.is_array());
    let Ok(fields) = Fields::of(object.clone()) else { return false };
    let version_4 = object.get("flowRecords").is_some_and(|node| node.is_object());
    version_4 || flows(&fields, "flows") && (object.has("resourceId") || object.has("category"))
}

/// Reads one record. One without a tuple of an NSG is a question that nothing answers.
pub(crate) fn read(object: &Object<'_>, out: &mut Vec<Recorded>) {
    let before = out.len();
    let span = object.node().span();
    let mut add = |asked| out.push(Recorded { span, targets: Vec::new(), asked });
    let broken = match Fields::of(object.clone()).and_then(|fields| tuples(&fields, &mut add)) {
        Ok(()) => "no NSG decided a flow of this record",
        Err(Unusable) => "a part of this record cannot be read",
    };
    if out.len() == before || broken.starts_with("a part") {
        let asked = Asked::Other("flow log".to_owned(), broken.to_owned());
        out.push(Recorded { span, targets: Vec::new(), asked });
    }
}

fn tuples(fields: &Fields<'_>, add: &mut dyn FnMut(Asked)) -> Result<(), Unusable> {
    if let Some(records) = fields.child("flowRecords")? {
        for flow in records.objects("flows")? {
            // The NSG's id, or its resourceGuid.
            let zero = |id: &str| id.chars().all(|c| c == '0' || c == '-');
            let Some(id) = flow.text("aclID").filter(|id| !zero(&id.value)) else { continue };
            let nsg = ResourceId::new(&id.value);
            for group in flow.objects("flowGroups")? {
                // PlatformRule stands beside a zero aclID: no NSG was asked.
                each(&group, &nsg, add);
            }
        }
        return Ok(());
    }
    let Some(nsg) = fields.outer().str("resourceId").map(|id| ResourceId::new(&id)) else { return Err(Unusable) };
    for by_rule in fields.objects("flows")? {
        let rule = by_rule.text("rule");
        for flow in by_rule.objects("flows")? {
            let name = rule.as_ref().map(|rule| rule.value.clone()).unwrap_or_default();
            for tuple in flow.strings("flowTuples") {
                add(tuple_of(&tuple.value, &name, &nsg));
            }
        }
    }
    Ok(())
}

fn each(group: &Fields<'_>, nsg: &ResourceId, add: &mut dyn FnMut(Asked)) {
    let rule = group.text("rule").map(|rule| rule.value).unwrap_or_default();
    for tuple in group.strings("flowTuples") {
        add(tuple_of(&tuple.value, &rule, nsg));
    }
}

fn tuple_of(text: &str, rule: &str, nsg: &ResourceId) -> Asked {
    read_tuple(text, rule, nsg).map_or_else(
        || Asked::Other("flow tuple".to_owned(), format!("{text} is no flow tuple that is known here")),
        Asked::Tuple,
    )
}

/// Numbers from here on are milliseconds.
const MILLISECONDS_FROM: i64 = 100_000_000_000;

/// Seconds since 1970, in version 4 milliseconds; `None` where the number is out of range.
fn logged(number: i64) -> Option<jiff::Timestamp> {
    let read =
        if number >= MILLISECONDS_FROM { jiff::Timestamp::from_millisecond } else { jiff::Timestamp::from_second };
    read(number).ok()
}

/// `time,source,destination,source port,destination port,protocol,direction,decision or state,...`: versions 1 and 2 have
/// the decision A or D there, version 4 the state B, C, E, or D for a denied flow.
fn read_tuple(text: &str, rule: &str, nsg: &ResourceId) -> Option<FlowTuple> {
    let mut cells = text.split(',').map(str::trim);
    let time = logged(cells.next()?.parse().ok()?);
    let (source, destination) = (parse_address(cells.next()?)?, parse_address(cells.next()?)?);
    let (source_port, destination_port) = (cells.next()?.parse().ok()?, cells.next()?.parse().ok()?);
    let protocol = match cells.next()? {
        "T" | "t" => Some(Protocol::Tcp),
        "U" | "u" => Some(Protocol::Udp),
        number => {
            let _: u8 = number.parse().ok()?;
            Protocol::parse(number)
        }
    };
    let direction = match cells.next()? {
        "I" | "i" => Direction::Inbound,
        "O" | "o" => Direction::Outbound,
        _ => return None,
    };
    let access = match cells.next()? {
        "A" | "a" | "B" | "C" | "E" => Access::Allow,
        "D" | "d" => Access::Deny,
        _ => return None,
    };
    Some(FlowTuple {
        time,
        nsg: nsg.clone(),
        rule: rule.to_owned(),
        direction,
        protocol,
        source,
        destination,
        source_port,
        destination_port,
        access,
    })
}
