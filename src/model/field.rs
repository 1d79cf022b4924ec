//! Values with provenance.

use crate::diagnostic::Span;

/// A value and the place in a file that it was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

impl<T> Located<T> {
    /// A value read from a place.
    pub fn new(value: T, span: Span) -> Self {
        Located { value, span }
    }
}

/// A field whose value can be missing or unreadable; neither is ever taken for a default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Setting<T> {
    /// Absent, null or empty.
    #[default]
    Missing,
    /// Present, but no value of the expected form: the text as written.
    Invalid(Located<String>),
    /// Present and understood.
    Set(Located<T>),
}

impl<T> Setting<T> {
    /// The value, where it was understood.
    pub fn value(&self) -> Option<&T> {
        match self {
            Setting::Set(located) => Some(&located.value),
            Setting::Missing | Setting::Invalid(_) => None,
        }
    }

    /// Where the value stands, also an unreadable one.
    pub fn span(&self) -> Option<Span> {
        match self {
            Setting::Missing => None,
            Setting::Invalid(located) => Some(located.span),
            Setting::Set(located) => Some(located.span),
        }
    }
}
