//! Parses the tokens of a line into a statement.

use std::sync::Arc;

use chumsky::error::{RichPattern, RichReason};
use chumsky::input::MappedInput;
use chumsky::prelude::*;
use squall_value::{CType, CValue, Fields};

use super::Problem;
use super::lexer::Token;
use super::lines::Line;
use super::mistake::Mistake;
use super::syntax::{Argument, At, Base, Expression, Name, Statement};
use crate::names::nearest;

type Failure<'t, 's> = Rich<'t, Token<'s>, SimpleSpan, Mistake>;
type Extra<'t, 's> = extra::Err<Failure<'t, 's>>;

/// Reserved words, which variables cannot have as names. Modules, namespaces and fields can.
const KEYWORDS: [&str; 4] = ["in", "out", "true", "false"];

const TYPES: [(&str, usize); 7] = [
    ("String", 0),
    ("Int", 0),
    ("Float", 0),
    ("Boolean", 0),
    ("List", 1),
    ("Map", 2),
    ("Optional", 1),
];

/// The statements of the valid lines. Each invalid line is one or several problems.
pub(super) fn statements(lines: &[Line<'_>], problems: &mut Vec<Problem>) -> Vec<Statement> {
    let grammar = statement();
    let mut statements = Vec::with_capacity(lines.len());
    for line in lines {
        let end = line.last().map_or(0, |(_, span)| span.end);
        let input = line.as_slice().split_token_span(SimpleSpan::from(end..end));
        let (statement, failures) = grammar.parse(input).into_output_errors();
        problems.extend(failures.into_iter().map(problem));
        statements.extend(statement);
    }
    statements
}

fn problem(failure: Failure<'_, '_>) -> Problem {
    let span = failure.span().into_range();
    let mistake = match failure.into_reason() {
        RichReason::Custom(mistake) => mistake,
        RichReason::ExpectedFound { expected, found } => {
            let mut expected: Vec<String> = expected.iter().map(written).collect();
            expected.sort();
            expected.dedup();
            Mistake::Unexpected {
                expected,
                found: found.map(|token| token.to_string()),
            }
        }
    };
    Problem::new(mistake, span)
}

fn written(pattern: &RichPattern<'_, Token<'_>>) -> String {
    match pattern {
        RichPattern::Token(token) => token.to_string(),
        RichPattern::Label(label) => label.to_string(),
        RichPattern::Identifier(word) => format!("'{word}'"),
        RichPattern::EndOfInput => Token::LineEnd.to_string(),
        _ => "something else".to_owned(),
    }
}

fn statement<'t, 's: 't>() -> impl Parser<'t, Tokens<'t, 's>, Statement, Extra<'t, 's>> {
    let input = just(Token::Word("in"))
        .ignore_then(variable())
        .then_ignore(sign(':'))
        .then(ctype())
        .map(|(name, ctype)| Statement::Input { name, ctype });
    let output = just(Token::Word("out"))
        .ignore_then(variable().then_ignore(sign('=')).or_not())
        .then(expression())
        .map(|(name, value)| Statement::Output { name, value });
    let binding = variable()
        .then_ignore(sign('='))
        .then(expression())
        .map(|(name, value)| Statement::Let { name, value });
    choice((input, output, binding)).then_ignore(end())
}

type Tokens<'t, 's> = MappedInput<'t, Token<'s>, SimpleSpan, &'t [(Token<'s>, SimpleSpan)]>;

fn expression<'t, 's: 't>() -> impl Parser<'t, Tokens<'t, 's>, Expression, Extra<'t, 's>> + Clone {
    recursive(|expression| {
        let name = word().then_ignore(sign(':')).or_not();
        let argument = name
            .then(expression)
            .map(|(name, value)| Argument { name, value });
        let arguments = argument
            .separated_by(sign(','))
            .allow_trailing()
            .collect::<Vec<_>>()
            .delimited_by(sign('('), sign(')'));
        let fields = sign('.').ignore_then(word()).repeated().collect::<Vec<_>>();
        let path = word().then(fields.clone());
        let call = arguments.then(fields).or_not();
        let reference = path.then(call).map(|((first, rest), call)| match call {
            Some((arguments, fields)) => {
                let module = qualified(&first, &rest);
                (Base::Call { module, arguments }, fields)
            }
            None => (Base::Variable(first), rest),
        });
        let literal = literal().map(|value| (Base::Literal(value), Vec::new()));
        literal
            .or(reference)
            .map_with(|(base, fields), place| Expression {
                base,
                fields,
                place: at((), place.span()),
            })
    })
    .labelled("a value")
}

fn literal<'t, 's: 't>() -> impl Parser<'t, Tokens<'t, 's>, CValue, Extra<'t, 's>> + Clone {
    select! {
        Token::Text(text) => CValue::String(text),
        Token::Int(int) => CValue::Int(int),
        Token::Float(float) => CValue::Float(float),
        Token::Word("true") => CValue::Boolean(true),
        Token::Word("false") => CValue::Boolean(false),
    }
}

/// `String`, `Map<String, List<Int>>`, `{ name: String, age: Int }`
fn ctype<'t, 's: 't>() -> impl Parser<'t, Tokens<'t, 's>, CType, Extra<'t, 's>> + Clone {
    recursive(|ctype| {
        let field = word().then_ignore(sign(':')).then(ctype.clone());
        let record = field
            .separated_by(sign(','))
            .allow_trailing()
            .collect::<Vec<_>>()
            .delimited_by(sign('{'), sign('}'))
            .validate(|fields, _, emitter| {
                let mut record = Fields::new();
                for (name, ctype) in fields {
                    let At { value: name, span } = name;
                    if record.insert(name.clone(), ctype).is_some() {
                        emitter.emit(Rich::custom(span.into(), Mistake::FieldTwice { name }));
                    }
                }
                CType::Product(Arc::new(record))
            });
        let arguments = ctype
            .separated_by(sign(','))
            .collect::<Vec<_>>()
            .delimited_by(sign('<'), sign('>'));
        let named = word()
            .then(arguments.or_not())
            .validate(|(name, arguments), _, emitter| {
                let span = name.span.clone();
                named_type(&name.value, arguments.unwrap_or_default()).unwrap_or_else(|mistake| {
                    emitter.emit(Rich::custom(span.into(), mistake));
                    CType::String
                })
            });
        record.or(named)
    })
    .labelled("a type")
}

fn named_type(name: &Arc<str>, arguments: Vec<CType>) -> Result<CType, Mistake> {
    let given = arguments.len();
    let mut arguments = arguments.into_iter().map(Arc::new);
    match (&**name, arguments.next(), arguments.next()) {
        ("String", None, _) => Ok(CType::String),
        ("Int", None, _) => Ok(CType::Int),
        ("Float", None, _) => Ok(CType::Float),
        ("Boolean", None, _) => Ok(CType::Boolean),
        ("List", Some(element), None) => Ok(CType::List(element)),
        ("Optional", Some(inner), None) => Ok(CType::Optional(inner)),
        ("Map", Some(keys), Some(values)) if given == 2 => Ok(CType::Map(keys, values)),
        _ => Err(wrong_type(name.clone(), given)),
    }
}

fn wrong_type(name: Arc<str>, given: usize) -> Mistake {
    match TYPES.iter().find(|(known, _)| *known == &*name) {
        Some(&(_, wanted)) => Mistake::TypeArguments { name, wanted, given },
        None => {
            let nearest = nearest(&name, TYPES.iter().map(|(known, _)| *known)).map(Arc::from);
            Mistake::UnknownType { name, nearest }
        }
    }
}

/// A word that is the name of a variable.
fn variable<'t, 's: 't>() -> impl Parser<'t, Tokens<'t, 's>, Name, Extra<'t, 's>> + Clone {
    select! { Token::Word(word) = place if !KEYWORDS.contains(&word) => at(Arc::from(word), place.span()) }
        .labelled("a name")
}

/// Any word: keywords have no meaning in names of modules and fields.
fn word<'t, 's: 't>() -> impl Parser<'t, Tokens<'t, 's>, Name, Extra<'t, 's>> + Clone {
    select! { Token::Word(word) = place => at(Arc::from(word), place.span()) }.labelled("a name")
}

fn sign<'t, 's: 't>(sign: char) -> impl Parser<'t, Tokens<'t, 's>, Token<'s>, Extra<'t, 's>> + Clone {
    just(Token::Sign(sign))
}

/// The name of a module, with single dots between its parts, however many blanks there were.
fn qualified(first: &Name, rest: &[Name]) -> Name {
    let end = rest.last().unwrap_or(first).span.end;
    let parts = std::iter::once(first).chain(rest);
    let parts: Vec<&str> = parts.map(|part| &*part.value).collect();
    At {
        value: parts.join(".").into(),
        span: first.span.start..end,
    }
}

fn at<T>(value: T, span: SimpleSpan) -> At<T> {
    let span = span.into_range();
    At { value, span }
}
