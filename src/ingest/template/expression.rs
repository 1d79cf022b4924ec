//! The grammar of ARM template expressions: `[function(argument, ...).member[index]]`.

/// Deepest nesting that is followed.
const DEEPEST: usize = 48;

/// An expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expression {
    /// `'text'`.
    Text(String),
    /// A number as written.
    Number(String),
    /// A call; the name in lower case, since letter case does not matter.
    Call(String, Vec<Expression>),
    /// `value.member`, `value['member']`, `value[0]`; `safe` is `.?` and `[?`: null where it is not there.
    Member {
        /// What is looked into.
        of: Box<Expression>,
        /// The key or index.
        key: Box<Expression>,
        /// Null instead of an error.
        safe: bool,
    },
}

/// What a string of a template is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Written<'t> {
    /// A literal, with `[[` read as `[`.
    Literal(&'t str),
    /// An expression.
    Expression(Expression),
    /// In brackets and no expression that is known here.
    Broken,
}

/// Tells literals from expressions.
pub(super) fn read(text: &str) -> Written<'_> {
    let Some(inner) = text.strip_prefix('[') else { return Written::Literal(text) };
    if inner.starts_with('[') {
        return Written::Literal(inner);
    }
    let Some(inner) = inner.strip_suffix(']') else { return Written::Literal(text) };
    let mut parser = Parser { rest: inner };
    match parser.expression(0) {
        Some(expression) if parser.rest.trim().is_empty() => Written::Expression(expression),
        _ => Written::Broken,
    }
}

struct Parser<'t> {
    rest: &'t str,
}

impl<'t> Parser<'t> {
    fn take(&mut self, token: char) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn word(&mut self, part: impl Fn(char) -> bool) -> Option<&'t str> {
        self.rest = self.rest.trim_start();
        let end = self.rest.find(|c| !part(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }

    fn expression(&mut self, depth: usize) -> Option<Expression> {
        if depth > DEEPEST {
            return None;
        }
        let mut value = self.primary(depth)?;
        for _ in 0..DEEPEST {
            let of = Box::new(value);
            if self.take('.') {
                let safe = self.take('?');
                let name = self.word(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '$'))?;
                value = Expression::Member { of, key: Box::new(Expression::Text(name.to_owned())), safe };
            } else if self.take('[') {
                let safe = self.take('?');
                let key = Box::new(self.expression(depth + 1)?);
                value = self.take(']').then_some(Expression::Member { of, key, safe })?;
            } else {
                return Some(*of);
            }
        }
        None
    }

    fn primary(&mut self, depth: usize) -> Option<Expression> {
        if self.take('\'') {
            return self.text();
        }
        if self.rest.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
            let number = self.word(|c| c == '-' || c.is_ascii_digit())?;
            return number.parse::<i64>().ok().map(|_| Expression::Number(number.to_owned()));
        }
        let name = self.word(|c| c.is_alphanumeric() || matches!(c, '_' | '.'))?.to_ascii_lowercase();
        if !self.take('(') {
            return None;
        }
        let mut arguments = Vec::new();
        if self.take(')') {
            return Some(Expression::Call(name, arguments));
        }
        loop {
            arguments.push(self.expression(depth + 1)?);
            if self.take(')') {
                return Some(Expression::Call(name, arguments));
            }
            if !self.take(',') {
                return None;
            }
        }
    }

    /// The rest of a string literal: `''` is a quote in it.
    fn text(&mut self) -> Option<Expression> {
        let mut out = String::new();
        loop {
            let (part, rest) = self.rest.split_once('\'')?;
            out.push_str(part);
            self.rest = rest;
            match rest.strip_prefix('\'') {
                Some(rest) => {
                    out.push('\'');
                    self.rest = rest;
                }
                None => return Some(Expression::Text(out)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(name: &str, arguments: Vec<Expression>) -> Expression {
        Expression::Call(name.to_owned(), arguments)
    }

    fn text(text: &str) -> Expression {
        Expression::Text(text.to_owned())
    }

    #[test]
    fn literals() {
        assert_eq!(read("plain"), Written::Literal("plain"));
        assert_eq!(read("[[parameters('a')]"), Written::Literal("[parameters('a')]"));
        assert_eq!(read("[not closed"), Written::Literal("[not closed"));
        assert_eq!(read(""), Written::Literal(""));
    }

    #[test]
    fn calls_members_and_quotes() {
        let of = |expression| Written::Expression(expression);
        assert_eq!(read("[Parameters('a')]"), of(call("parameters", vec![text("a")])));
        assert_eq!(
            read("[ concat( 'it''s' , -1 ) ]"),
            of(call("concat", vec![text("it's"), Expression::Number("-1".into())]))
        );
        let member = |inner, key, safe| Expression::Member { of: Box::new(inner), key: Box::new(key), safe };
        let rules = member(call("variables", vec![text("v")]), text("rules"), false);
        assert_eq!(
            read("[variables('v').rules[0]['x'].?y]"),
            of(member(member(member(rules, Expression::Number("0".into()), false), text("x"), false), text("y"), true))
        );
    }

    #[test]
    fn what_is_no_expression() {
        for bad in
            ["[]", "[parameters]", "[parameters('a']", "[concat('a' 'b')]", "[f(,)]", "[f('a')) ]", "['a]", "[f('a').]"]
        {
            assert_eq!(read(bad), Written::Broken, "{bad}");
        }
        let deep = format!("[{}'x'{}]", "f(".repeat(5000), ")".repeat(5000));
        assert_eq!(read(&deep), Written::Broken);
    }
}
