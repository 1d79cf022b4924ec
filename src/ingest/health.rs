//! Recorded backend health: F1 `backendhealth`, F2 `getBackendHealthOnDemand`, F3 PowerShell (health.md 1.1 to 1.3).
//!
//! Keys are taken in any letter case, so F3 differs from F1 only in its name. A state word that is not known is
//! reported and its server left out: a guessed state would be evidence that nobody recorded.

use super::fields::{Fields, is_cut, shown, wrong_type};
use super::json::{Node, Object, Unusable};
use crate::diagnostic::{Diagnostic, code};
use crate::model::{
    HealthFormat, HealthRecord, Located, PoolHealth, RecordedState, ResourceId, ServerHealth, SettingHealth,
};

/// Key of the list of pools in F1 and F3.
const POOLS: &str = "backendAddressPools";
/// Key that only F2 has (health.md 1.2).
const ON_DEMAND: &str = "backendHealthHttpSettings";
/// Lists of probed settings: L7, and the name that L4 settings go by elsewhere (health.md 4, gap).
const COLLECTIONS: [&str; 2] = ["backendHttpSettingsCollection", "backendSettingsCollection"];
/// References to a setting, L7 and L4.
const SETTINGS: [&str; 2] = ["backendHttpSettings", "backendSettings"];
/// Fields that a gateway has beside its pools and a health record never has.
const GATEWAY_ONLY: [&str; 8] = [
    "gatewayIPConfigurations",
    "frontendIPConfigurations",
    "frontendPorts",
    "httpListeners",
    "requestRoutingRules",
    "routingRules",
    "sku",
    "properties",
];

/// Is the object a health record of format F1, F2 or F3? A gateway also has `backendAddressPools`, but its elements
/// hold addresses, not probed settings.
pub(crate) fn looks_like_health(object: &Object<'_>) -> bool {
    if GATEWAY_ONLY.iter().any(|key| object.has(key)) {
        return false;
    }
    if object.has(ON_DEMAND) {
        return true;
    }
    let Some(pools) = object.raw_get(POOLS) else { return false };
    if pools.raw() == "null" || pools.is_blank() {
        return !object.has("id") && !object.has("type");
    }
    pools.items_or_self().iter().any(|pool| {
        if let Some(text) = pool.string() {
            return is_cut(&text) && !object.has("id");
        }
        let Ok(Some(pool)) = pool.object() else { return false };
        pool.has("backendAddressPool") || COLLECTIONS.iter().any(|key| pool.has(key))
    })
}

/// Reads one health record. What ConvertTo-Json cut, and any value of the wrong kind where an object belongs, makes the
/// whole record unusable: the missing part could be the server that is asked about.
pub(crate) fn read(object: &Object<'_>, file_name: &str) -> Result<HealthRecord, Unusable> {
    let fields = Fields::of(object.clone())?;
    let (format, pools) = match fields.child(ON_DEMAND)? {
        Some(setting) => {
            let settings = setting_health(&setting)?.into_iter().collect();
            (HealthFormat::OnDemand, vec![PoolHealth { pool: pool_reference(&fields)?, settings }])
        }
        None if object.has(ON_DEMAND) => (HealthFormat::OnDemand, Vec::new()),
        None => {
            let pools: Result<Vec<_>, _> = fields.objects(POOLS)?.iter().map(pool_health).collect();
            (shape(object), pools?)
        }
    };
    Ok(HealthRecord { span: fields.span(), format, file_name: file_name.to_owned(), pools })
}

/// F3 is what PowerShell prints: the same keys, in Pascal case.
fn shape(object: &Object<'_>) -> HealthFormat {
    let written = object.members().map(|(key, _)| key).find(|key| key.eq_ignore_ascii_case(POOLS));
    match written {
        Some(key) if key.starts_with('B') => HealthFormat::PowerShell,
        _ => HealthFormat::BackendHealth,
    }
}

fn pool_health(pool: &Fields<'_>) -> Result<PoolHealth, Unusable> {
    let mut settings = Vec::new();
    for setting in COLLECTIONS.iter().map(|key| pool.objects(key)).collect::<Result<Vec<_>, _>>()?.iter().flatten() {
        settings.extend(setting_health(setting)?);
    }
    Ok(PoolHealth { pool: pool_reference(pool)?, settings })
}

/// The pool that a part of the record is about. Queries that select columns drop the reference: the id is then empty,
/// and the join decides whether only one pool can be meant.
fn pool_reference(fields: &Fields<'_>) -> Result<Located<ResourceId>, Unusable> {
    let found = reference(fields, "backendAddressPool")?;
    Ok(found.unwrap_or_else(|| Located::new(ResourceId::new(""), fields.span())))
}

/// Health under one setting. Without a list of servers (or with null) nothing was recorded; an empty one is a pool
/// without targets.
fn setting_health(fields: &Fields<'_>) -> Result<Option<SettingHealth>, Unusable> {
    let Some(list) = fields.outer().get("servers") else { return Ok(None) };
    let mut setting = None;
    for key in SETTINGS {
        setting = setting.or(reference(fields, key)?);
    }
    let mut servers = Vec::new();
    for server in fields.objects("servers")? {
        servers.push(server_health(&server)?);
    }
    let setting = setting.unwrap_or_else(|| Located::new(ResourceId::new(""), fields.span()));
    Ok(Some(SettingHealth { setting, servers, span: list.span() }))
}

/// A reference: `{"id": ...}`, an expanded object (which has a name beside its id), or a bare string.
fn reference(fields: &Fields<'_>, key: &str) -> Result<Option<Located<ResourceId>>, Unusable> {
    if let Some(found) = fields.reference(key)? {
        return Ok(Some(found));
    }
    let Some(node) = fields.get(key) else { return Ok(None) };
    if !node.is_object() {
        return if node.is_blank() { Ok(None) } else { Err(wrong_type(node, "a reference")) };
    }
    let name = Fields::open(node)?.name();
    Ok((!name.is_empty()).then(|| Located::new(ResourceId::new(&name), node.span())))
}

/// One server. An unreadable state is reported and counts as Unknown; the message may still say more.
fn server_health(fields: &Fields<'_>) -> Result<ServerHealth, Unusable> {
    let ip_configuration = reference(fields, "ipConfiguration")?.map(|id| id.value);
    let address = match fields.get("address") {
        Some(node) if !node.is_blank() && !node.is_string() => return Err(wrong_type(node, "an address")),
        Some(node) => node.text().map(|text| text.value.trim().to_owned()),
        None => None,
    };
    let named = address.as_deref().or(ip_configuration.as_ref().map(ResourceId::as_str)).unwrap_or("a server");
    let state = state(fields, named);
    let message = fields.get("healthProbeLog").and_then(|node| message(node));
    Ok(ServerHealth { span: fields.span(), address, ip_configuration, state, message })
}

/// The recorded state (health.md 2), or a finding at its place.
fn state(fields: &Fields<'_>, server: &str) -> Located<RecordedState> {
    let node = fields.get("health");
    let known = node.and_then(|node| node.string()).and_then(|word| RecordedState::parse(&word));
    if let (Some(node), Some(state)) = (node, known) {
        return Located::new(state, node.span());
    }
    let place = node.unwrap_or_else(|| fields.outer().node());
    let what = match node {
        Some(node) => format!("{} is no health state that is known", shown(node)),
        None => "no health state is recorded".to_owned(),
    };
    place.report(
        Diagnostic::new(&code::HEALTH_STATE, format!("{what}; {server} counts as Unknown"))
            .help("states are Healthy, Unhealthy, Unknown, Up, Down, Partial and Draining"),
    );
    Located::new(RecordedState::Unknown, place.span())
}

/// The probe message as recorded, an empty one included. Anything but text is reported and counts as no message.
fn message(node: Node<'_>) -> Option<Located<String>> {
    if let Some(text) = node.string() {
        return Some(Located::new(text.into_owned(), node.span()));
    }
    let text = format!("{} where a probe message belongs; it was not used", shown(node));
    node.report(Diagnostic::new(&code::WRONG_TYPE, text).help("export the health record again"));
    None
}

#[cfg(test)]
mod tests {
    use super::super::json::Document;
    use super::*;

    const GATEWAY: &str = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/applicationGateways/agw";

    /// Sniffs and reads one object; `None` where it is no health record, and the codes that were reported.
    fn parse(text: &str) -> (Option<Result<HealthRecord, Unusable>>, Vec<&'static str>) {
        let document = Document::new(0, text);
        let result = match document.root(0).map(|node| node.object()) {
            Ok(Ok(Some(object))) if looks_like_health(&object) => Some(read(&object, "h.json")),
            Ok(Err(unusable)) => Some(Err(unusable)),
            _ => None,
        };
        let codes = document.findings.borrow().iter().map(|finding| finding.code.code).collect();
        (result, codes)
    }

    fn record(text: &str) -> Option<HealthRecord> {
        let (result, codes) = parse(text);
        assert!(codes.is_empty(), "{codes:?}");
        result.and_then(Result::ok)
    }

    fn servers(record: &HealthRecord) -> Vec<&ServerHealth> {
        record.pools.iter().flat_map(|pool| &pool.settings).flat_map(|setting| &setting.servers).collect()
    }

    #[test]
    fn backend_health_with_references_and_null_ip_configuration() {
        let text = format!(
            "{{\"backendAddressPools\":[{{\"backendAddressPool\":{{\"id\":\"{GATEWAY}/backendaddressPools/p\",\
             \"resourceGroup\":\"rg\"}},\"backendHttpSettingsCollection\":[{{\"backendHttpSettings\":{{\"id\":\
             \"{GATEWAY}/backendHttpSettingsCollection/s\",\"name\":\"s\",\"properties\":{{\"port\":80}}}},\"servers\":[\
             {{\"address\":\"10.0.0.4\",\"health\":\"Healthy\",\"healthProbeLog\":\"\",\"ipConfiguration\":null}},\
             {{\"address\":\"a.example\",\"health\":\"Down\"}}]}}]}}]}}"
        );
        let found = record(&text);
        assert!(found.is_some());
        let Some(found) = found else { return };
        assert_eq!(found.format, HealthFormat::BackendHealth);
        assert_eq!(found.pools.first().map(|pool| pool.pool.value.name()), Some("p"));
        assert_eq!(found.file_name, "h.json");
        let all = servers(&found);
        assert_eq!(all.iter().map(|s| s.state.value).collect::<Vec<_>>(), [RecordedState::Up, RecordedState::Down]);
        assert_eq!(all.first().and_then(|s| s.message.as_ref()).map(|m| m.value.as_str()), Some(""));
        assert!(all.last().is_some_and(|s| s.message.is_none() && s.ip_configuration.is_none()));
        let state = all.last().map(|s| s.state.span.range()).and_then(|range| text.get(range));
        assert_eq!(state, Some("\"Down\""));
    }

    #[test]
    fn on_demand_is_one_pool_and_setting() {
        let found = record(
            "{\"backendAddressPool\":{\"id\":\"p\"},\"backendHealthHttpSettings\":{\"backendHttpSettings\":{\"id\":\"s\"},\
             \"servers\":[{\"address\":\"10.0.0.4\",\"health\":\"Up\",\"ipConfiguration\":{\"id\":\"/x/ipConfigurations/c\"}}]}}",
        );
        assert_eq!(found.as_ref().map(|found| found.format), Some(HealthFormat::OnDemand));
        let ip = found.iter().flat_map(servers).next().and_then(|s| s.ip_configuration.clone());
        assert_eq!(ip.as_ref().map(ResourceId::name), Some("c"));
    }

    #[test]
    fn powershell_is_pascal_case_and_its_text_is_ignored() {
        let found = record(
            "{\"BackendAddressPools\":[{\"BackendAddressPool\":{\"Id\":\"p\"},\"BackendHttpSettingsCollection\":[\
             {\"BackendHttpSettings\":{\"Id\":\"s\"},\"Servers\":[{\"Address\":\"10.0.0.4\",\"Health\":\"Unhealthy\",\
             \"HealthProbeLog\":\"text\"}]}]}],\"BackendAddressPoolsText\":\"[ {} ]\"}",
        );
        assert_eq!(found.as_ref().map(|found| found.format), Some(HealthFormat::PowerShell));
        assert_eq!(found.iter().flat_map(servers).count(), 1);
    }

    #[test]
    fn layer_four_settings_and_bare_references() {
        let found = record(
            "{\"backendAddressPools\":[{\"backendAddressPool\":\"pool-mq\",\"backendSettingsCollection\":[\
             {\"backendSettings\":\"l4-5671\",\"servers\":[{\"address\":\"10.0.0.5\",\"health\":\"Partial\"}]}]}]}",
        );
        let setting = found.iter().flat_map(|found| &found.pools).flat_map(|pool| &pool.settings).next();
        assert_eq!(setting.map(|setting| setting.setting.value.name()), Some("l4-5671"));
    }

    #[test]
    fn an_empty_list_is_a_pool_without_targets_and_a_missing_one_says_nothing() {
        let found = record(
            "{\"backendAddressPools\":[{\"backendAddressPool\":{\"id\":\"p\"},\"backendHttpSettingsCollection\":[\
             {\"backendHttpSettings\":{\"id\":\"a\"},\"servers\":[]},{\"backendHttpSettings\":{\"id\":\"b\"}}]}]}",
        );
        let settings: Vec<_> = found
            .iter()
            .flat_map(|found| &found.pools)
            .flat_map(|p| &p.settings)
            .map(|s| s.setting.value.name())
            .collect();
        assert_eq!(settings, ["a"]);
        assert_eq!(record("{\"backendAddressPools\":[]}").map(|found| found.pools.len()), Some(0));
    }

    #[test]
    fn references_may_be_missing() {
        let found = record(
            "{\"backendAddressPools\":[{\"backendHttpSettingsCollection\":[{\"servers\":[{\"address\":\"a.example\",\
             \"health\":\"Healthy\"}]}]}]}",
        );
        assert_eq!(found.iter().flat_map(|f| &f.pools).map(|pool| pool.pool.value.as_str()).collect::<Vec<_>>(), [""]);
    }

    #[test]
    fn an_unreadable_state_counts_as_unknown() {
        let (result, codes) = parse(
            "{\"backendAddressPools\":[{\"backendAddressPool\":{\"id\":\"p\"},\"backendHttpSettingsCollection\":[\
             {\"backendHttpSettings\":{\"id\":\"a\"},\"servers\":[{\"address\":\"10.0.0.4\",\"health\":\"Wobbly\"},\
             {\"address\":\"10.0.0.5\"},{\"address\":\"10.0.0.6\",\"health\":\"up\"}]}]}]}",
        );
        assert_eq!(codes, ["GP121", "GP121"]);
        let found = result.and_then(Result::ok);
        assert_eq!(
            found.iter().flat_map(servers).map(|s| s.state.value).collect::<Vec<_>>(),
            [RecordedState::Unknown, RecordedState::Unknown, RecordedState::Up]
        );
    }

    #[test]
    fn what_convert_to_json_cut_is_unusable() {
        let cut = "\"Microsoft.Azure.Commands.Network.Models.PSApplicationGatewayBackendHealthPool\"";
        let settings = "\"Microsoft.Azure.Commands.Network.Models.PSApplicationGatewayBackendHealthHttpSettings\"";
        for text in [
            format!("{{\"BackendAddressPools\":[{cut}]}}"),
            format!("{{\"BackendAddressPools\":{cut}}}"),
            format!(
                "{{\"BackendAddressPools\":[{{\"BackendAddressPool\":{{\"Id\":\"p\"}},\"BackendHttpSettingsCollection\":[{settings}]}}]}}"
            ),
        ] {
            let (result, codes) = parse(&text);
            assert!(matches!(result, Some(Err(Unusable))), "{text}");
            assert_eq!(codes, ["GP111"], "{text}");
        }
    }

    #[test]
    fn a_value_of_the_wrong_kind_or_a_key_that_stands_twice_is_unusable() {
        for (text, expected) in [
            (
                "{\"backendAddressPools\":[{\"backendAddressPool\":{\"id\":\"p\"},\"backendHttpSettingsCollection\":[7]}]}",
                "GP108",
            ),
            (
                "{\"backendAddressPools\":[{\"backendAddressPool\":{\"id\":\"p\"},\"backendHttpSettingsCollection\":[{\"servers\":[{\"address\":4,\"health\":\"Up\"}]}]}]}",
                "GP108",
            ),
            (
                "{\"backendAddressPools\":[{\"backendAddressPool\":{\"id\":\"p\"},\"backendHttpSettingsCollection\":[{\"servers\":[{\"health\":\"Up\",\"Health\":\"Down\"}]}]}]}",
                "GP107",
            ),
        ] {
            let (result, codes) = parse(text);
            assert!(matches!(result, Some(Err(Unusable))), "{text}");
            assert_eq!(codes, [expected], "{text}");
        }
    }

    #[test]
    fn gateways_and_other_objects_are_no_health_records() {
        for text in [
            "{\"backendAddressPools\":[{\"id\":\"p\",\"properties\":{\"backendAddresses\":[]}}],\"gatewayIPConfigurations\":[]}",
            "{\"BackendAddressPools\":[{\"BackendAddresses\":[]}],\"Sku\":{\"Name\":\"Standard_v2\"},\"Id\":\"x\"}",
            "{\"id\":\"/x\",\"type\":\"Microsoft.Network/loadBalancers\",\"backendAddressPools\":[]}",
            "{\"backendAddressPools\":[{\"name\":\"p\",\"loadBalancerBackendAddresses\":[]}]}",
            "{\"name\":\"x\"}",
        ] {
            assert!(parse(text).0.is_none(), "{text}");
        }
    }
}
