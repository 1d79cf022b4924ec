//! Makes a failing estate small: parts are left out as long as the failure stays.

use super::generate::Estate;
use serde_json::Value;

/// Where a part stands: keys and positions from the root.
type Path = Vec<Step>;

#[derive(Debug, Clone)]
enum Step {
    Key(String),
    At(usize),
}

/// Leaves out resources, list elements and fields while `fails` holds.
pub(crate) fn estate(start: &Estate, fails: &dyn Fn(&Estate) -> bool) -> Estate {
    let mut best = start.clone();
    if best.tags.is_some() {
        let smaller = Estate { tags: None, ..best.clone() };
        if fails(&smaller) {
            best = smaller;
        }
    }
    loop {
        let before = best.clone();
        let mut root = Value::Array(best.resources.clone());
        let mut paths = Vec::new();
        parts(&root, &Vec::new(), &mut paths);
        // From the end, so that the positions of parts that are still to be tried stay right.
        for path in paths.iter().rev() {
            let mut smaller = root.clone();
            if remove(&mut smaller, path) {
                let candidate = Estate { resources: items(&smaller), tags: best.tags.clone() };
                if fails(&candidate) {
                    root = smaller;
                    best = candidate;
                }
            }
        }
        if best.resources == before.resources {
            return best;
        }
    }
}

fn items(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

/// Every part that may be left out, outer parts before inner ones.
fn parts(value: &Value, here: &Path, out: &mut Vec<Path>) {
    let mut visit = |step: Step, item: &Value| {
        let path: Path = here.iter().cloned().chain([step]).collect();
        out.push(path.clone());
        parts(item, &path, out);
    };
    match value {
        Value::Array(items) => items.iter().enumerate().for_each(|(at, item)| visit(Step::At(at), item)),
        Value::Object(map) => {
            let fixed = [
                "id",
                "name",
                "type",
                "properties",
                "priority",
                "direction",
                "access",
                "protocol",
                "service",
                "subnet",
                "nextHopType",
                "addressPrefix",
                "addressPrefixes",
                "addressSpace",
                "addressPrefixType",
                "resourceId",
                "networkGroupId",
            ];
            map.iter()
                .filter(|(key, item)| !fixed.contains(&key.as_str()) || item.is_object() && *key == "properties")
                .for_each(|(key, item)| visit(Step::Key(key.clone()), item));
        }
        _ => {}
    }
}

fn remove(value: &mut Value, path: &[Step]) -> bool {
    match (value, path) {
        (Value::Array(items), [Step::At(at)]) if *at < items.len() => {
            items.remove(*at);
            true
        }
        (Value::Object(map), [Step::Key(key)]) if key != "properties" => map.remove(key).is_some(),
        (Value::Array(items), [Step::At(at), rest @ ..]) => items.get_mut(*at).is_some_and(|item| remove(item, rest)),
        (Value::Object(map), [Step::Key(key), rest @ ..]) => map.get_mut(key).is_some_and(|item| remove(item, rest)),
        _ => false,
    }
}
