//! Splits text into words, numbers, texts and signs.

use std::fmt;
use std::sync::Arc;

use chumsky::error::RichReason;
use chumsky::prelude::*;

use super::lines::Line;
use super::mistake::brief;
use super::{Mistake, NAME_LENGTH_MAX, Problem, Span};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token<'s> {
    Word(&'s str),
    Text(Arc<str>),
    Int(i64),
    Float(f64),
    Sign(char),
    LineEnd,
    /// None of these. It was reported, and its consequences are not.
    Wrong,
}

impl fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Token::Word(word) => write!(f, "'{word}'"),
            Token::Text(_) => f.write_str("a text"),
            Token::Int(_) | Token::Float(_) => f.write_str("a number"),
            Token::Sign(sign) => write!(f, "'{sign}'"),
            Token::LineEnd => f.write_str("the end of the line"),
            Token::Wrong => f.write_str("something else"),
        }
    }
}

type Failure<'s> = Rich<'s, char, SimpleSpan, Mistake>;

/// All tokens of `source`, with line ends and without blanks and comments.
pub(super) fn tokens<'s>(source: &'s str, problems: &mut Vec<Problem>) -> Line<'s> {
    let (tokens, failures) = lexer().parse(source).into_output_errors();
    problems.extend(failures.into_iter().map(|failure| {
        let span = failure.span().into_range();
        let mistake = match failure.into_reason() {
            RichReason::Custom(mistake) => mistake,
            // Any text is tokens, because every other character is an unknown one.
            RichReason::ExpectedFound { .. } => Mistake::Characters(brief(&source[span.clone()])),
        };
        Problem::new(mistake, span)
    }));
    tokens.unwrap_or_default()
}

fn lexer<'s>() -> impl Parser<'s, &'s str, Line<'s>, extra::Err<Failure<'s>>> {
    let blank = one_of(" \t\r\u{feff}").ignored();
    let comment = just('#').then(none_of('\n').repeated()).ignored();
    let ignored = blank.or(comment).repeated();

    let line_end = just('\n').to(Token::LineEnd);
    let sign = one_of(SIGNS).map(Token::Sign);
    let token = choice((line_end, sign, word(), number(), quoted(), unknown()));
    let token = token.map_with(|token, place| (token, place.span()));
    ignored.ignore_then(token.then_ignore(ignored).repeated().collect())
}

const SIGNS: &str = "=(),.:<>{}";

fn of_a_word(c: &char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

fn word<'s>() -> impl Parser<'s, &'s str, Token<'s>, extra::Err<Failure<'s>>> + Clone {
    any()
        .filter(|c: &char| c.is_ascii_alphabetic() || *c == '_')
        .then(any().filter(of_a_word).repeated())
        .to_slice()
        .validate(|word: &str, place, emitter| {
            if word.len() > NAME_LENGTH_MAX {
                emitter.emit(Rich::custom(place.span(), Mistake::NameTooLong));
                return Token::Wrong;
            }
            Token::Word(word)
        })
}

/// Characters directly after a number are taken as part of it, so that it is invalid: `12ab`, `1-2`.
fn number<'s>() -> impl Parser<'s, &'s str, Token<'s>, extra::Err<Failure<'s>>> + Clone {
    let digits = any().filter(char::is_ascii_digit).repeated().at_least(1);
    let fraction = just('.').then(digits);
    let exponent = one_of("eE").then(one_of("+-").or_not()).then(digits);
    just('-')
        .or_not()
        .then(digits)
        .then(fraction.or_not())
        .then(exponent.or_not())
        .then(any().filter(of_a_word).repeated())
        .to_slice()
        .validate(|text: &str, place, emitter| {
            numeric(text).unwrap_or_else(|mistake| {
                emitter.emit(Rich::custom(place.span(), mistake));
                Token::Wrong
            })
        })
}

fn numeric(text: &str) -> Result<Token<'static>, Mistake> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let int = text.parse().map(Token::Int);
        return int.map_err(|_| Mistake::NumberTooLarge(brief(text)));
    }
    match text.parse::<f64>() {
        Ok(float) if float.is_finite() => Ok(Token::Float(float)),
        Ok(_) => Err(Mistake::NumberTooLarge(brief(text))),
        Err(_) => Err(Mistake::NotANumber(brief(text))),
    }
}

fn quoted<'s>() -> impl Parser<'s, &'s str, Token<'s>, extra::Err<Failure<'s>>> + Clone {
    let escaped = just('\\').then(none_of("\r\n").or_not()).ignored();
    let plain = none_of("\"\\\r\n").ignored();
    let inside = escaped.or(plain).repeated().to_slice();
    just('"').ignore_then(inside).then(just('"').or_not()).validate(
        |(inside, closed): (&str, _), place, emitter| {
            let span: SimpleSpan = place.span();
            if closed.is_none() {
                emitter.emit(Rich::custom(span, Mistake::UnclosedText));
                return Token::Wrong;
            }
            match unescape(inside) {
                Ok(text) => Token::Text(text.into()),
                Err((escape, at)) => {
                    let at = span.start + 1 + at.start..span.start + 1 + at.end;
                    emitter.emit(Rich::custom(at.into(), Mistake::UnknownEscape(escape)));
                    Token::Wrong
                }
            }
        },
    )
}

/// The unescaped text; or the invalid escape, and its place.
fn unescape(mut rest: &str) -> Result<String, (Arc<str>, Span)> {
    let whole = rest.len();
    let mut text = String::with_capacity(whole);
    while let Some((before, behind)) = rest.split_once('\\') {
        text.push_str(before);
        let (meant, length) = escape(behind);
        let Some(meant) = meant else {
            let at = whole - behind.len() - 1;
            let written = format!("\\{}", &behind[..length]);
            return Err((written.into(), at..at + 1 + length));
        };
        text.push(meant);
        rest = &behind[length..];
    }
    text.push_str(rest);
    Ok(text)
}

/// The meaning of the text after a backslash, and its length in bytes.
fn escape(behind: &str) -> (Option<char>, usize) {
    let Some(first) = behind.chars().next() else {
        return (None, 0);
    };
    let meant = match first {
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        '"' | '\\' => Some(first),
        'u' => return code_point(behind),
        _ => None,
    };
    (meant, first.len_utf8())
}

/// `u{1F32A}`
fn code_point(behind: &str) -> (Option<char>, usize) {
    let braced = behind.strip_prefix("u{").and_then(|rest| rest.split_once('}'));
    let Some((digits, _)) = braced.filter(|(digits, _)| digits.len() <= 6) else {
        return (None, 1);
    };
    let digit = |byte: u8| byte.is_ascii_hexdigit();
    let code = u32::from_str_radix(digits, 16)
        .ok()
        .filter(|_| digits.bytes().all(digit));
    (code.and_then(char::from_u32), "u{}".len() + digits.len())
}

/// The number of consecutive characters that start no token.
fn unknown<'s>() -> impl Parser<'s, &'s str, Token<'s>, extra::Err<Failure<'s>>> + Clone {
    let known =
        |c: &char| of_a_word(c) || c.is_ascii_whitespace() || SIGNS.contains(*c) || "\"#".contains(*c);
    any()
        .then(any().filter(move |c| !known(c)).repeated())
        .to_slice()
        .validate(|odd: &str, place, emitter| {
            emitter.emit(Rich::custom(place.span(), Mistake::Characters(brief(odd))));
            Token::Wrong
        })
}
