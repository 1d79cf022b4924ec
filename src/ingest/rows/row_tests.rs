//! Every kind of row, in every form that it comes in; invented data.

use crate::diagnostic::{Source, Sources};
use crate::ingest::rows::{ColumnMap, RowReport, open};
use crate::model::{Fact, Observation};

/// Reads a text: one line a row that was used, and the report.
fn read_with(text: &[u8], map: &[&str]) -> (Vec<String>, RowReport, Vec<String>) {
    let map: Vec<String> = map.iter().map(|text| (*text).to_owned()).collect();
    let columns = ColumnMap::parse(&map).unwrap();
    let mut sources = Sources::default();
    let file = sources.add(Source::excerpt("r".to_owned()));
    let mut seen = Vec::new();
    let table = open(Box::new(text), &columns).unwrap();
    assert!(table.is_table(), "{}", String::from_utf8_lossy(text));
    let report = table.read("r", file, &columns, &mut sources, &mut |row| seen.push(shown(row)));
    let findings = report.findings.iter().map(|finding| {
        let place = finding.span.map(|span| sources.short(span)).unwrap_or_default();
        format!("{} {place} {}", finding.code.code, finding.message)
    });
    let findings = findings.collect();
    (seen, report, findings)
}

fn read(text: &str) -> Vec<String> {
    let (seen, report, findings) = read_with(text.as_bytes(), &[]);
    assert!(findings.is_empty(), "{findings:?}");
    assert_eq!(report.bad, 0);
    seen
}

fn shown(row: &Observation<'_>) -> String {
    let time = row.time.map(|time| time.to_string()).unwrap_or_default();
    let port = row.port.map(|port| format!(":{port}")).unwrap_or_default();
    let fact = match row.fact {
        Fact::State(state, message) => format!("{state:?} {}", message.unwrap_or_default()),
        other => format!("{other:?}"),
    };
    format!("{} {time} {} {} {} {}{port} {fact}", row.line, row.gateway, row.pool, row.setting, row.server)
        .trim()
        .to_owned()
}

#[test]
fn tables_of_the_portal_and_of_powershell() {
    let expected = ["2   p s 10.0.0.4:443 Down no"];
    for text in [
        "Server,Backend pool,Backend setting,Port,Protocol,Status,Details\r\n10.0.0.4,p,s,443,Https,Unhealthy,no\r\n",
        "\u{feff}Target;Pool;Setting;Port;Health;Details\n10.0.0.4;p;s;443;Down;no\n",
        "address\tpool\tsetting\tport\tstate\tmessage\n10.0.0.4\tp\ts\t443\tFalse\tno",
    ] {
        assert_eq!(read(text), expected, "{text}");
    }
    let typed = "#TYPE Selected.Object\n\"Address\",\"Health\",\"HealthProbeLog\"\n\"10.0.0.4\",\"Healthy\",\"a\nb\"\n";
    assert_eq!(read(typed), ["3     10.0.0.4 Up a\nb"]);
    let utf16: Vec<u8> =
        "\u{feff}Server,Status\nbücher.example,Up\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(read_with(&utf16, &[]).0, ["2     bücher.example Up"]);
}

#[test]
fn histories_in_csv_and_json() {
    let expected = "2026-11-03T09:40:00Z g p s 10.0.0.4:443 Down";
    let csv = "TIMESTAMP,GatewayId,RoleInstance,pool,setting,server,port,Healthy\n2026-11-03T09:40:00Z,g,i,p,s,10.0.0.4,443,False\n";
    assert_eq!(read(csv), [format!("2 {expected}")]);
    let object = "{\"TIMESTAMP\":\"2026-11-03T09:40:00Z\",\"GatewayId\":\"g\",\"pool\":\"p\",\"setting\":\"s\",\"server\":\"10.0.0.4:443\",\"Healthy\":false}";
    assert_eq!(read(&format!("[\n{object},\n{object}]")), [format!("2 {expected}"), format!("3 {expected}")]);
    assert_eq!(read(&format!("{object}\n\n{object}\n")), [format!("1 {expected}"), format!("3 {expected}")]);
}

#[test]
fn access_logs_of_storage_event_hub_and_log_analytics() {
    let proof = "2026-11-03T09:55:00Z /g p s 10.0.0.4:443 Proof(Answered(200))";
    let inner = "\"serverRouted\":\"10.0.0.4:443\",\"serverStatus\":\"200\",\"clientIP\":\"192.0.2.1\"";
    let outer = "\"resourceId\":\"/g\",\"backendPoolName\":\"p\",\"backendSettingName\":\"s\",\"category\":\"ApplicationGatewayAccessLog\"";
    let v2 = format!("{{\"timeStamp\":\"2026-11-03T09:55:00Z\",{outer},\"properties\":{{{inner}}}}}");
    assert_eq!(read(&format!("{v2}\n")), [format!("1 {proof}")]);
    assert_eq!(read(&format!("{{\"records\":[{v2}]}}")), [format!("1 {proof}")]);
    let rest = "{\"tables\":[{\"name\":\"PrimaryResult\",\"columns\":[{\"name\":\"TimeGenerated\",\"type\":\"datetime\"},{\"name\":\"_ResourceId\"},\
        {\"name\":\"BackendPoolName\"},{\"name\":\"BackendSettingName\"},{\"name\":\"ServerRouted\"},{\"name\":\"ServerStatus\"}],\
        \"rows\":[[\"2026-11-03T09:55:00\",\"/g\",\"p\",\"s\",\"10.0.0.4:443\",200]]}]}";
    assert_eq!(read(rest), [format!("1 {proof}")]);
    let csv = "TimeGenerated [UTC],ResourceId,backendPoolName_s,backendSettingName_s,serverRouted_s,serverStatus_d\n\
        \"11/3/2026, 9:55:00.000 AM\",/g,p,s,10.0.0.4:443,200\n";
    assert_eq!(read(csv), [format!("2 {proof}")]);
    let more = "TimeGenerated,ResourceId,serverRouted_s,AdditionalFields\n\
        2026-11-03T09:55:00Z,/g,10.0.0.4:443,\"{\"\"backendPoolName_s\"\":\"\"p\"\",\"\"backendSettingName\"\":\"\"s\"\",\"\"serverStatus_s\"\":\"\"200\"\"}\"\n";
    assert_eq!(read(more), [format!("2 {proof}")]);
    let v1 = "{\"time\":\"2026-11-03T09:55:00Z\",\"resourceId\":\"/g\",\"category\":\"ApplicationGatewayAccessLog\",\"properties\":\
        {\"requestQuery\":\"X=1&SERVER-ROUTED=10.0.0.4&SERVER-STATUS=404\",\"clientIP\":\"192.0.2.1\"}}\n";
    assert_eq!(read(v1), ["1 2026-11-03T09:55:00Z /g   10.0.0.4 Proof(Answered(404))"]);
}

#[test]
fn what_a_request_proves() {
    let log = |client: &str, routed: &str, status: &str, error: &str, protocol: &str| {
        let text = format!(
            "timestamp,clientIP,serverRouted,serverStatus,error_info,protocol\n2026-11-03T09:55:00Z,{client},\"{routed}\",\"{status}\",{error},{protocol}\n"
        );
        let facts: Vec<String> =
            read(&text).iter().filter_map(|row| row.rsplit(' ').next().map(str::to_owned)).collect();
        facts.join(" ")
    };
    let none = "ERRORINFO_NO_ERROR";
    assert_eq!(log("192.0.2.1", "10.0.0.4:80", "403", none, ""), "Proof(Answered(403))");
    assert_eq!(log("127.0.0.1", "10.0.0.4:80", "200", none, ""), "");
    assert_eq!(log("192.0.2.1", "", "", "ERRORINFO_UPSTREAM_NO_LIVE", ""), "NotDialled");
    assert_eq!(log("192.0.2.1", "10.0.0.4:80", "", "ERRORINFO_UPSTREAM_TIMED_OUT", ""), "Proof(TimedOut)");
    assert_eq!(log("192.0.2.1", "10.0.0.4:80", "-", "ERRORINFO_UPSTREAM_CLOSED_CONNECTION", ""), "Proof(Closed)");
    assert_eq!(log("192.0.2.1", "10.0.0.4:80", "", none, ""), "Routed");
    assert_eq!(
        log("192.0.2.1", "10.0.0.4:80, 10.0.0.5:80", "502, 200", none, ""),
        "Proof(Answered(502)) Proof(Answered(200))"
    );
    assert_eq!(log("192.0.2.1", "10.0.0.4:80, 10.0.0.5:80", "200", none, ""), "Routed Routed");
    assert_eq!(log("192.0.2.1", "10.0.0.4:80", "502", none, "TCP"), "Routed");
    assert_eq!(log("192.0.2.1", "10.0.0.4:80", "200", none, "TCP"), "Proof(Answered(200))");
}

#[test]
fn texts_performance_logs_and_metrics() {
    let text =
        "TIMESTAMP,RoleInstance,Message\n2026-11-03T09:55:00Z,i,Cannot connect to server 10.0.0.4:443. See aka.ms/x\n";
    let seen = read(text);
    assert!(seen.first().is_some_and(|row| row.contains(" 10.0.0.4:443 Text(")), "{seen:?}");
    let log = "{\"time\":\"2026-11-03T09:55:00Z\",\"resourceId\":\"/g\",\"category\":\"ApplicationGatewayPerformanceLog\",\"properties\":{\"healthyHostCount\":\"4\",\"unHealthyHostCount\":\"0\"}}\n";
    assert!(read(log).first().is_some_and(|row| row.ends_with("Counts(Some(4), Some(0))")));
    let metrics = "{\"value\":[{\"id\":\"/g/providers/Microsoft.Insights/metrics/BackendConnectTime\",\"name\":{\"value\":\"BackendConnectTime\"},\
        \"timeseries\":[{\"data\":[{\"timeStamp\":\"2026-11-03T09:55:00+00:00\",\"average\":1.5},{\"timeStamp\":\"2026-11-03T09:56:00Z\",\"average\":null}],\
        \"metadatavalues\":[{\"name\":{\"value\":\"backendserver\"},\"value\":\"10.0.0.4:443\"},{\"name\":{\"value\":\"backendpool\"},\"value\":\"p\"}]}]}]}";
    assert_eq!(read(metrics), ["1 2026-11-03T09:55:00Z /g p  10.0.0.4:443 Proof(Connected)"]);
    let table = "TimeGenerated,ResourceId,MetricName,Average\n2026-11-03T09:55:00Z,/g,UnhealthyHostCount,2\n2026-11-03T09:55:00Z,/g,Throughput,9\n";
    assert_eq!(read(table), ["2 2026-11-03T09:55:00Z /g    Counts(None, Some(2))"]);
}

#[test]
fn bad_rows_are_counted_and_the_first_ones_named() {
    let mut text = "time,server,port,Healthy\n".to_owned();
    for row in [
        "yesterday,a,1,True",
        "2026-11-03 09:00,a,1,True",
        "1605-11-03T09:00:00Z,a,1,True",
        "2026-11-03T09:00:00Z,,1,True",
        "2026-11-03T09:00:00Z,a,x,True",
        "2026-11-03T09:00:00Z,a,1,Wobbly",
        "2026-11-03T09:00:00Z,a",
        "2026-11-03T09:00:00Z,a,1,True",
    ] {
        text.push_str(row);
        text.push('\n');
    }
    let (seen, report, findings) = read_with(text.as_bytes(), &[]);
    assert_eq!((seen.len(), report.rows, report.bad), (1, 8, 7));
    assert_eq!(findings.len(), 6);
    assert!(
        findings.first().is_some_and(|f| f == "GP140 r:2:1 a row was not used: its time cannot be read"),
        "{findings:?}"
    );
    assert!(findings.get(1).is_some_and(|f| f.contains("r:3:1") && f.contains("no zone")), "{findings:?}");
    assert!(findings.last().is_some_and(|f| f.contains("7 of 8 rows of r were not used")), "{findings:?}");
}

#[test]
fn a_table_without_needed_columns_says_how_to_map_them() {
    let text = b"when,box,what,verdict\n2026-11-03T09:00:00Z,10.0.0.4,x,True\n";
    let (seen, _, findings) = read_with(text, &[]);
    assert!(seen.is_empty());
    let said = findings.join(" ");
    assert!(
        said.contains("GP141")
            && said.contains("no column for server and state")
            && said.contains("when, box, what, verdict"),
        "{said}"
    );
    let (seen, report, findings) = read_with(text, &["server=box", "state=verdict", "time=when"]);
    assert_eq!(seen, ["2 2026-11-03T09:00:00Z    10.0.0.4 Up"]);
    assert!(findings.is_empty() && report.bad == 0);
}

#[test]
fn broken_files_are_read_to_where_they_break() {
    let row = "{\"time\":\"2026-11-03T09:00:00Z\",\"server\":\"a\",\"Healthy\":true}";
    let (seen, _, findings) = read_with(format!("[{row},\n{row},\n{{\"time\":").as_bytes(), &[]);
    assert_eq!(seen.len(), 2);
    assert!(findings.iter().any(|f| f.contains("GP145 r:3") && f.contains("middle of the JSON")), "{findings:?}");
    let (seen, report, _) = read_with(format!("{row}\n{{broken\n{row}\n").as_bytes(), &[]);
    assert_eq!((seen.len(), report.bad), (2, 1));
    let (seen, report, _) = read_with(b"server,Healthy\na,True\n\xFF,True\nb,True\n", &[]);
    assert_eq!((seen.len(), report.bad), (2, 1));
    let mut open_quote = b"server,Healthy\na,True\nb,\"".to_vec();
    open_quote.extend(std::iter::repeat_n(b'x', 17 * 1024 * 1024));
    let (seen, _, findings) = read_with(&open_quote, &[]);
    assert!(seen.len() == 1 && findings.iter().any(|f| f.contains("GP145") && f.contains("16 MiB")), "{findings:?}");
    let deep = format!("[{row},{}", "[".repeat(100_000));
    assert!(read_with(deep.as_bytes(), &[]).2.iter().any(|f| f.contains("GP145")));
}
