//! The text of a type: `Map<String, List<{ name: String, age: Int }>>`.

use squall_core::file::nearest;
use squall_value::CType;

/// The maximum nesting depth: types are processed recursively.
const DEPTH_MAX: usize = 32;

const WORDS: [&str; 7] = ["String", "Int", "Float", "Boolean", "List", "Map", "Optional"];

/// The error is a fragment that reads well at the text.
pub(super) fn parse(text: &str) -> Result<CType, String> {
    let mut parser = Parser { rest: text };
    let ctype = parser.ctype(0)?;
    parser.skip_blanks();
    match parser.rest {
        "" => Ok(ctype),
        rest => Err(format!("`{rest}` is too much")),
    }
}

struct Parser<'t> {
    rest: &'t str,
}

impl Parser<'_> {
    fn ctype(&mut self, depth: usize) -> Result<CType, String> {
        if depth > DEPTH_MAX {
            return Err(format!("it is deeper than {DEPTH_MAX} types"));
        }
        if self.takes('{') {
            return self.record(depth);
        }
        match self.word()? {
            "String" => Ok(CType::String),
            "Int" => Ok(CType::Int),
            "Float" => Ok(CType::Float),
            "Boolean" => Ok(CType::Boolean),
            "List" => self.arguments(depth).map(|[element]| CType::list(element)),
            "Map" => self
                .arguments(depth)
                .map(|[keys, values]| CType::map(keys, values)),
            "Optional" => self.arguments(depth).map(|[inner]| CType::optional(inner)),
            other => Err(match nearest(other, WORDS.into_iter()) {
                Some(meant) => format!("there is no type `{other}`: did you mean `{meant}`?"),
                None => format!("there is no type `{other}`"),
            }),
        }
    }

    /// `<A, B>`, with `N` arguments.
    fn arguments<const N: usize>(&mut self, depth: usize) -> Result<[CType; N], String> {
        self.expects('<')?;
        let mut arguments = Vec::with_capacity(N);
        for place in 0..N {
            if place > 0 {
                self.expects(',')?;
            }
            arguments.push(self.ctype(depth + 1)?);
        }
        self.expects('>')?;
        Ok(arguments.try_into().expect("as many as were asked for"))
    }

    /// The rest after the brace.
    fn record(&mut self, depth: usize) -> Result<CType, String> {
        let mut fields: Vec<(String, CType)> = Vec::new();
        while !self.takes('}') {
            if !fields.is_empty() {
                self.expects(',')?;
            }
            let name = self.word()?.to_owned();
            self.expects(':')?;
            let ctype = self.ctype(depth + 1)?;
            if fields.iter().any(|(other, _)| *other == name) {
                return Err(format!("the field `{name}` is there twice"));
            }
            fields.push((name, ctype));
        }
        Ok(CType::product(fields))
    }

    fn word(&mut self) -> Result<&str, String> {
        self.skip_blanks();
        let in_word = |c: char| c.is_alphanumeric() || c == '_';
        let end = self.rest.find(|c| !in_word(c)).unwrap_or(self.rest.len());
        if end == 0 {
            return Err(self.expected("a name"));
        }
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        Ok(word)
    }

    fn takes(&mut self, sign: char) -> bool {
        self.skip_blanks();
        let rest = self.rest.strip_prefix(sign);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expects(&mut self, sign: char) -> Result<(), String> {
        match self.takes(sign) {
            true => Ok(()),
            false => Err(self.expected(&format!("`{sign}`"))),
        }
    }

    fn expected(&self, what: &str) -> String {
        match self.rest.chars().next() {
            Some(found) => format!("expected {what}, found `{found}`"),
            None => format!("expected {what} at its end"),
        }
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }
}

#[cfg(test)]
mod tests {
    use super::super::written;
    use super::*;

    #[test]
    fn what_is_written_parses_back() {
        for text in [
            "String",
            "List<Int>",
            "Map<String, Optional<Float>>",
            "List<{ age: Int, name: String }>",
        ] {
            assert_eq!(parse(text).map(|ctype| written(&ctype)), Ok(text.to_owned()));
        }
        assert_eq!(
            parse("  Map < Int ,Boolean > "),
            Ok(CType::map(CType::Int, CType::Boolean))
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        let wrong = [
            ("", "expected a name at its end"),
            ("Strng", "there is no type `Strng`: did you mean `String`?"),
            ("List", "expected `<` at its end"),
            ("List<Int, Int>", "expected `>`, found `,`"),
            ("Map<Int>", "expected `,`, found `>`"),
            ("Int Int", "`Int` is too much"),
            ("{ a: Int, a: Int }", "the field `a` is there twice"),
        ];
        for (text, why) in wrong {
            assert_eq!(parse(text), Err(why.to_owned()), "{text}");
        }
        assert!(parse(&"List<".repeat(100_000)).is_err());
    }
}
