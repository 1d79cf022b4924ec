//! The catalogue of probe messages: which text says what (health.md 3).
//!
//! Documentation rewords messages over time and live texts differ from it, so short fragments of the normalised text are
//! matched, and the trailing `aka.ms` link where no fragment fits. Nothing here looks at the simulated path.

use super::entries::ENTRIES;
use crate::model::ProofKind;
use regex::Regex;
use serde::{Serialize, Serializer};
use std::fmt;
use std::sync::LazyLock;

/// Kind of evidence that a probe message is (health.md 3.2; words of the attribution cases).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Evidence {
    /// The expected answer came.
    Success,
    /// HTTP answered with another status.
    HttpStatus,
    /// HTTP answered with another body.
    HttpBody,
    /// TLS failed after TCP had connected.
    Tls,
    /// The backend refused the proxy protocol header.
    ProxyProtocol,
    /// No TCP connection.
    ConnectFail,
    /// No answer within the probe's timeout.
    Timeout,
    /// The name was not resolved: nothing was sent.
    Dns,
    /// Health could not be retrieved.
    Mgmt,
    /// No text, or one that says nothing about the server.
    None,
    /// The reader lacked the permission to see health.
    NoPermission,
    /// A text of no known kind.
    Unclassified,
    /// A request in an access log, or a connect time in the metrics, that reached the server (health.md 3.2).
    AccessLog,
}

impl Evidence {
    /// The word used in every output.
    pub fn word(self) -> &'static str {
        match self {
            Evidence::Success => "success",
            Evidence::HttpStatus => "http-status",
            Evidence::HttpBody => "http-body",
            Evidence::Tls => "tls",
            Evidence::ProxyProtocol => "proxy-protocol",
            Evidence::ConnectFail => "connect-fail",
            Evidence::Timeout => "timeout",
            Evidence::Dns => "dns",
            Evidence::Mgmt => "mgmt",
            Evidence::None => "none",
            Evidence::NoPermission => "no-permission",
            Evidence::Unclassified => "unclassified",
            Evidence::AccessLog => "access-log-status",
        }
    }

    /// Does it prove that TCP reached the probed address and port (health.md 3.2)?
    pub fn proves_layer4(self) -> bool {
        matches!(
            self,
            Evidence::Success
                | Evidence::HttpStatus
                | Evidence::HttpBody
                | Evidence::Tls
                | Evidence::ProxyProtocol
                | Evidence::AccessLog
        )
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Serialize for Evidence {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

/// Cause that a message points to by itself (health.md 3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Nothing is wrong.
    Healthy,
    /// Block, closed port or stopped host.
    NetworkBlockOrDown,
    /// Slow application or silent drop.
    TimeoutAmbiguous,
    /// Name resolution.
    Dns,
    /// Issuer not trusted.
    TlsTrust,
    /// Certificate for another name.
    TlsName,
    /// Certificate outside its dates.
    TlsExpiry,
    /// Chain incomplete or in the wrong order.
    TlsChain,
    /// Another TLS failure.
    TlsOther,
    /// HTTP status.
    ProbeStatus,
    /// HTTP body.
    ProbeBody,
    /// Proxy protocol header.
    ProxyProtocol,
    /// Management path or unresolved name.
    ManagementPathOrDns,
    /// Missing permission of the reader.
    NoPermission,
    /// None that can be told.
    Unclassified,
}

/// What a message proves about TCP to the probed address and port, from the instance that reported (health.md 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layer4 {
    /// A connection came about.
    Proven,
    /// None came about.
    Failed,
    /// Sent, and nothing came back; where it was lost is open.
    Unproven,
    /// Nothing was sent.
    Untested,
    /// Says nothing about it.
    Nothing,
}

impl Layer4 {
    /// In words, for `gatepath explain`.
    pub fn word(self) -> &'static str {
        match self {
            Layer4::Proven => "proven open",
            Layer4::Failed => "failed",
            Layer4::Unproven => "unproven",
            Layer4::Untested => "untested",
            Layer4::Nothing => "nothing",
        }
    }
}

/// Is a message consistent with a blocked network path (health.md 3)?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BlockFit {
    /// It fits, and fits a stopped backend as well.
    Yes,
    /// It excludes a block.
    No,
    /// It neither fits nor excludes.
    Ambiguous,
    /// It fits a block of the management path only.
    ManagementOnly,
}

impl BlockFit {
    /// In words, for `gatepath explain`.
    pub fn word(self) -> &'static str {
        match self {
            BlockFit::Yes => "yes (and with a backend that is down)",
            BlockFit::No => "no",
            BlockFit::Ambiguous => "ambiguous",
            BlockFit::ManagementOnly => "only of the management path",
        }
    }
}

/// One entry of the catalogue (health.md 3).
#[derive(Debug, PartialEq, Eq)]
pub struct CatalogueEntry {
    /// Code, `M04a`.
    pub code: &'static str,
    /// Short name.
    pub name: &'static str,
    /// Fragment that is searched in the normalised text; empty for M26 and M27.
    pub pattern: &'static str,
    /// Last part of the `aka.ms` link, in lower case.
    pub slug: Option<&'static str>,
    /// Evidence.
    pub evidence: Evidence,
    /// Cause that it points to.
    pub cause: Cause,
    /// What it proves about TCP.
    pub layer4: Layer4,
    /// Consistent with a blocked path?
    pub block: BlockFit,
    /// What it proves, in one sentence.
    pub proves: &'static str,
    /// What to know about it, for `gatepath explain M04a`.
    pub manual: &'static str,
    /// What to look at next.
    pub look_at: &'static str,
}

/// A probe message, classified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Catalogue entry; `None` where the record holds no text at all.
    pub entry: Option<&'static CatalogueEntry>,
    /// Status that the backend answered (M01, M05).
    pub http_status: Option<u16>,
    /// What the probe expected, as written (M05).
    pub expected: Option<String>,
}

impl Message {
    /// No text in the record.
    pub const ABSENT: Message = Message { entry: None, http_status: None, expected: None };

    /// A proof of TCP that no probe gave. It is no message, so it has no code.
    pub fn of_proof(kind: ProofKind) -> Message {
        let http_status = match kind {
            ProofKind::Answered(status) => Some(status),
            ProofKind::TimedOut | ProofKind::Closed | ProofKind::Connected => None,
        };
        Message { entry: Some(&REQUEST), http_status, expected: None }
    }

    /// The evidence that it is; none without a text.
    pub fn evidence(&self) -> Evidence {
        self.entry.map_or(Evidence::None, |entry| entry.evidence)
    }

    /// Code of the catalogue entry.
    pub fn code(&self) -> Option<&'static str> {
        self.entry.map(|entry| entry.code).filter(|code| !code.is_empty())
    }
}

/// What a request or a connect time is as evidence.
static REQUEST: CatalogueEntry = CatalogueEntry {
    code: "",
    name: "request that reached the server",
    pattern: "",
    slug: None,
    evidence: Evidence::AccessLog,
    cause: Cause::ProbeStatus,
    layer4: Layer4::Proven,
    block: BlockFit::No,
    proves: "a request reached the server, so TCP works in both directions",
    manual: "Requests of clients use the same path as probes do.",
    look_at: "The probe's own settings: path, host, expected status",
};

/// Every entry, in the order in which they are tried.
pub fn entries() -> &'static [CatalogueEntry] {
    ENTRIES
}

/// Looks an entry up by code, in any letter case.
pub fn entry_named(code: &str) -> Option<&'static CatalogueEntry> {
    ENTRIES.iter().find(|entry| entry.code.eq_ignore_ascii_case(code.trim()))
}

/// Classifies a probe message. `None` is a record without the field; an empty text is M26 (health.md 3).
pub fn classify(message: Option<&str>) -> Message {
    let Some(text) = message else { return Message::ABSENT };
    let text = normalise(text);
    let entry = by_fragment(&text).or_else(|| by_slug(&text)).or_else(|| entry_named("M27"));
    let entry = if text.is_empty() { entry_named("M26") } else { entry };
    let answered = entry.is_some_and(|entry| matches!(entry.evidence, Evidence::Success | Evidence::HttpStatus));
    let expects = entry.is_some_and(|entry| entry.evidence == Evidence::HttpStatus);
    Message {
        entry,
        http_status: captured(RECEIVED.as_ref(), &text).filter(|_| answered).and_then(|code| code.parse().ok()),
        expected: captured(EXPECTED.as_ref(), &text).filter(|_| expects).map(|range| range.trim().to_owned()),
    }
}

/// Lower case, single spaces, straight quotes, long forms, no markdown (health.md 3). Every `n't` is written out, so
/// that a reworded text still fits.
pub fn normalise(text: &str) -> String {
    let mut lower = String::with_capacity(text.len());
    for character in text.chars().flat_map(char::to_lowercase) {
        lower.push(match character {
            '\u{2018}' | '\u{2019}' | '\u{201b}' | '\u{2032}' | '\u{02bc}' => '\'',
            '\u{201c}' | '\u{201d}' | '\u{201f}' | '\u{2033}' => '"',
            '\u{2010}' | '\u{2011}' => '-',
            '\u{feff}' | '\u{200b}' => ' ',
            other => other,
        });
    }
    let plain = lower.replace("**", "").split_whitespace().collect::<Vec<_>>().join(" ");
    plain.replace("can't", "cannot").replace("won't", "will not").replace("n't", " not").replace("time-out", "timeout")
}

static PATTERNS: LazyLock<Vec<(&'static CatalogueEntry, Option<Regex>)>> =
    LazyLock::new(|| ENTRIES.iter().map(|entry| (entry, compile(entry.pattern))).collect());
/// The code that was received, in every wording seen.
static RECEIVED: LazyLock<Option<Regex>> =
    LazyLock::new(|| compile(r"received(?: invalid status code)?:?\s*\{?(\d{3})\b"));
/// What the probe setting expects.
static EXPECTED: LazyLock<Option<Regex>> = LazyLock::new(|| compile(r"expected:?\s*\{?([0-9][0-9,\- ]*)"));

/// A pattern that does not compile matches nothing; a test proves that all do.
fn compile(pattern: &str) -> Option<Regex> {
    if pattern.is_empty() { None } else { Regex::new(pattern).ok() }
}

fn by_fragment(text: &str) -> Option<&'static CatalogueEntry> {
    let mut tried = PATTERNS.iter();
    tried.find(|(_, pattern)| pattern.as_ref().is_some_and(|regex| regex.is_match(text))).map(|(entry, _)| *entry)
}

fn by_slug(text: &str) -> Option<&'static CatalogueEntry> {
    let (_, link) = text.split_once("aka.ms/")?;
    ENTRIES.iter().find(|entry| entry.slug.is_some_and(|slug| link.starts_with(slug)))
}

fn captured<'t>(pattern: Option<&Regex>, text: &'t str) -> Option<&'t str> {
    Some(pattern?.captures(text)?.get(1)?.as_str())
}

#[cfg(test)]
#[path = "catalogue_tests.rs"]
mod tests;
