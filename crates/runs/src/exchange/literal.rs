//! Python literals, as far as headers of npy arrays are made of them.

/// Deepest nesting of brackets; that of a plain array's header has two.
const MAX_DEPTH: usize = 8;

/// A literal of Python.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal<'a> {
    /// Text in quotes.
    Text(String),
    /// An integer as it is written, without the `L` of Python 2.
    Integer(&'a str),
    /// `True`, `False`, `None`, or a number with a fraction.
    Word(&'a str),
    /// A tuple or a list.
    List(Vec<Literal<'a>>),
    /// A dictionary.
    Dict(Vec<(Literal<'a>, Literal<'a>)>),
}

impl<'a> Literal<'a> {
    /// The literal that all of `text` is.
    ///
    /// # Errors
    /// A description of the fault, to stand behind "it".
    pub(super) fn parse(text: &'a str) -> Result<Literal<'a>, &'static str> {
        let mut reader = Reader { rest: text, depth: 0 };
        let value = reader.value();
        match value {
            Some(value) if reader.rest.trim_start().is_empty() => Ok(value),
            _ if reader.depth > MAX_DEPTH => Err("is nested too deep"),
            _ => Err("is no Python literal"),
        }
    }
}

/// Rest of a text that is being read.
struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self) -> Option<Literal<'a>> {
        self.rest = self.rest.trim_start();
        match self.rest.chars().next()? {
            quote @ ('\'' | '"') => self.text(quote),
            '(' => {
                let (mut items, comma) = self.items(')', Self::value)?;
                // Brackets around one value do not make a tuple.
                if items.len() == 1 && !comma { items.pop() } else { Some(Literal::List(items)) }
            }
            '[' => Some(Literal::List(self.items(']', Self::value)?.0)),
            '{' => Some(Literal::Dict(self.items('}', Self::entry)?.0)),
            _ => {
                let word = self.word()?;
                let integer = word.trim_end_matches('L');
                let digits = integer.trim_start_matches(['+', '-']);
                let is_integer = !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit());
                Some(if is_integer { Literal::Integer(integer) } else { Literal::Word(word) })
            }
        }
    }

    /// Whether the next character is `c`, which is then taken.
    fn take(&mut self, c: char) -> bool {
        self.rest = self.rest.trim_start();
        let rest = self.rest.strip_prefix(c);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn text(&mut self, quote: char) -> Option<Literal<'a>> {
        let mut text = String::new();
        let mut chars = self.rest[1..].chars();
        loop {
            match chars.next()? {
                '\\' => text.push(chars.next()?),
                c if c == quote => break,
                c => text.push(c),
            }
        }
        self.rest = chars.as_str();
        Some(Literal::Text(text))
    }

    /// Items between brackets, and whether a comma stands behind the last.
    fn items<T>(
        &mut self,
        close: char,
        item: impl Fn(&mut Self) -> Option<T>,
    ) -> Option<(Vec<T>, bool)> {
        self.rest = &self.rest[1..];
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let (mut items, mut comma) = (Vec::new(), true);
        while !self.take(close) {
            if !comma {
                return None;
            }
            items.push(item(self)?);
            comma = self.take(',');
        }
        self.depth -= 1;
        Some((items, comma))
    }

    fn entry(&mut self) -> Option<(Literal<'a>, Literal<'a>)> {
        let key = self.value()?;
        if !self.take(':') {
            return None;
        }
        Some((key, self.value()?))
    }

    fn word(&mut self) -> Option<&'a str> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '+' | '-');
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_as_python_reads_them() {
        let header = "{'descr': '<f8', \"fortran_order\": False, 'shape': (3, 20L), }\n  ";
        let text = |text: &str| Literal::Text(text.into());
        let shape = Literal::List(vec![Literal::Integer("3"), Literal::Integer("20")]);
        let entries = vec![
            (text("descr"), text("<f8")),
            (text("fortran_order"), Literal::Word("False")),
            (text("shape"), shape),
        ];
        assert_eq!(Literal::parse(header), Ok(Literal::Dict(entries)));
    }

    #[test]
    fn one_value_in_brackets_is_a_tuple_with_a_comma_only() {
        assert_eq!(Literal::parse("(5)"), Ok(Literal::Integer("5")));
        assert_eq!(Literal::parse("(5,)"), Ok(Literal::List(vec![Literal::Integer("5")])));
        assert_eq!(Literal::parse("()"), Ok(Literal::List(Vec::new())));
        assert_eq!(Literal::parse("-2.5e3"), Ok(Literal::Word("-2.5e3")));
        assert_eq!(Literal::parse("-2"), Ok(Literal::Integer("-2")));
        assert_eq!(Literal::parse("[ ]"), Ok(Literal::List(Vec::new())));
        assert_eq!(Literal::parse(r"'it\'s'"), Ok(Literal::Text("it's".into())));
    }

    #[test]
    fn what_is_no_literal_is_refused() {
        for text in
            ["", "(", "(1", "(1 2)", "(,)", "{'a'}", "{'a': }", "'a", "'a\\", "1 2", "é", ")"]
        {
            assert_eq!(Literal::parse(text), Err("is no Python literal"), "{text}");
        }
        assert!(Literal::parse(&["[".repeat(8), "]".repeat(8)].concat()).is_ok());
        assert_eq!(
            Literal::parse(&["[".repeat(9), "]".repeat(9)].concat()),
            Err("is nested too deep")
        );
        assert_eq!(Literal::parse(&"(".repeat(100_000)), Err("is nested too deep"));
    }
}
