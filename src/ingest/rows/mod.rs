//! Recorded tables and logs with one observation a row (health.md 1.4 to 1.12), read row by row in bounded memory.
//!
//! `columns` is the table of names, `table` and `json` take rows apart, `metrics` reads answers of Azure Monitor, `row`
//! says what a row means, `time` reads times, `stream` opens files and tells formats apart by content.

pub(crate) mod columns;
mod json;
mod metrics;
mod row;
mod stream;
mod table;
mod time;

pub use columns::ColumnMap;
pub use stream::{Opened, open};

use crate::diagnostic::{Diagnostic, Sources, code};
use crate::model::Observation;
pub(crate) use row::server_and_port;
use row::{Outcome, RowReader};
use std::collections::BTreeMap;

/// Bad rows of a file that are reported one by one.
const REPORTED: usize = 5;
/// Characters of a bad row that its report repeats.
const QUOTED: usize = 200;
/// Names of columns that a finding lists.
const LISTED: usize = 40;

/// What was read of one file.
#[derive(Debug, Default)]
pub struct RowReport {
    /// Rows, without the header and empty lines.
    pub rows: u64,
    /// Rows that were used.
    pub used: u64,
    /// Rows that could not be read.
    pub bad: u64,
    /// Requests of the gateway's own process, which say nothing (health.md 1.7).
    pub loopback: u64,
    /// Rows about something else.
    pub other: u64,
    /// Bad rows without any known column.
    unknown: u64,
    /// What was found wrong.
    pub findings: Vec<Diagnostic>,
}

/// A file that is being read.
struct Reading<'r> {
    name: &'r str,
    columns: &'r ColumnMap,
    rows: RowReader,
    sources: &'r mut Sources,
    out: &'r mut dyn FnMut(&Observation<'_>),
    report: RowReport,
    /// Columns or keys that were seen.
    seen: Vec<String>,
    reasons: BTreeMap<&'static str, u64>,
}

impl Reading<'_> {
    /// Counts a row; the first bad ones are reported with their place.
    fn count(&mut self, outcome: Outcome, line: u64, text: &str) {
        self.report.rows += 1;
        let words = match outcome {
            Outcome::Used => {
                self.report.used += 1;
                return;
            }
            Outcome::Loopback => {
                self.report.loopback += 1;
                return;
            }
            Outcome::Other => {
                self.report.other += 1;
                return;
            }
            Outcome::Unknown => {
                self.report.unknown += 1;
                "it holds neither state, text nor request"
            }
            Outcome::Bad(reason) => reason.words(),
        };
        self.report.bad += 1;
        *self.reasons.entry(words).or_default() += 1;
        if self.report.findings.len() < REPORTED {
            let quoted: String = text.chars().take(QUOTED).map(|c| if c == '\n' { ' ' } else { c }).collect();
            let span = self.sources.quote(self.rows.file, line, &quoted);
            let finding = Diagnostic::new(&code::UNREADABLE_ROW, format!("a row was not used: {words}"));
            self.report.findings.push(finding.at_some(span).help(code::UNREADABLE_ROW.fix));
        }
    }

    /// The sum over all bad rows, where not every one was reported.
    fn sum_up(mut self) -> RowReport {
        let reported = self.report.findings.iter().filter(|finding| finding.code == &code::UNREADABLE_ROW).count();
        if self.report.bad > reported as u64 {
            let list: Vec<String> = self.reasons.iter().map(|(why, count)| format!("{count} because {why}")).collect();
            let text = format!(
                "{} of {} rows of {} were not used: {}",
                self.report.bad,
                self.report.rows,
                self.name,
                list.join(", ")
            );
            self.report.findings.push(Diagnostic::new(&code::UNREADABLE_ROW, text).help(code::UNREADABLE_ROW.fix));
        }
        self.report
    }
}

/// The first names of a list.
fn listed(names: &[String]) -> String {
    let mut out = names.iter().take(LISTED).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > LISTED {
        out.push_str(&format!(" and {} more", names.len() - LISTED));
    }
    if out.is_empty() { "none".to_owned() } else { out }
}
