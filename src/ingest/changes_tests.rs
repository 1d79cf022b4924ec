use super::*;

const RULE: &str =
    "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/networkSecurityGroups/nsg-a/securityRules/no-web";

fn read(name: &str, text: &str) -> Result<Vec<Change>, String> {
    let input = Input { name: name.to_owned(), bytes: text.as_bytes().to_vec(), named: true };
    load_changes(&mut Loaded::default(), vec![input])
}

/// Label, word and time of each change.
fn told(text: &str) -> Vec<String> {
    let shown = |change: Change| {
        let time = change.time.moment().map(|time| time.to_string()).unwrap_or_default();
        format!("{} {} {time}", change.label(), change.kind.word())
    };
    read("log", text).unwrap_or_default().into_iter().map(shown).collect()
}

fn entry(status: &str, time: &str, correlation: &str) -> String {
    format!(
        "{{\"correlationId\": \"{correlation}\", \"eventTimestamp\": \"{time}\", \"resourceId\": \"{RULE}\", \
         \"operationName\": {{\"value\": \"Microsoft.Network/networkSecurityGroups/securityRules/write\"}}, \
         \"status\": {{\"localizedValue\": \"x\", \"value\": \"{status}\"}}}}"
    )
}

const EXPECTED: [&str; 1] = ["nsg-a/no-web write 2026-03-04T09:00:00Z"];

#[test]
fn only_what_succeeded_counts_and_one_operation_is_one_change() {
    let entries = [
        entry("Succeeded", "2026-03-04T09:00:00Z", "c1"),
        entry("Accepted", "2026-03-04T08:59:50Z", "c1"),
        entry("Started", "2026-03-04T08:59:40Z", "C1"),
        entry("Succeeded", "2026-03-04T08:59:55Z", "c1"),
        entry("Failed", "2026-03-04T10:00:00Z", "c2"),
    ];
    assert_eq!(told(&format!("[{}]", entries.join(","))), EXPECTED);
    assert_eq!(told(&format!("{{\"value\": [{}]}}", entries.join(","))), EXPECTED);
}

#[test]
fn other_operations_of_one_correlation_stay() {
    let two = [entry("Succeeded", "2026-03-04T09:00:00Z", "c1"), entry("Succeeded", "2026-03-04T09:00:00Z", "c1")];
    let other = two[1].replace("no-web", "no-db");
    assert_eq!(told(&format!("[{},{other}]", two[0])).len(), 2);
}

#[test]
fn times_have_zones() {
    for (time, expected) in [
        ("2026-03-04T10:00:00+01:00", "2026-03-04T09:00:00Z"),
        ("2026-03-04T09:00:00.1234567Z", "2026-03-04T09:00:00.1234567Z"),
        ("/Date(1772614800000)/", "2026-03-04T09:00:00Z"),
        ("2026-03-04T09:00:00", ""),
    ] {
        let all = told(&format!("[{}]", entry("Succeeded", time, "c")));
        assert_eq!(all, [format!("nsg-a/no-web write {expected}")], "{time}");
    }
}

#[test]
fn log_analytics_rows() {
    let operation = "MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/SECURITYRULES/WRITE";
    let flat = format!(
        "[{{\"TimeGenerated\": \"2026-03-04T09:00:00Z\", \"OperationName\": \"Create or Update Security Rule\", \
         \"OperationNameValue\": \"{operation}\", \"ActivityStatusValue\": \"Success\", \"_ResourceId\": \"{RULE}\", \
         \"CorrelationId\": \"c\"}}]"
    );
    assert_eq!(told(&flat), EXPECTED);
    let tables = format!(
        "{{\"tables\": [{{\"name\": \"PrimaryResult\", \"columns\": [{{\"name\": \"TimeGenerated\"}}, \
         {{\"name\": \"OperationNameValue\"}}, {{\"name\": \"ActivityStatusValue\"}}, {{\"name\": \"_ResourceId\"}}], \
         \"rows\": [[\"2026-03-04T09:00:00Z\", \"{operation}\", \"Success\", \"{RULE}\"], \
         [\"2026-03-04T09:05:00Z\", \"{operation}\", \"Failure\", \"{RULE}\"]]}}]}}"
    );
    assert_eq!(told(&tables), EXPECTED);
    let csv = format!(
        "\"TimeGenerated [UTC]\",OperationNameValue,ActivityStatusValue,\"_ResourceId\",CorrelationId\n\
         \"3/4/2026, 9:00:00.000 AM\",{operation},Start,{RULE},c\n\"3/4/2026, 9:00:00.000 AM\",{operation},Success,{RULE},c\n"
    );
    assert_eq!(told(&csv), EXPECTED);
}

#[test]
fn stored_records() {
    let one = format!(
        "{{\"time\": \"2026-03-04T09:00:00Z\", \"resourceId\": \"{RULE}\", \"resultType\": \"Success\", \
         \"operationName\": \"MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/SECURITYRULES/WRITE\", \"correlationId\": \"c\"}}"
    );
    assert_eq!(told(&format!("{{\"records\": [{one}]}}")), EXPECTED);
    assert_eq!(told(&format!("{one}\n{one}\n")), EXPECTED);
}

#[test]
fn resource_graph_tells_previous_values() {
    let nsg = RULE.rsplitn(3, '/').last().unwrap_or_default();
    let text = format!(
        "{{\"data\": [{{\"properties\": {{\"targetResourceId\": \"{nsg}\", \"changeType\": \"Update\", \
         \"changeAttributes\": {{\"timestamp\": \"2026-03-04T09:00:00Z\", \"correlationId\": \"c\"}}, \"changes\": \
         {{\"properties.securityRules[\\\"no-web\\\"].properties.access\": {{\"previousValue\": \"Allow\", \"newValue\": \"Deny\"}}}}}}}}]}}"
    );
    let changes = read("graph", &text).unwrap_or_default();
    assert_eq!(changes.len(), 1);
    let previous: Vec<_> = changes.iter().flat_map(|change| &change.previous).collect();
    assert_eq!(previous.first().and_then(|value| value.before.as_deref()), Some("\"Allow\""));
    assert_eq!(
        previous.first().map(|v| v.path.as_str()),
        Some("properties.securityRules[\"no-web\"].properties.access")
    );
    assert_eq!(told(&text), ["nsg-a write 2026-03-04T09:00:00Z"]);
}

#[test]
fn what_changes_nothing_is_left_out() {
    for operation in ["Microsoft.Network/applicationGateways/backendhealth/action", "Microsoft.Network/x/read", "List"]
    {
        let text = entry("Succeeded", "2026-03-04T09:00:00Z", "c")
            .replace("Microsoft.Network/networkSecurityGroups/securityRules/write", operation);
        assert_eq!(read("log", &format!("[{text}]")).map(|all| all.len()), Ok(0), "{operation}");
    }
}

#[test]
fn an_empty_log_is_one_and_other_files_are_none() {
    assert_eq!(read("log", "[]").map(|all| all.len()), Ok(0));
    for other in ["", "{}", "[1, 2]", "a,b\n1,2\n", "{\"value\": [{\"id\": \"x\"}]}", "nothing", "{\"a\": 1}\n{\"b\""] {
        let error = read("strange.json", other).err().unwrap_or_default();
        assert!(error.starts_with("strange.json: no record of changes; known are"), "{other}: {error}");
        assert!(error.contains("activity-log") && error.contains("resourcechanges"));
    }
}
