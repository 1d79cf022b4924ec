//! Resources that others refer to, taken out of a snapshot one at a time; and questions of conformance cases.

use super::address::Addr;
use super::worlds::{Question, Start};
use serde_json::Value;
use std::path::Path;

/// Ids that a value names anywhere, in lower case.
fn ids(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| ids(item, out)),
        Value::Object(map) => map.values().for_each(|item| ids(item, out)),
        Value::String(text) if text.starts_with('/') => out.push(text.to_lowercase()),
        _ => {}
    }
}

/// Positions and ids of the resources whose id another one names, or has as the start of its own.
pub(crate) fn referenced(resources: &[Value]) -> Vec<(usize, String)> {
    let named: Vec<Vec<String>> = resources
        .iter()
        .map(|resource| {
            let mut out = Vec::new();
            ids(resource, &mut out);
            out
        })
        .collect();
    let own = |at: usize| resources[at]["id"].as_str().map(str::to_lowercase);
    let by_other = |at: &usize, key: &str| {
        let below = format!("{key}/");
        let others = named.iter().enumerate().filter(|(other, _)| other != at).flat_map(|(_, ids)| ids);
        { others }.any(|id| id == key || id.starts_with(&below))
    };
    let all = (0..resources.len()).filter_map(|at| Some((at, own(at)?)));
    all.filter(|(at, key)| by_other(at, key)).collect()
}

/// Is a NIC the only one to say that it is in the pool of a load balancer that is there, or that a public address is its
/// own? The exports of both tell of the NIC, so without one that only itself says so nothing tells of it.
pub(crate) fn only_it_says(resources: &[Value], key: &str) -> bool {
    let lower = |value: &Value| value["id"].as_str().map(str::to_lowercase).unwrap_or_default();
    let list = |value: &Value, name: &str| value["properties"][name].as_array().cloned().unwrap_or_default();
    let pools: Vec<Value> = resources.iter().flat_map(|resource| list(resource, "backendAddressPools")).collect();
    let nics = resources.iter().filter(|resource| lower(resource) == key);
    nics.flat_map(|nic| list(nic, "ipConfigurations")).any(|configuration| {
        let own = lower(&configuration);
        let named = list(&configuration, "loadBalancerBackendAddressPools");
        let lists = |pool: &&Value| !list(pool, "backendIPConfigurations").iter().any(|member| lower(member) == own);
        let address = lower(&configuration["properties"]["publicIPAddress"]);
        let public = resources.iter().find(|resource| !address.is_empty() && lower(resource) == address);
        let unsaid = public.is_some_and(|public| public["properties"]["ipConfiguration"].is_null());
        unsaid || named.iter().any(|id| pools.iter().filter(lists).any(|pool| lower(pool) == lower(id)))
    })
}

/// A snapshot without one of its resources.
pub(crate) fn without(resources: &[Value], at: usize) -> Vec<Value> {
    let kept = resources.iter().enumerate().filter(|(other, _)| *other != at);
    kept.map(|(_, resource)| resource.clone()).collect()
}

/// A conformance case: resources, other files, question.
#[derive(Debug)]
pub(crate) struct Posed {
    pub(crate) id: String,
    pub(crate) resources: Vec<Value>,
    others: Vec<(String, String)>,
    pub(crate) question: Question,
}

impl Posed {
    /// The files of the case with these resources.
    pub(crate) fn files(&self, resources: &[Value]) -> Vec<(String, String)> {
        let mut out = self.others.clone();
        out.push(("resources.json".to_owned(), Value::Array(resources.to_vec()).to_string()));
        out
    }
}

/// Every flow and path case of a folder.
pub(crate) fn cases(folder: &Path) -> Vec<Posed> {
    let files = std::fs::read_dir(folder).expect("cases").map(|entry| entry.expect("a file").path());
    let mut out: Vec<Posed> = files
        .map(|file| std::fs::read_to_string(file).expect("a text"))
        .filter_map(|text| posed(&serde_json::from_str(&text).expect("a case is JSON")))
        .collect();
    out.sort_by(|a, b| a.id.cmp(&b.id));
    out
}

fn posed(case: &Value) -> Option<Posed> {
    let query = &case["query"];
    let start = match (query["source"].as_str(), query["source"]["gateway"].as_str()) {
        (Some(source), _) => Start::Sources(vec![Addr::parse(source)?]),
        (_, Some(gateway)) => Start::Gateway(gateway.to_lowercase()),
        _ => return None,
    };
    let port = |key: &str| query[key].as_u64().and_then(|port| u16::try_from(port).ok());
    let question = Question {
        start,
        destination: Addr::parse(query["destination"].as_str()?)?,
        protocol: query["protocol"].as_str()?.to_lowercase(),
        source_port: port("sourcePort"),
        destination_port: port("destinationPort").unwrap_or(0),
    };
    let others = [("serviceTags", "tags.json"), ("dns", "dns.json")];
    let others = others.into_iter().filter(|(key, _)| case[key].is_object());
    Some(Posed {
        id: case["id"].as_str()?.to_owned(),
        resources: case["resources"].as_array()?.clone(),
        others: others.map(|(key, name)| (name.to_owned(), case[key].to_string())).collect(),
        question,
    })
}
