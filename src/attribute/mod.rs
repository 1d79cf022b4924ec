//! Recorded backend health joined with simulated paths (health.md 5 and 6).
//!
//! A record is evidence, a class is a conclusion. [`classify`] turns a probe message into evidence, [`attribute`] joins
//! records with the paths that the caller simulated, and [`decide`] applies the decision table. Nothing is simulated
//! here, and nothing in a record ever makes a path more open or more closed than the simulation says: where the two
//! disagree, that is the finding.
//!
//! `change` holds changes of the configuration against the records. `catalogue` and `entries` hold the probe messages, `class` the conclusions, `table` the rows; `place` and `members`
//! find out what a record is about; `combine` and `sibling` prepare a row's input; `explain`, `conclusion` and `advice`
//! put it into words; `causes` looks across servers.

mod advice;
mod calibration;
pub mod capture;
mod catalogue;
mod causes;
pub mod change;
mod checks;
mod class;
mod combine;
mod conclusion;
mod entries;
mod explain;
mod finding;
#[cfg(test)]
mod fixtures;
mod flows;
mod history;
mod input;
mod join;
mod latent;
mod members;
mod place;
pub mod prepare;
mod sibling;
mod table;
pub mod timeline;
mod translated;

pub use catalogue::{
    BlockFit, CatalogueEntry, Cause, Evidence, Layer4, Message, classify, entries, entry_named, normalise,
};
pub use checks::{Check, CheckOutcome};
pub use class::{Class, Confidence, Grade};
pub use finding::{Attribution, Calibration, CommonCause, ManagementFinding, Recorded, ServerFinding};
pub use flows::{FlowEvidence, FlowSeen};
pub use input::{
    AttributionInput, GatewayFacts, Heals, ManagementPath, ManagementVerdict, NameState, Path, PoolFacts, ProbedServer,
    SettingFacts, TimeRelation,
};
pub use join::attribute;
pub use table::{Conclusion, Contrast, Coverage, Facts, decide};
