//! Functions of template expressions that need nothing but their arguments. `None` where a call is not one of those known
//! here, or has arguments that it does not take: the value stays open.

use super::value::Value;

/// Calls a function whose arguments are all known.
pub(super) fn call(name: &str, arguments: &[Value]) -> Option<Value> {
    let text = |out: String| Some(Value::Text(out));
    match (name, arguments) {
        ("true", []) | ("empty", [Value::Null]) => Some(Value::Bool(true)),
        ("false", []) => Some(Value::Bool(false)),
        ("null", []) => Some(Value::Null),
        ("concat", [Value::List(_), ..]) => concat_lists(arguments),
        ("concat", [_, ..]) => text(arguments.iter().map(Value::words).collect::<Option<String>>()?),
        ("format", [Value::Text(pattern), rest @ ..]) => text(format(pattern, rest)?),
        ("tolower", [Value::Text(own)]) => text(own.to_lowercase()),
        ("toupper", [Value::Text(own)]) => text(own.to_uppercase()),
        ("trim", [Value::Text(own)]) => text(own.trim().to_owned()),
        ("string", [one]) => text(one.words()?),
        ("replace", [Value::Text(own), Value::Text(from), Value::Text(to)]) if !from.is_empty() => {
            text(own.replace(from.as_str(), to))
        }
        ("split", [Value::Text(own), Value::Text(by)]) if !by.is_empty() => {
            Some(Value::List(own.split(by.as_str()).map(|part| Value::Text(part.to_owned())).collect()))
        }
        ("int", [Value::Number(number) | Value::Text(number)]) => {
            Some(Value::Number(number.trim().parse::<i64>().ok()?.to_string()))
        }
        ("add" | "sub" | "mul", [Value::Number(a), Value::Number(b)]) => arithmetic(name, a, b),
        ("json", [Value::Text(own)]) => serde_json::from_str(own).ok().map(Value::of_json),
        ("createarray", _) => Some(Value::List(arguments.to_vec())),
        ("array", [Value::List(items)]) => Some(Value::List(items.clone())),
        ("array", [one]) => Some(Value::List(vec![one.clone()])),
        ("createobject", _) => create_object(arguments),
        ("first", [Value::List(items)]) => items.first().cloned(),
        ("last", [Value::List(items)]) => items.last().cloned(),
        ("length", [one]) => Some(Value::Number(length(one)?.to_string())),
        ("empty", [one]) => Some(Value::Bool(length(one)? == 0)),
        ("contains", [one, key]) => Some(Value::Bool(contains(one, key)?)),
        ("equals", [a, b]) => Some(Value::Bool(equals(a, b)?)),
        ("not", [Value::Bool(flag)]) => Some(Value::Bool(!flag)),
        _ => None,
    }
}

fn concat_lists(arguments: &[Value]) -> Option<Value> {
    let mut out = Vec::new();
    for argument in arguments {
        let Value::List(items) = argument else { return None };
        out.extend(items.iter().cloned());
    }
    Some(Value::List(out))
}

/// `{0}` and `{{`; a format after a colon is not known here.
fn format(pattern: &str, arguments: &[Value]) -> Option<String> {
    let mut out = String::new();
    let mut rest = pattern;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at_checked(at)?;
        out.push_str(before);
        if let Some(after) = from.strip_prefix("{{") {
            out.push('{');
            rest = after;
        } else if let Some(after) = from.strip_prefix("}}") {
            out.push('}');
            rest = after;
        } else {
            let (index, after) = from.strip_prefix('{')?.split_once('}')?;
            out.push_str(&arguments.get(index.trim().parse::<usize>().ok()?)?.words()?);
            rest = after;
        }
    }
    out.push_str(rest);
    Some(out)
}

fn arithmetic(name: &str, a: &str, b: &str) -> Option<Value> {
    let (a, b) = (a.parse::<i64>().ok()?, b.parse::<i64>().ok()?);
    let out = match name {
        "add" => a.checked_add(b),
        "sub" => a.checked_sub(b),
        _ => a.checked_mul(b),
    };
    Some(Value::Number(out?.to_string()))
}

fn create_object(arguments: &[Value]) -> Option<Value> {
    let mut out: Vec<(String, Value)> = Vec::new();
    for pair in arguments.chunks(2) {
        let [Value::Text(key), value] = pair else { return None };
        if out.iter().any(|(known, _)| known.eq_ignore_ascii_case(key)) {
            return None;
        }
        out.push((key.clone(), value.clone()));
    }
    Some(Value::Object(out))
}

fn length(value: &Value) -> Option<usize> {
    match value {
        Value::Text(text) => Some(text.encode_utf16().count()),
        Value::List(items) => Some(items.len()),
        Value::Object(members) => Some(members.len()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Open(_) => None,
    }
}

fn contains(value: &Value, key: &Value) -> Option<bool> {
    match (value, key) {
        (Value::Text(text), Value::Text(part)) => Some(text.contains(part.as_str())),
        (Value::Object(_), Value::Text(key)) => Some(value.member(key).is_some()),
        (Value::List(items), Value::Text(_) | Value::Number(_)) => {
            let found: Option<Vec<bool>> = items.iter().map(|item| equals(item, key)).collect();
            found.map(|list| list.contains(&true))
        }
        _ => None,
    }
}

/// Scalars of one kind; lists and objects are left open.
fn equals(a: &Value, b: &Value) -> Option<bool> {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => Some(a.parse::<i64>().ok()? == b.parse::<i64>().ok()?),
        (Value::List(_) | Value::Object(_) | Value::Open(_), _)
        | (_, Value::List(_) | Value::Object(_) | Value::Open(_)) => None,
        (a, b) => Some(a == b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn texts() {
        assert_eq!(call("format", &[text("{1}-{{{0}}}"), text("a"), Value::Number("7".into())]), Some(text("7-{a}")));
        assert_eq!(call("format", &[text("{0:D3}"), Value::Number("7".into())]), None);
        assert_eq!(call("format", &[text("{1}"), text("a")]), None);
        assert_eq!(call("concat", &[text("a"), Value::Bool(true)]), Some(text("aTrue")));
        assert_eq!(call("concat", &[text("a"), Value::Null]), None);
        assert_eq!(
            call("concat", &[Value::List(vec![text("a")]), Value::List(vec![text("b")])]),
            Some(Value::List(vec![text("a"), text("b")]))
        );
        assert_eq!(call("uniquestring", &[text("a")]), None);
    }

    #[test]
    fn tests_of_values() {
        assert_eq!(call("empty", &[Value::List(vec![])]), Some(Value::Bool(true)));
        assert_eq!(call("empty", &[text("x")]), Some(Value::Bool(false)));
        assert_eq!(call("equals", &[text("A"), text("a")]), Some(Value::Bool(false)));
        assert_eq!(call("equals", &[Value::List(vec![]), Value::Null]), None);
        assert_eq!(call("contains", &[text("abc"), text("b")]), Some(Value::Bool(true)));
        assert_eq!(call("add", &[Value::Number(i64::MAX.to_string()), Value::Number("1".into())]), None);
    }
}
