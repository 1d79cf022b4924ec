//! `az monitor metrics list -o json` (health.md 1.11, 1.12). Keys come in any order, so the answer is read whole; it is
//! small, one value a minute.

use super::Reading;
use super::columns::{Column, KINDS};
use super::row::Cells;
use serde::Deserialize;
use std::io::{BufRead, Read};

/// Largest answer that is read.
const LIMIT: u64 = 256 * 1024 * 1024;

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    value: Vec<Metric>,
}

#[derive(Deserialize)]
struct Metric {
    #[serde(default)]
    id: String,
    name: Named,
    #[serde(default)]
    timeseries: Vec<Series>,
}

#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
struct Series {
    #[serde(default)]
    metadatavalues: Vec<Dimension>,
    #[serde(default)]
    data: Vec<Point>,
}

#[derive(Deserialize)]
struct Dimension {
    name: Named,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
struct Point {
    #[serde(alias = "timestamp", default)]
    #[serde(rename = "timeStamp")]
    time: String,
    average: Option<f64>,
    maximum: Option<f64>,
    total: Option<f64>,
}

/// Reads an answer about metrics.
pub(super) fn read(from: &mut impl BufRead, reading: &mut Reading<'_>) {
    let mut text = Vec::new();
    if let Err(error) = from.take(LIMIT).read_to_end(&mut text) {
        return reading.broken(1, &error.to_string());
    }
    match serde_json::from_slice::<Answer>(&text) {
        Ok(answer) => answer.value.iter().for_each(|one| metric(one, reading)),
        Err(error) => reading.broken(error.line() as u64, "it is no answer about metrics"),
    }
}

fn metric(metric: &Metric, reading: &mut Reading<'_>) {
    // `{gateway}/providers/Microsoft.Insights/metrics/{name}`
    let lower = metric.id.to_ascii_lowercase();
    let end = lower.find("/providers/microsoft.insights/").unwrap_or(metric.id.len());
    let gateway = metric.id.get(..end).unwrap_or_default();
    for series in &metric.timeseries {
        for point in &series.data {
            let Some(value) = point.average.or(point.maximum).or(point.total) else { continue };
            let value = value.to_string();
            let mut cells = Cells { text: [""; KINDS], utc: true };
            let mut set = |column: Column, text| {
                if let Some(slot) = cells.text.get_mut(column.index()) {
                    *slot = text;
                }
            };
            set(Column::Metric, metric.name.value.as_str());
            set(Column::Gateway, gateway);
            set(Column::Time, point.time.as_str());
            set(Column::Value, value.as_str());
            for dimension in &series.metadatavalues {
                let column = match dimension.name.value.to_ascii_lowercase().as_str() {
                    "backendserver" => Column::Server,
                    "backendpool" => Column::Pool,
                    "backendhttpsetting" => Column::Setting,
                    "backendsettingspool" => Column::Pair,
                    _ => continue,
                };
                set(column, dimension.value.as_str());
            }
            let outcome = reading.rows.read(&cells, 1, reading.out);
            reading.count(outcome, 1, "");
        }
    }
}
