//! The health report as a table, one row a server.

use super::HealthReport;
use crate::report::text::csv_cell;
use std::io::{self, Write};

/// One row a server.
pub fn csv(report: &HealthReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut csv = ::csv::Writer::from_writer(out);
    csv.write_record([
        "gateway",
        "pool",
        "setting",
        "server",
        "port",
        "data_port",
        "recorded",
        "verdict",
        "data_verdict",
        "class",
        "also",
        "confidence",
        "grade",
        "stage",
        "resource",
        "rule",
        "evidence",
        "message",
        "explanation",
    ])?;
    for found in &report.attribution.servers {
        let also: Vec<&str> = found.also.iter().map(|class| class.name()).collect();
        let number = |port: Option<u16>| port.map(|port| port.to_string()).unwrap_or_default();
        csv.write_record([
            &*csv_cell(&found.gateway),
            &csv_cell(&found.pool),
            &csv_cell(&found.setting),
            &csv_cell(found.server.as_deref().unwrap_or_default()),
            &number(found.port),
            &number(found.data_port),
            found.recorded.word(),
            found.verdict().word(),
            found.data_verdict().word(),
            found.class.name(),
            &also.join(" "),
            found.confidence.word(),
            found.grade.map_or("", |grade| grade.word()),
            found.stage().map_or("", |stage| stage.name()),
            &csv_cell(found.resource().unwrap_or_default()),
            &csv_cell(found.rule().unwrap_or_default()),
            found.evidence.word(),
            found.message.unwrap_or_default(),
            &csv_cell(&found.explanation),
        ])?;
    }
    csv.flush()
}
