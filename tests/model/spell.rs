//! The many ways in which the same estate is written: REST, az and PowerShell shapes, singular and list fields, letter
//! case, order, children apart from their parents, one file or many.

use super::dice::Dice;
use super::generate::Estate;
use serde_json::{Map, Value, json};

/// Shape of a resource object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Fields under `properties`, as the REST API prints them.
    Rest,
    /// Fields beside the id, as `az` prints them.
    Flat,
    /// As PowerShell prints them: flat, names in capitals, lists where REST has one value.
    Pascal,
}

const SHAPES: [Shape; 4] = [Shape::Rest, Shape::Rest, Shape::Flat, Shape::Pascal];

/// Writes the estate with everything varied.
pub(crate) fn any(estate: &Estate, dice: &mut Dice) -> Vec<(String, String)> {
    let mut resources = estate.resources.clone();
    let mut tags = estate.tags.clone();
    for value in resources.iter_mut().chain(&mut tags) {
        shuffle(value, dice);
        respell(value, dice);
        vary_words(value, dice);
    }
    take_children_out(&mut resources, dice);
    let twins: Vec<Value> = resources.iter().filter(|_| dice.chance(4)).cloned().collect();
    resources.extend(twins);
    let shaped = resources.iter_mut().map(|resource| {
        vary_ids(resource, dice);
        let shape = *dice.pick(&SHAPES);
        shaped(resource, shape)
    });
    let mut resources: Vec<Value> = shaped.collect();
    dice.shuffle(&mut resources);
    files(resources, tags, dice)
}

/// Writes the estate in one shape, in one file and the service tags in another.
pub(crate) fn plain(estate: &Estate, shape: Shape) -> Vec<(String, String)> {
    let all: Vec<Value> = estate.resources.iter().map(|resource| shaped(resource, shape)).collect();
    let mut out = vec![("all.json".to_owned(), json!(all).to_string())];
    out.extend(estate.tags.iter().map(|tags| ("tags.json".to_owned(), tags.to_string())));
    out
}

/// Writes every resource into a file of its own.
pub(crate) fn one_by_one(estate: &Estate) -> Vec<(String, String)> {
    let all = estate.resources.iter().chain(&estate.tags).enumerate();
    all.map(|(at, resource)| (format!("file-{at:03}.json"), resource.to_string())).collect()
}

/// Puts the resources into files of the usual forms.
fn files(resources: Vec<Value>, tags: Option<Value>, dice: &mut Dice) -> Vec<(String, String)> {
    let mut groups: Vec<Vec<Value>> = vec![Vec::new(); 1 + dice.below(4)];
    for resource in resources {
        let at = dice.below(groups.len());
        groups[at].push(resource);
    }
    let mut out: Vec<Value> = tags.into_iter().collect();
    for group in groups {
        match dice.below(5) {
            0 => out.push(json!(group)),
            1 => out.push(json!({ "value": group })),
            2 => out.push(json!({ "resources": group })),
            3 => out.push(json!({ "totalRecords": group.len(), "count": group.len(), "data": group })),
            _ => out.extend(group),
        }
    }
    dice.shuffle(&mut out);
    out.iter().enumerate().map(|(at, value)| (format!("file-{at:03}.json"), value.to_string())).collect()
}

/// Another order of every list.
pub(crate) fn shuffle(value: &mut Value, dice: &mut Dice) {
    match value {
        Value::Array(items) => {
            for item in items.iter_mut() {
                shuffle(item, dice);
            }
            dice.shuffle(items);
        }
        Value::Object(map) => map.iter_mut().for_each(|(key, item)| match item {
            // Firewall rules of a collection are judged top-down.
            Value::Array(rules) if key == "rules" => rules.iter_mut().for_each(|rule| shuffle(rule, dice)),
            item => shuffle(item, dice),
        }),
        _ => {}
    }
}

/// Singular field for a list of one, and the ways to say that a form is not used.
fn respell(value: &mut Value, dice: &mut Dice) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| respell(item, dice)),
        Value::Object(map) => {
            // Admin rules have the list fields only.
            let forms = [
                ("sourceAddressPrefixes", "sourceAddressPrefix"),
                ("destinationAddressPrefixes", "destinationAddressPrefix"),
                ("sourcePortRanges", "sourcePortRange"),
                ("destinationPortRanges", "destinationPortRange"),
            ];
            let listed = map.contains_key("sources");
            for (many, one) in forms.into_iter().filter(|_| !listed) {
                respell_side(map, many, one, dice);
            }
            if map.contains_key("addressPrefixes") && !map.contains_key("nextHopType") && dice.chance(50) {
                singular_prefix(map);
            }
            map.values_mut().for_each(|item| respell(item, dice));
        }
        _ => {}
    }
}

fn respell_side(map: &mut Map<String, Value>, many: &str, one: &str, dice: &mut Dice) {
    let Some(Value::Array(items)) = map.remove(many) else {
        if map.contains_key("priority") && many.contains("Address") && dice.chance(50) {
            map.insert(one.to_owned(), dice.pick(&[Value::Null, json!("")]).clone());
            map.insert(many.to_owned(), dice.pick(&[Value::Null, json!([])]).clone());
        }
        return;
    };
    let word =
        |item: &Value| item.as_str().is_some_and(|text| text.starts_with(|c: char| c.is_alphabetic() || c == '*'));
    // Azure takes tags and `*` in the singular field only.
    let single = items.len() == 1 && (items.iter().any(word) || !dice.chance(30));
    let items: Vec<Value> = items
        .into_iter()
        .map(|item| if word(&item) { json!(cased(item.as_str().unwrap_or_default(), dice)) } else { item })
        .collect();
    let (used, unused, value) = if single { (one, many, items[0].clone()) } else { (many, one, Value::Array(items)) };
    map.insert(used.to_owned(), value);
    if dice.chance(50) {
        let empty = if single { json!([]) } else { json!("") };
        map.insert(unused.to_owned(), dice.pick(&[Value::Null, empty]).clone());
    }
}

/// A subnet with one prefix may have it in the singular field. Address spaces are objects with nothing else in them.
fn singular_prefix(map: &mut Map<String, Value>) {
    let one =
        map.get("addressPrefixes").and_then(Value::as_array).filter(|list| list.len() == 1).map(|list| list[0].clone());
    if let Some(prefix) = one.filter(|_| map.len() > 1) {
        map.insert("addressPrefix".to_owned(), prefix);
        map.remove("addressPrefixes");
    }
}

/// Some rules, routes and subnets as resources of their own.
fn take_children_out(resources: &mut Vec<Value>, dice: &mut Dice) {
    let mut apart = Vec::new();
    for resource in resources.iter_mut() {
        let kind = resource["type"].as_str().unwrap_or_default().to_owned();
        let (field, child_kind) = match kind.as_str() {
            "Microsoft.Network/networkSecurityGroups" => ("securityRules", "securityRules"),
            "Microsoft.Network/routeTables" => ("routes", "routes"),
            "Microsoft.Network/virtualNetworks" => ("subnets", "subnets"),
            _ => continue,
        };
        let parent = resource["id"].as_str().unwrap_or_default().to_owned();
        let Some(list) = resource["properties"][field].as_array_mut() else { continue };
        for mut child in std::mem::take(list) {
            if !dice.chance(5) {
                list.push(child);
                continue;
            }
            let name = child["name"].as_str().unwrap_or_default();
            child["id"] = json!(format!("{parent}/{child_kind}/{name}"));
            child["type"] = json!(format!("{kind}/{child_kind}"));
            if dice.chance(50) {
                // The parent may hold it as well.
                list.push(child.clone());
            }
            apart.push(child);
        }
    }
    resources.extend(apart);
}

/// Other letter case of words that Azure does not tell apart by it. Repetitions of a resource keep theirs.
fn vary_words(value: &mut Value, dice: &mut Dice) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| vary_words(item, dice)),
        Value::Object(map) => {
            for (key, item) in map.iter_mut() {
                match item {
                    Value::String(text)
                        if ["protocol", "access", "direction", "nextHopType"].contains(&key.as_str()) =>
                    {
                        *text = cased(text, dice);
                    }
                    _ => vary_words(item, dice),
                }
            }
        }
        _ => {}
    }
}

/// Other letter case of ids and types.
pub(crate) fn vary_ids(value: &mut Value, dice: &mut Dice) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| vary_ids(item, dice)),
        Value::Object(map) => map.values_mut().for_each(|item| vary_ids(item, dice)),
        Value::String(text) if text.starts_with("/subscriptions/") || text.starts_with("Microsoft.Network/") => {
            *text = cased(text, dice);
        }
        _ => {}
    }
}

fn cased(text: &str, dice: &mut Dice) -> String {
    match dice.below(8) {
        6 => text.to_ascii_lowercase(),
        7 => text.to_ascii_uppercase(),
        5 => text.replace("resourceGroups", "resourcegroups"),
        _ => text.to_owned(),
    }
}

/// A resource in another shape.
pub(crate) fn shaped(resource: &Value, shape: Shape) -> Value {
    match shape {
        Shape::Rest => resource.clone(),
        Shape::Flat => flat(resource),
        Shape::Pascal => pascal(&flat(resource)),
    }
}

fn flat(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(flat).collect(),
        Value::Object(map) => {
            let mut out = Map::new();
            for (key, item) in map {
                match flat(item) {
                    Value::Object(inner) if key == "properties" => out.extend(inner),
                    item => {
                        out.insert(key.clone(), item);
                    }
                }
            }
            Value::Object(out)
        }
        other => other.clone(),
    }
}

fn pascal(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(pascal).collect(),
        Value::Object(map) => {
            let mut out = Map::new();
            for (key, item) in map {
                let listed =
                    ["sourceAddressPrefix", "destinationAddressPrefix", "sourcePortRange", "destinationPortRange"];
                let wrap = listed.contains(&key.as_str()) && item.as_str().is_some_and(|text| !text.is_empty());
                let item = if wrap { json!([item]) } else { pascal(item) };
                let (head, tail) = key.split_at(1);
                out.insert(format!("{}{tail}", head.to_ascii_uppercase()), item);
            }
            Value::Object(out)
        }
        other => other.clone(),
    }
}
