//! Findings about the user's files: source text, places in it, the table of codes, and the [`Diagnostic`] itself.

mod codes;
mod pointer;
mod relaxed;
mod source;

pub use codes::table as code;
pub use codes::{CODES, Code, code_named};
pub use pointer::offset_in;
pub use relaxed::plain_json;
pub use source::{Location, Source, Sources, Span};

use serde::Serialize;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Azure would refuse it, or a file could not be used.
    Error,
    /// Works, but not as it looks.
    Warning,
    /// Worth knowing.
    Note,
}

impl Severity {
    /// The word that is printed.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}

/// Something about the user's files. Diagnostics are data: they are collected and do not stop the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Entry of the code table.
    pub code: &'static Code,
    /// Azure's own error code (the code's own unless this case has none).
    pub azure_error: Option<&'static str>,
    /// Severity of this finding (the code's own unless raised or lowered).
    pub severity: Severity,
    /// Id of the resource it is about.
    pub resource: Option<String>,
    /// Rule or route it is about.
    pub rule: Option<String>,
    /// What is wrong and what was done about it, in one sentence or two.
    pub message: String,
    /// What to do next.
    pub help: Option<String>,
    /// Where it is.
    pub span: Option<Span>,
    /// Other places that belong to it, with a short label each.
    pub labels: Vec<(Span, String)>,
}

impl Diagnostic {
    /// A finding with the code's own severity.
    pub fn new(code: &'static Code, message: impl Into<String>) -> Self {
        Diagnostic {
            code,
            azure_error: code.azure_error,
            severity: code.severity,
            resource: None,
            rule: None,
            message: message.into(),
            help: None,
            span: None,
            labels: Vec::new(),
        }
    }

    /// Names the resource by id.
    #[must_use]
    pub fn resource(mut self, id: impl Into<String>) -> Self {
        self.resource = Some(id.into());
        self
    }

    /// Says that Azure's error code of this case is not the one of the code table.
    #[must_use]
    pub fn without_azure_error(mut self) -> Self {
        self.azure_error = None;
        self
    }

    /// Names the rule or route.
    #[must_use]
    pub fn rule(mut self, name: impl Into<String>) -> Self {
        self.rule = Some(name.into());
        self
    }

    /// Says what to do next.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// Points at the place.
    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.span = Some(span);
        self
    }

    /// Points at the place, where one is known.
    #[must_use]
    pub fn at_some(mut self, span: Option<Span>) -> Self {
        self.span = span.or(self.span);
        self
    }

    /// Adds a second place.
    #[must_use]
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push((span, text.into()));
        self
    }

    /// Sorting key: severity, place, code, then text. Independent of the order in which findings were made.
    fn key(&self) -> (Severity, Option<Span>, &'static str, &str, Option<&str>, Option<&str>) {
        (self.severity, self.span, self.code.code, &self.message, self.resource.as_deref(), self.rule.as_deref())
    }
}

/// Sorts findings by severity, place and code, and drops repetitions.
pub fn sort(findings: &mut Vec<Diagnostic>) {
    findings.sort_by(|a, b| a.key().cmp(&b.key()));
    findings.dedup();
}
