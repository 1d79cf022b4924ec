//! stub
use crate::compile::Network;
use crate::diagnostic::{Diagnostic, Span};
use crate::model::ApplicationGateway;
use crate::solve::Verdict;
/// stub
pub fn lint(_: &Network<'_>) -> Vec<Diagnostic> { Vec::new() }
/// stub
#[derive(Debug, Clone)]
pub struct Management { /// v
 pub verdict: Verdict, /// r
 pub resource: Option<String>, /// r
 pub rule: Option<String>, /// s
 pub span: Option<Span>, /// r
 pub reason: String, /// p
 pub ports: (u16,u16) }
/// stub
pub fn management(_: &Network<'_>, _: &ApplicationGateway) -> Management { Management { verdict: Verdict::Unknown, resource: None, rule: None, span: None, reason: String::new(), ports: (0,0) } }
