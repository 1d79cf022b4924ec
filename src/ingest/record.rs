//! Recorded questions: `{"operation", "query", "answer"}` objects with Azure's own bodies, plain outputs of the tools, and
//! flow logs (semantics.md 6, 9b; design.md, `gatepath replay`).

use super::effective::{self, first};
use super::fields::Fields;
use super::flow_log;
use super::json::{Document, Node, Object, Unusable};
use crate::diagnostic::{Diagnostic, Span, code};
use crate::model::{
    Access, AddressTerm, Answered, Asked, DiagnosticResult, Direction, EvaluatedGroup, FlowQuestion, HopAnswer,
    HopQuestion, IpFlowAnswer, Profile, Recorded, ResourceId, RuleFlags,
};
use crate::net::{Protocol, parse_address, parse_port_range};

/// Nesting of lists and wrappers that is followed.
const DEEPEST: usize = 6;

/// The questions of a document; none where it holds no record.
pub(crate) fn read(root: Node<'_>) -> Vec<Recorded> {
    let mut out = Vec::new();
    value(root, 0, &mut out);
    out
}

/// The questions of a file's text, and what is wrong with it.
pub(crate) fn read_text(file: u32, name: &str, text: &str) -> (Vec<Recorded>, Vec<Diagnostic>) {
    let whole = Span { file, start: 0, end: 0 };
    let Some(start) = super::json_start(text) else {
        let empty = text.trim().is_empty();
        let code = if empty { &code::NOTHING_TO_READ } else { &code::NOT_JSON };
        let what = if empty { "is empty" } else { "is not JSON; it was left out" };
        return (Vec::new(), vec![Diagnostic::new(code, format!("{name} {what}")).at(whole)]);
    };
    let document = Document::new(file, text);
    let records = match document.root(start) {
        Ok(root) => read(root),
        Err(error) => {
            document.report(super::syntax_finding(file, text, start, &error));
            Vec::new()
        }
    };
    let mut findings = document.findings.into_inner();
    if records.is_empty() && findings.is_empty() {
        let text = format!("{name} holds no recorded question that is known here");
        findings.push(Diagnostic::new(&code::UNKNOWN_FORMAT, text).at(whole).help("see `gatepath replay --help`"));
    }
    (records, findings)
}

fn value(node: Node<'_>, depth: usize, out: &mut Vec<Recorded>) {
    if depth > DEEPEST {
        return;
    }
    if node.is_array() {
        match first(node) {
            Some(element) if effective::is_group(&element) => out.push(plain(node, groups(node))),
            Some(element) if effective::is_route(&element) => out.push(plain(node, routes(node))),
            Some(element) if effective::is_view(&element) => out.push(plain(node, views(node))),
            _ => node.items().into_iter().for_each(|item| value(item, depth + 1, out)),
        }
        return;
    }
    match node.object() {
        Ok(Some(object)) => of_object(node, &object, depth, out),
        Ok(None) => {}
        Err(Unusable) => out.push(other(node, "record", "it cannot be read")),
    }
}

fn of_object(node: Node<'_>, object: &Object<'_>, depth: usize, out: &mut Vec<Recorded>) {
    let operation = operation_of(object);
    if object.has("answer") && operation.is_some() {
        out.push(exchange(object, operation.unwrap_or_default()));
    } else if flow_log::is_record(object) {
        flow_log::read(object, out);
    } else if let Some(records) = object.get("records").filter(|list| list.is_array()) {
        value(records, depth + 1, out);
    } else if let Some(kind) = kind_of_answer(object) {
        out.push(Recorded { span: node.span(), targets: Vec::new(), asked: asked(kind, None, node) });
    } else if let Some(list) = object.get("value").filter(|list| list.is_array()) {
        if list.items().is_empty() {
            out.push(other(node, "list", "an empty list does not say what was asked"));
        } else {
            value(list, depth + 1, out);
        }
    }
}

fn plain(node: Node<'_>, asked: Result<Asked, Unusable>) -> Recorded {
    let asked = asked.unwrap_or_else(|Unusable| Asked::Other("record".to_owned(), "it cannot be read".to_owned()));
    Recorded { span: node.span(), targets: Vec::new(), asked }
}

fn other(node: Node<'_>, what: &str, why: &str) -> Recorded {
    let asked = Asked::Other(what.to_owned(), why.to_owned());
    Recorded { span: node.span(), targets: Vec::new(), asked }
}

/// The operation: its field, else the last segment of the address that was called.
pub(crate) fn operation_of(object: &Object<'_>) -> Option<String> {
    let named = object.str("operation").map(std::borrow::Cow::into_owned);
    let called = object.str("operation_uri").map(|uri| {
        let path = uri.split('?').next().unwrap_or_default().trim_end_matches('/');
        path.rsplit('/').next().unwrap_or_default().to_owned()
    });
    named.or(called).filter(|name| !name.trim().is_empty())
}

/// The operations that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    IpFlow,
    Diagnostic,
    NextHop,
    Groups,
    View,
    Routes,
}

/// Names of REST, `az` and PowerShell.
fn kind_of(operation: &str) -> Option<Kind> {
    let name: String = operation.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let name = name.strip_prefix("beginlist").or_else(|| name.strip_prefix("beginget")).unwrap_or(&name);
    Some(match name {
        "ipflowverify" | "testipflow" | "verifyipflow" | "testaznetworkwatcheripflow" => Kind::IpFlow,
        "networkconfigurationdiagnostic"
        | "runconfigurationdiagnostic"
        | "invokeaznetworkwatchernetworkconfigurationdiagnostic" => Kind::Diagnostic,
        "nexthop" | "shownexthop" | "getnexthop" | "getaznetworkwatchernexthop" => Kind::NextHop,
        "effectivenetworksecuritygroups"
        | "listeffectivensg"
        | "geteffectivenetworksecuritygroup"
        | "getazeffectivenetworksecuritygroup" => Kind::Groups,
        "securitygroupview" | "showsecuritygroupview" | "vmsecurityrules" | "getaznetworkwatchersecuritygroupview" => {
            Kind::View
        }
        "effectiveroutetable" | "showeffectiveroutetable" | "getazeffectiveroutetable" => Kind::Routes,
        _ => return None,
    })
}

/// What kind of answer a plain output is.
fn kind_of_answer(object: &Object<'_>) -> Option<Kind> {
    let typed = object.has("id") || object.has("type") || object.has("properties");
    let list = object.get("value").filter(|list| list.is_array()).and_then(first);
    match () {
        () if effective::is_group(object) => Some(Kind::Groups),
        () if effective::is_views(object) || effective::is_view(object) => Some(Kind::View),
        () if effective::is_route(object) => Some(Kind::Routes),
        () if list.as_ref().is_some_and(effective::is_group) => Some(Kind::Groups),
        () if list.as_ref().is_some_and(effective::is_route) => Some(Kind::Routes),
        () if object.get("results").and_then(first).is_some_and(|r| r.has("networkSecurityGroupResult")) => {
            Some(Kind::Diagnostic)
        }
        () if !typed && object.has("access") && !object.has("priority") => Some(Kind::IpFlow),
        () if !typed && object.has("nextHopType") && !object.has("addressPrefix") => Some(Kind::NextHop),
        () => None,
    }
}

/// One `{"operation", "query", "answer"}` object.
fn exchange(object: &Object<'_>, operation: String) -> Recorded {
    let query = object.get("query").or_else(|| object.get("request")).filter(Node::is_object);
    let query = query.and_then(|node| Fields::open(node).ok());
    let mut targets = query.as_ref().map(targets_of).unwrap_or_default();
    targets.extend(object.str("operation_uri").and_then(|uri| target_of_uri(&uri)));
    let asked = match (kind_of(&operation), object.get("answer")) {
        (None, _) => Asked::Other(operation, "this operation is not compared".to_owned()),
        (Some(_), None) => Asked::Other(operation, "the record has no answer".to_owned()),
        (Some(kind), Some(answer)) => asked(kind, query.as_ref(), answer),
    };
    Recorded { span: object.node().span(), targets, asked }
}

fn targets_of(query: &Fields<'_>) -> Vec<ResourceId> {
    let ids = ["targetNicResourceId", "targetNetworkInterfaceId", "targetResourceId", "targetVirtualMachineId"];
    ids.iter().filter_map(|key| query.text(key)).map(|id| ResourceId::new(&id.value)).collect()
}

/// The NIC in the address of an operation on a NIC.
pub(crate) fn target_of_uri(uri: &str) -> Option<ResourceId> {
    let path = uri.split('?').next().unwrap_or_default();
    let start = path.to_ascii_lowercase().find("/subscriptions/")?;
    let id = ResourceId::new(path.get(start..)?.trim_end_matches('/'));
    let target = if id.segment("networkInterfaces") == Some(id.name()) { Some(id) } else { drop_last(&id) };
    target.filter(|id| id.segment("networkInterfaces").is_some())
}

fn drop_last(id: &ResourceId) -> Option<ResourceId> {
    id.as_str().rsplit_once('/').map(|(rest, _)| ResourceId::new(rest))
}

/// Reads an answer, with or without `http_status` and `body` around it.
fn asked(kind: Kind, query: Option<&Fields<'_>>, answer: Node<'_>) -> Asked {
    let envelope = answer.object().ok().flatten();
    let status = envelope.as_ref().and_then(|e| e.get("http_status").or_else(|| e.get("status_code")));
    let status = status.and_then(|node| node.integer());
    let body = match &envelope {
        Some(envelope) if envelope.has("body") => envelope.get("body"),
        _ => Some(answer),
    };
    let failed = body.and_then(|body| body.object().ok().flatten()).and_then(|body| failure(&body));
    let wrong = status.is_some_and(|status| !(200..300).contains(&status));
    match (failed, body) {
        (Some((code, message)), _) => answered(kind, query, Err((status, code, message))),
        (None, body) if wrong || body.is_none_or(|body| !body.is_object() && !body.is_array()) => {
            answered(kind, query, Err((status, String::new(), "the record holds no answer".to_owned())))
        }
        (None, Some(body)) => answered(kind, query, Ok(body)),
        (None, None) => Asked::Other("record".to_owned(), "it holds no answer".to_owned()),
    }
}

fn failure(body: &Object<'_>) -> Option<(String, String)> {
    let error = body.get("error").and_then(|error| error.object().ok().flatten());
    let from = error.as_ref().unwrap_or(body);
    let code = from.str("code").filter(|_| error.is_some() || body.has("message"))?;
    Some((code.into_owned(), from.str("message").map(std::borrow::Cow::into_owned).unwrap_or_default()))
}

type Body<'a> = Result<Node<'a>, (Option<i64>, String, String)>;

fn answered(kind: Kind, query: Option<&Fields<'_>>, body: Body<'_>) -> Asked {
    let unreadable = || Asked::Other("answer".to_owned(), "the answer cannot be read".to_owned());
    match kind {
        Kind::IpFlow => given(body, ip_flow).map(|a| Asked::IpFlow(query.and_then(flow_question), a)),
        Kind::NextHop => given(body, hop).map(|a| Asked::NextHop(query.and_then(hop_question), a)),
        Kind::Diagnostic => given(body, |node| diagnostic(query, node)).map(Asked::Diagnostic),
        Kind::Groups => given(body, |node| list(node, "value", effective::read_group)).map(Asked::EffectiveGroups),
        Kind::View => given(body, |node| list(node, "networkInterfaces", effective::read_view)).map(Asked::GroupView),
        Kind::Routes => given(body, |node| list(node, "value", effective::read_route)).map(Asked::EffectiveRoutes),
    }
    .unwrap_or_else(|Unusable| unreadable())
}

fn given<'a, T>(body: Body<'a>, read: impl FnOnce(Node<'a>) -> Result<T, Unusable>) -> Result<Answered<T>, Unusable> {
    match body {
        Ok(node) => read(node).map(Answered::Given),
        Err((status, code, message)) => Ok(Answered::Failed { status, code, message }),
    }
}

/// A list that may stand under a key, as an array, or alone.
fn list<'a, T>(node: Node<'a>, key: &str, read: fn(Node<'a>) -> Result<T, Unusable>) -> Result<Vec<T>, Unusable> {
    let items = match node.object()? {
        Some(object) if object.get(key).is_some_and(|list| list.is_array()) => object.list(key),
        Some(object) if effective::is_group(&object) || effective::is_view(&object) || effective::is_route(&object) => {
            vec![node]
        }
        Some(_) => return Err(Unusable),
        None => node.items(),
    };
    items.into_iter().map(read).collect()
}

fn groups(node: Node<'_>) -> Result<Asked, Unusable> {
    list(node, "value", effective::read_group).map(Answered::Given).map(Asked::EffectiveGroups)
}

fn routes(node: Node<'_>) -> Result<Asked, Unusable> {
    list(node, "value", effective::read_route).map(Answered::Given).map(Asked::EffectiveRoutes)
}

fn views(node: Node<'_>) -> Result<Asked, Unusable> {
    list(node, "networkInterfaces", effective::read_view).map(Answered::Given).map(Asked::GroupView)
}

/// A word of Azure's in any letter case.
pub(crate) fn access(text: &str) -> Option<Access> {
    match text.trim().to_ascii_lowercase().as_str() {
        "allow" | "allowed" | "alwaysallow" => Some(Access::Allow),
        "deny" | "denied" => Some(Access::Deny),
        _ => None,
    }
}

fn direction(fields: &Fields<'_>) -> Option<Direction> {
    match fields.str("direction")?.trim().to_ascii_lowercase().as_str() {
        "inbound" => Some(Direction::Inbound),
        "outbound" => Some(Direction::Outbound),
        _ => None,
    }
}

/// `Some(None)` for any port.
#[expect(clippy::option_option, reason = "no answer, any port, or a range")]
fn port_range(fields: &Fields<'_>, key: &str) -> Option<Option<(u16, u16)>> {
    let Some(text) = fields.get(key).and_then(|node| node.scalar()) else { return Some(None) };
    match text.trim() {
        "" | "*" => Some(None),
        text => parse_port_range(text).map(Some),
    }
}

fn flow_question(query: &Fields<'_>) -> Option<FlowQuestion> {
    let address = |key: &str| query.str(key).and_then(|text| parse_address(text.trim()));
    Some(FlowQuestion {
        direction: direction(query)?,
        protocol: query.get("protocol").and_then(|node| node.scalar()).and_then(|text| Protocol::parse(&text))?,
        local: address("localIPAddress")?,
        remote: address("remoteIPAddress")?,
        local_ports: port_range(query, "localPort")?,
        remote_ports: port_range(query, "remotePort")?,
    })
}

fn ip_flow(node: Node<'_>) -> Result<IpFlowAnswer, Unusable> {
    let fields = Fields::open(node)?;
    let word = fields.str("access").ok_or(Unusable)?;
    Ok(IpFlowAnswer { access: access(&word), rule: fields.text("ruleName").map(|name| name.value) })
}

fn hop_question(query: &Fields<'_>) -> Option<HopQuestion> {
    let address = |key: &str| query.str(key).and_then(|text| parse_address(text.trim()));
    Some(HopQuestion { source: address("sourceIPAddress"), destination: address("destinationIPAddress")? })
}

fn hop(node: Node<'_>) -> Result<HopAnswer, Unusable> {
    let fields = Fields::open(node)?;
    let kind = fields.text("nextHopType").ok_or(Unusable)?.value;
    let address = fields.strings("nextHopIpAddress").iter().find_map(|text| parse_address(text.value.trim()));
    let table = fields.text("routeTableId").filter(|table| !table.value.trim().eq_ignore_ascii_case("System Route"));
    Ok(HopAnswer { kind, address, table: table.map(|table| ResourceId::new(&table.value)) })
}

type Results = Vec<(Profile, Option<DiagnosticResult>)>;

/// Each result with its profile; a result without one has that of its place in the question.
fn diagnostic(query: Option<&Fields<'_>>, node: Node<'_>) -> Result<Results, Unusable> {
    let mut asked = Vec::new();
    for key in ["profiles", "queries"] {
        for fields in query.map(|query| query.objects(key)).transpose()?.unwrap_or_default() {
            asked.push(profile(&fields).ok_or(Unusable)?);
        }
    }
    let mut out = Vec::new();
    for (place, fields) in Fields::open(node)?.objects("results")?.iter().enumerate() {
        let mut own = None;
        for key in ["profile", "trafficQuery"] {
            own = own.or(fields.child(key)?.as_ref().and_then(profile));
        }
        let own = own.or_else(|| asked.get(place).cloned()).ok_or(Unusable)?;
        let result = fields.child("networkSecurityGroupResult")?.as_ref().map(result).transpose()?;
        out.push((own, result));
    }
    let unanswered = asked.into_iter().skip(out.len()).map(|profile| (profile, None)).collect::<Vec<_>>();
    out.extend(unanswered);
    Ok(out)
}

fn profile(fields: &Fields<'_>) -> Option<Profile> {
    let protocol = fields.get("protocol").and_then(|node| node.scalar()).unwrap_or_default();
    let any = matches!(protocol.trim().to_ascii_lowercase().as_str(), "" | "*" | "any" | "all");
    let side = |key: &str| {
        let text = fields.str(key).unwrap_or_default();
        if matches!(text.trim().to_ascii_lowercase().as_str(), "" | "any") {
            AddressTerm::Any
        } else {
            AddressTerm::parse(&text)
        }
    };
    Some(Profile {
        direction: direction(fields)?,
        protocol: if any { None } else { Some(Protocol::parse(&protocol)?) },
        source: side("source"),
        destination: side("destination"),
        ports: port_range(fields, "destinationPort")?,
    })
}

fn result(fields: &Fields<'_>) -> Result<DiagnosticResult, Unusable> {
    let mut groups = Vec::new();
    for group in fields.objects("evaluatedNetworkSecurityGroups")? {
        let mut rules = Vec::new();
        for rule in group.objects("rulesEvaluationResult")? {
            let flag = |key: &str| rule.get(key).and_then(|node| node.boolean());
            let keys = ["protocolMatched", "sourceMatched", "sourcePortMatched", "destinationMatched"];
            let [protocol, source, source_port, destination] = keys.map(flag);
            let flags = [protocol, source, source_port, destination, flag("destinationPortMatched")];
            rules.push(RuleFlags { name: rule.name(), flags });
        }
        let matched = group.child("matchedRule")?;
        let matched = matched.and_then(|matched| {
            Some((matched.text("ruleName")?.value, matched.str("action").and_then(|word| access(&word))))
        });
        groups.push(EvaluatedGroup {
            id: group.reference("networkSecurityGroupId")?.map_or_else(|| ResourceId::new(""), |id| id.value),
            applied_to: group.reference("appliedTo")?.map(|id| id.value),
            matched,
            rules,
        });
    }
    Ok(DiagnosticResult { access: fields.str("securityRuleAccessResult").and_then(|word| access(&word)), groups })
}
