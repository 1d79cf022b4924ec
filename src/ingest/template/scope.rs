//! What expressions of one template can refer to: parameters, variables, and where it is deployed to.

use super::expression::{self, Expression, Written};
use super::functions;
use super::value::Value;
use crate::ingest::json::{Node, Object};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Stands for the subscription, which a template does not name.
pub(super) const SUBSCRIPTION: &str = "00000000-0000-0000-0000-000000000000";
/// Stands for the resource group.
pub(super) const GROUP: &str = "rg";
/// Stands for the location of the resource group.
const LOCATION: &str = "resourcegroup-location";

/// Deepest nesting of values and of references from one to the next.
pub(super) const DEEPEST: usize = 48;
/// Bytes of values that one template may make, with those inside it; what goes beyond stays open.
const MOST_WORK: usize = 256 * 1024 * 1024;

/// A template's scope.
#[derive(Debug)]
pub(super) struct Scope<'a> {
    parameters: BTreeMap<String, Parameter<'a>>,
    variables: BTreeMap<String, Node<'a>>,
    /// Subscription and resource group.
    pub(super) subscription: String,
    pub(super) group: String,
    cache: RefCell<BTreeMap<String, Value>>,
    work: Rc<Cell<usize>>,
}

#[derive(Debug)]
enum Parameter<'a> {
    Given(Value),
    Default(Node<'a>),
    Missing,
}

impl<'a> Scope<'a> {
    /// The scope of a template with the values that it was given.
    pub(super) fn of(
        template: &Object<'a>,
        given: &Value,
        (subscription, group): (&str, &str),
        work: Rc<Cell<usize>>,
    ) -> Self {
        let members = |key: &str| {
            let object = template.get(key).and_then(|node| node.object().ok().flatten());
            let list = object.iter().flat_map(Object::members).map(|(key, node)| (key.to_lowercase(), node));
            list.collect::<Vec<_>>()
        };
        let mut parameters = BTreeMap::new();
        for (name, node) in members("parameters") {
            let declared = node.object().ok().flatten();
            let default = declared.as_ref().and_then(|d| d.raw_get("defaultValue"));
            let nullable = declared.as_ref().and_then(|d| d.get("nullable")).and_then(|n| n.boolean()) == Some(true);
            let value = match (given.member(&name), default) {
                (Some(given), _) => Parameter::Given(given.member("value").cloned().unwrap_or_else(|| open(&name))),
                (None, Some(node)) => Parameter::Default(node),
                (None, None) if nullable => Parameter::Given(Value::Null),
                (None, None) => Parameter::Missing,
            };
            parameters.insert(name, value);
        }
        Scope {
            parameters,
            variables: members("variables").into_iter().collect(),
            subscription: subscription.to_owned(),
            group: group.to_owned(),
            cache: RefCell::default(),
            work,
        }
    }

    /// A value of the template with its expressions evaluated.
    pub(super) fn value(&self, node: Node<'_>, depth: usize) -> Value {
        if depth > DEEPEST || !self.may(node.raw().len()) {
            return Value::Open(short(node.raw()));
        }
        if node.is_string() {
            return match node.string() {
                Some(text) => self.text(&text, depth),
                None => Value::Open(short(node.raw())),
            };
        }
        if node.is_array() {
            return Value::List(node.items().into_iter().map(|item| self.value(item, depth + 1)).collect());
        }
        match node.object() {
            // A `copy` beside the members makes more of them.
            Ok(Some(object)) if object.get("copy").is_some_and(|copy| copy.is_array()) => {
                Value::Open(short(node.raw()))
            }
            Ok(Some(object)) => Value::Object(
                object.members().map(|(key, child)| (key.to_owned(), self.value(child, depth + 1))).collect(),
            ),
            Ok(None) => match node.raw() {
                "null" => Value::Null,
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                number => Value::Number(number.to_owned()),
            },
            Err(_) => Value::Open(short(node.raw())),
        }
    }

    /// What was used of the bound on work, for a template inside this one.
    pub(super) fn work(&self) -> Rc<Cell<usize>> {
        Rc::clone(&self.work)
    }

    /// The value of a string of the template.
    pub(super) fn text(&self, text: &str, depth: usize) -> Value {
        match expression::read(text) {
            Written::Literal(literal) => Value::Text(literal.to_owned()),
            Written::Broken => Value::Open(text.to_owned()),
            Written::Expression(expression) => match self.evaluate(&expression, depth + 1) {
                Some(value) => value,
                None => Value::Open(text.to_owned()),
            },
        }
    }

    fn may(&self, size: usize) -> bool {
        let work = self.work.get().saturating_add(size).saturating_add(16);
        self.work.set(work);
        work <= MOST_WORK
    }

    /// `None` where the value is not known.
    fn evaluate(&self, expression: &Expression, depth: usize) -> Option<Value> {
        if depth > DEEPEST {
            return None;
        }
        let value = match expression {
            Expression::Text(text) => Value::Text(text.clone()),
            Expression::Number(number) => Value::Number(number.clone()),
            Expression::Member { of, key, safe } => {
                let (of, key) = (self.evaluate(of, depth + 1)?, self.evaluate(key, depth + 1)?);
                member(&of, &key, *safe)?
            }
            Expression::Call(name, arguments) => self.call(name, arguments, depth + 1)?,
        };
        (self.may(value.size()) && !matches!(value, Value::Open(_))).then_some(value)
    }

    fn call(&self, name: &str, arguments: &[Expression], depth: usize) -> Option<Value> {
        let at = |index: usize| arguments.get(index).and_then(|argument| self.evaluate(argument, depth));
        match (name, arguments.len()) {
            ("parameters", 1) => self.parameter(&at(0)?.words()?, depth),
            ("variables", 1) => self.variable(&at(0)?.words()?, depth),
            ("if", 3) => match at(0)? {
                Value::Bool(true) => at(1),
                Value::Bool(false) => at(2),
                _ => None,
            },
            // One side can decide whatever the other is.
            ("and" | "or", 2..) => {
                let decisive = Value::Bool(name == "or");
                let known: Vec<Option<Value>> = (0..arguments.len()).map(at).collect();
                if known.contains(&Some(decisive.clone())) {
                    return Some(decisive);
                }
                let all = known.iter().all(|value| matches!(value, Some(Value::Bool(_))));
                all.then(|| Value::Bool(name == "and"))
            }
            ("coalesce", 1..) => {
                for index in 0..arguments.len() {
                    match at(index)? {
                        Value::Null => {}
                        value => return Some(value),
                    }
                }
                Some(Value::Null)
            }
            ("tryget", 2..) => {
                let keys: Option<Vec<Value>> = (1..arguments.len()).map(at).collect();
                keys?.iter().try_fold(at(0)?, |of, key| member(&of, key, true))
            }
            ("resourcegroup", 0) => Some(self.resource_group()),
            ("subscription", 0) => Some(object(&[
                ("id", format!("/subscriptions/{}", self.subscription)),
                ("subscriptionId", self.subscription.clone()),
            ])),
            _ => {
                let known: Option<Vec<Value>> = (0..arguments.len()).map(at).collect();
                let known = known?;
                match name {
                    "resourceid" | "subscriptionresourceid" | "extensionresourceid" => {
                        self.resource_id(name, &known).map(Value::Text)
                    }
                    _ if known.iter().any(Value::is_open) && name != "createarray" && name != "createobject" => None,
                    _ => functions::call(name, &known),
                }
            }
        }
    }

    fn resource_group(&self) -> Value {
        object(&[
            ("id", format!("/subscriptions/{}/resourceGroups/{}", self.subscription, self.group)),
            ("name", self.group.clone()),
            ("location", LOCATION.to_owned()),
        ])
    }

    fn parameter(&self, name: &str, depth: usize) -> Option<Value> {
        match self.parameters.get(&name.to_lowercase())? {
            Parameter::Given(value) => Some(value.clone()),
            Parameter::Default(node) => Some(self.cached(&format!("p:{}", name.to_lowercase()), *node, depth)),
            Parameter::Missing => None,
        }
    }

    fn variable(&self, name: &str, depth: usize) -> Option<Value> {
        let name = name.to_lowercase();
        let node = self.variables.get(&name)?;
        Some(self.cached(&format!("v:{name}"), *node, depth))
    }

    fn cached(&self, key: &str, node: Node<'_>, depth: usize) -> Value {
        if let Some(known) = self.cache.borrow().get(key) {
            return known.clone();
        }
        let value = self.value(node, depth + 1);
        // A value that is cut off by the depth of this one use is not kept for others.
        if !value.is_open() {
            self.cache.borrow_mut().insert(key.to_owned(), value.clone());
        }
        value
    }

    /// `resourceId([subscription], [group], type, name...)`.
    fn resource_id(&self, function: &str, arguments: &[Value]) -> Option<String> {
        let words: Option<Vec<String>> = arguments.iter().map(Value::words).collect();
        let words = words?;
        let at = words.iter().position(|word| word.contains('/') && !word.starts_with('/'))?;
        let (before, rest) = words.split_at_checked(at)?;
        let (kind, names) = rest.split_first()?;
        let scope = match (function, before) {
            ("extensionresourceid", [scope]) => scope.clone(),
            ("subscriptionresourceid", []) => format!("/subscriptions/{}", self.subscription),
            ("subscriptionresourceid", [subscription]) => format!("/subscriptions/{subscription}"),
            ("resourceid", []) => format!("/subscriptions/{}/resourceGroups/{}", self.subscription, self.group),
            ("resourceid", [group]) => format!("/subscriptions/{}/resourceGroups/{group}", self.subscription),
            ("resourceid", [subscription, group]) => format!("/subscriptions/{subscription}/resourceGroups/{group}"),
            _ => return None,
        };
        resource_id(&scope, kind, names)
    }
}

/// An id from its scope, type and names; `None` where their numbers do not fit.
pub(super) fn resource_id(scope: &str, kind: &str, names: &[String]) -> Option<String> {
    let mut parts = kind.trim_end_matches('/').split('/');
    let mut out = format!("{scope}/providers/{}", parts.next()?);
    let parts: Vec<&str> = parts.collect();
    if parts.len() != names.len() || names.iter().any(|name| name.is_empty() || name.contains('/')) {
        return None;
    }
    for (part, name) in parts.iter().zip(names) {
        out.push_str(&format!("/{part}/{name}"));
    }
    Some(out)
}

fn object(members: &[(&str, String)]) -> Value {
    Value::Object(members.iter().map(|(key, text)| ((*key).to_owned(), Value::Text(text.clone()))).collect())
}

fn member(of: &Value, key: &Value, safe: bool) -> Option<Value> {
    let found = match (of, key) {
        (Value::Object(_), Value::Text(key)) => of.member(key).cloned(),
        (Value::List(items), Value::Number(index)) => index.parse::<usize>().ok().and_then(|i| items.get(i)).cloned(),
        (Value::Null, _) if safe => return Some(Value::Null),
        _ => return None,
    };
    found.or_else(|| safe.then_some(Value::Null))
}

fn open(name: &str) -> Value {
    Value::Open(format!("[parameters('{name}')]"))
}

/// The start of a value, for messages.
fn short(raw: &str) -> String {
    raw.chars().take(80).collect()
}
