//! ARM templates as configuration: expressions that parameters, variables and literals decide are replaced by their values
//! and the resources are written out as plain JSON for the readers of resources. What only a deployment knows stays open:
//! it is never guessed, and a resource that such a value decides is not used.

mod deciding;
mod expression;
mod functions;
mod place;
mod scope;
mod value;
mod writer;

pub(crate) use writer::Places;

use super::json::{Node, Object};
use crate::diagnostic::{Diagnostic, Span, code};
use crate::model::ResourceId;
use scope::{GROUP, SUBSCRIPTION, Scope, resource_id};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;
use value::Value;
use writer::Writer;

/// Nesting of templates in templates, and of resources in resources, that is followed.
const DEEPEST_NESTING: usize = 8;
/// Keys of a resource that are not part of its configuration, or are written anew.
const OWN_KEYS: &[&str] = &[
    "id",
    "name",
    "type",
    "resources",
    "condition",
    "copy",
    "dependsOn",
    "apiVersion",
    "comments",
    "scope",
    "existing",
];

/// An expanded template.
#[derive(Debug, Default)]
pub(crate) struct Expanded {
    /// `{"resources": [...]}`.
    pub(crate) text: String,
    pub(crate) places: Places,
    /// Ids of resources that the template may or may not deploy.
    pub(crate) doubtful: BTreeSet<ResourceId>,
    /// Types, in lower case, of resources of which any may have more children than could be read.
    pub(crate) open_parents: BTreeSet<String>,
    /// Resources that were written.
    count: usize,
    /// What is said of a template that was read.
    pub(crate) note: String,
    /// The grown text is too large; nothing of it is used.
    pub(crate) too_large: bool,
    pub(crate) findings: Vec<Diagnostic>,
}

/// The template and parameters of an object that is one, bare or as the body of a deployment.
pub(crate) fn of_object<'a>(object: &Object<'a>) -> Option<(Object<'a>, Option<Node<'a>>)> {
    if is_template(object) {
        return Some((object.clone(), None));
    }
    let body = object.get("properties").and_then(opened).filter(|body| body.has("template"));
    let body = body.as_ref().unwrap_or(object);
    let template = opened(body.get("template")?).filter(|inner| is_template(inner) || inner.has("resources"))?;
    let parameters = body.get("parameters");
    let inner = parameters.and_then(opened).filter(|file| file.has("contentVersion") || file.has("$schema"));
    Some((template, inner.and_then(|file| file.get("parameters")).or(parameters)))
}

/// Is this a template: by its schema, else by version and resources?
fn is_template(object: &Object<'_>) -> bool {
    let schema = object.str("$schema").is_some_and(|text| text.to_ascii_lowercase().contains("deploymenttemplate"));
    schema || object.has("contentVersion") && object.has("resources")
}

fn opened(node: Node<'_>) -> Option<Object<'_>> {
    node.object().ok().flatten()
}

/// Expands a template.
pub(crate) fn expand(template: &Object<'_>, parameters: Option<Node<'_>>) -> Expanded {
    let given = parameters.map_or(Value::Null, literal);
    let scope = Scope::of(template, &given, (SUBSCRIPTION, GROUP), Rc::new(Cell::new(0)));
    let (subscription, group) = place::of(template, &scope);
    let scope = Scope::of(template, &given, (&subscription, &group), scope.work());
    let mut expansion = Expansion { writer: Writer::default(), out: Expanded::default() };
    expansion.writer.text.push_str("{\"resources\":[");
    expansion.resources(&scope, template, None, 0, false);
    expansion.writer.text.push_str("]}");
    let Expansion { writer, mut out } = expansion;
    out.note = note(out.count, &subscription, &group);
    out.too_large = writer.is_full();
    out.text = writer.text;
    out.places = writer.places;
    out
}

fn note(count: usize, subscription: &str, group: &str) -> String {
    let of = format!("subscription {subscription} and resource group {group}");
    let place = if subscription == SUBSCRIPTION && group == GROUP {
        format!("as it names no place, its ids have {of}")
    } else {
        format!("its own references say that it is deployed to {of}")
    };
    format!("ARM template read as configuration: {count} resource(s); {place}")
}

/// Refuses a resource of a template in which a value that decides is not known.
///
/// # Errors
/// The finding that says so.
pub(crate) fn require_known(kind: &str, id: &ResourceId, node: Node<'_>) -> Result<(), Box<Diagnostic>> {
    let Some(places) = node.document().places else { return Ok(()) };
    let mut open = places.open_in(node.range()).filter(|(_, field, _)| deciding::decides(kind, field));
    let Some((range, field, text)) = open.next() else { return Ok(()) };
    let more = match open.count() {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    let shown: String = text.chars().take(80).collect();
    let text = format!("{field} of {} is {shown}{more}, which only a deployment knows; it was not used", id.name());
    let finding = Diagnostic::new(&code::TEMPLATE_OPEN, text).resource(id.as_str()).at_some(places.span(range));
    Err(Box::new(finding.help("give the parameters with the template, or an export of the deployed resource")))
}

/// A value in which brackets mean nothing: parameters are not evaluated.
fn literal(node: Node<'_>) -> Value {
    serde_json::from_str(node.raw()).map_or(Value::Open(String::new()), Value::of_json)
}

struct Expansion {
    writer: Writer,
    out: Expanded,
}

/// A resource that children stand in.
struct Parent<'p> {
    kind: &'p str,
    name: &'p str,
}

impl Expansion {
    /// Writes the resources of a template or of a resource, a list or (languageVersion 2.0) a map.
    fn resources(
        &mut self,
        scope: &Scope<'_>,
        holder: &Object<'_>,
        parent: Option<&Parent<'_>>,
        depth: usize,
        doubtful: bool,
    ) {
        let Some(node) = holder.get("resources") else { return };
        let nodes: Vec<Node<'_>> = match node.object() {
            Ok(Some(map)) => map.members().map(|(_, child)| child).collect(),
            _ => node.items(),
        };
        for node in nodes {
            match node.object() {
                Ok(Some(object)) if depth <= DEEPEST_NESTING => {
                    self.resource(scope, &object, parent, depth, doubtful);
                }
                _ => self.left_out(node.span(), "a resource that cannot be read here"),
            }
        }
    }

    fn resource(
        &mut self,
        scope: &Scope<'_>,
        object: &Object<'_>,
        parent: Option<&Parent<'_>>,
        depth: usize,
        doubtful: bool,
    ) {
        let span = object.node().span();
        let own = object.str("type").unwrap_or_default();
        let kind = match parent {
            Some(parent) if !own.to_ascii_lowercase().starts_with("microsoft.") => format!("{}/{own}", parent.kind),
            _ => own.into_owned(),
        };
        if object.get("existing").and_then(|node| node.boolean()) == Some(true) {
            return;
        }
        let condition = object.get("condition").map(|node| scope.value(node, 0));
        let doubtful = match condition {
            None | Some(Value::Null | Value::Bool(true)) => doubtful,
            Some(Value::Bool(false)) => return,
            Some(Value::Text(text)) if text.eq_ignore_ascii_case("true") => doubtful,
            Some(Value::Text(text)) if text.eq_ignore_ascii_case("false") => return,
            Some(_) => true,
        };
        if object.get("copy").is_some() {
            self.open_inside(object.node());
            self.left_out(span, &format!("a copy loop over {kind}"));
            return;
        }
        if kind.eq_ignore_ascii_case("Microsoft.Resources/deployments") {
            self.nested(scope, object, depth, doubtful);
            return;
        }
        let Some((name, id)) = self.identity(scope, object, &kind, parent) else {
            self.open_parent(&kind);
            self.left_out(span, &format!("a {kind} without a name that fits its type"));
            return;
        };
        if doubtful {
            let own = ResourceId::new(&id);
            // It may also be one more child of a parent that is certain.
            let parent = own.parent().filter(|_| kind.matches('/').count() > 1);
            self.out.doubtful.extend(parent);
            self.out.doubtful.insert(own);
        }
        self.write(scope, object, &kind, &id);
        self.resources(scope, object, Some(&Parent { kind: &kind, name: &name }), depth + 1, doubtful);
    }

    /// Full name and id. A name that is not known stands in the id as it is written: it is then equal to no reference.
    fn identity(
        &mut self,
        scope: &Scope<'_>,
        object: &Object<'_>,
        kind: &str,
        parent: Option<&Parent<'_>>,
    ) -> Option<(String, String)> {
        let own = match scope.value(object.get("name")?, 0) {
            Value::Open(text) => {
                // Whose child it is cannot be told either.
                self.open_parent(kind);
                text.replace('/', "|")
            }
            value => value.words()?,
        };
        let name = match parent {
            Some(parent) if own.matches('/').count() + 2 < kind.split('/').count() => format!("{}/{own}", parent.name),
            _ => own,
        };
        let group = format!("/subscriptions/{}/resourceGroups/{}", scope.subscription, scope.group);
        let wanted = kind.split('/').count().checked_sub(1)?;
        let mut names: Vec<String> = name.split('/').map(str::to_owned).collect();
        if names.len() < wanted && name.starts_with('[') {
            names.resize(wanted, name.clone());
        }
        let id = resource_id(&group, kind, &names)?;
        Some((name, id))
    }

    /// Writes one resource with its id.
    fn write(&mut self, scope: &Scope<'_>, object: &Object<'_>, kind: &str, id: &str) {
        if self.out.count > 0 {
            self.writer.text.push(',');
        }
        self.out.count += 1;
        let slot = self.writer.begin(object.node().span());
        self.writer.text.push('{');
        for (key, text) in [("id", id), ("name", id.rsplit('/').next().unwrap_or_default()), ("type", kind)] {
            self.writer.key(key);
            self.writer.string(text);
        }
        self.writer.members(scope, object, OWN_KEYS);
        // What a template does not say is not there; in an export it would only be left out.
        if object.get("properties").is_none() {
            self.writer.key("properties");
            self.writer.text.push_str("{}");
        }
        self.writer.text.push('}');
        self.writer.end(slot);
    }

    /// A template inside a template.
    fn nested(&mut self, scope: &Scope<'_>, object: &Object<'_>, depth: usize, doubtful: bool) {
        let span = object.node().span();
        let place = |key: &str, other: &str| match object.get(key).map(|node| scope.value(node, 0)) {
            None => Some(other.to_owned()),
            Some(value) => value.words(),
        };
        let places = place("subscriptionId", &scope.subscription).zip(place("resourceGroup", &scope.group));
        let properties = object.get("properties").and_then(|node| node.object().ok().flatten());
        let template = properties.as_ref().and_then(|own| own.get("template")).and_then(opened);
        let (Some((subscription, group)), Some(properties), Some(template)) = (places, properties, template) else {
            self.open_inside(object.node());
            self.left_out(span, "a deployment whose template or resource group is not known here");
            return;
        };
        if depth >= DEEPEST_NESTING {
            self.open_inside(object.node());
            self.left_out(span, "a deployment that is nested too deep");
            return;
        }
        let options = properties.get("expressionEvaluationOptions").and_then(opened);
        let inner = options.and_then(|own| own.str("scope").map(|text| text.eq_ignore_ascii_case("inner")));
        if inner == Some(true) {
            let given = properties.get("parameters").map_or(Value::Null, |node| scope.value(node, 0));
            let inside = Scope::of(&template, &given, (&subscription, &group), scope.work());
            self.resources(&inside, &template, None, depth + 1, doubtful);
        } else if subscription == scope.subscription && group == scope.group {
            self.resources(scope, &template, None, depth + 1, doubtful);
        } else {
            self.open_inside(object.node());
            self.left_out(span, "a deployment to another resource group with the outer template's expressions");
        }
    }

    /// Any resource of the parent's type may have a child that could not be read.
    fn open_parent(&mut self, kind: &str) {
        if let Some((parent, _)) = kind.to_ascii_lowercase().rsplit_once('/').filter(|(parent, _)| parent.contains('/'))
        {
            self.out.open_parents.insert(parent.to_owned());
        }
    }

    /// The same for everything that is deployed by something that was left out.
    fn open_inside(&mut self, node: Node<'_>) {
        let mut todo = vec![(node, None::<String>)];
        while let Some((node, outer)) = todo.pop() {
            let Ok(Some(object)) = node.object() else {
                todo.extend(node.items().into_iter().map(|item| (item, outer.clone())));
                continue;
            };
            let kind = object.str("type").map(|own| match &outer {
                Some(outer) if !own.to_ascii_lowercase().starts_with("microsoft.") => format!("{outer}/{own}"),
                _ => own.into_owned(),
            });
            if let Some(kind) = &kind {
                self.open_parent(kind);
            }
            let inner = kind.filter(|kind| kind.contains('/')).or(outer);
            let nested = object.members().filter(|(_, child)| child.is_object() || child.is_array());
            todo.extend(nested.map(|(_, child)| (child, inner.clone())));
        }
    }

    fn left_out(&mut self, span: Span, what: &str) {
        let text = format!("{what} is not evaluated; what it deploys is not in the input");
        self.out.findings.push(
            Diagnostic::new(&code::TEMPLATE, text).at(span).help("give exports of the deployed resources as well"),
        );
    }
}
