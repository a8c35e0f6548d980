//! Groups tokens into statements: one for each line, or for all lines that its brackets span.

use chumsky::span::SimpleSpan;

use super::lexer::Token;
use super::mistake::Mistake;
use super::{DEPTH_MAX, Problem, STATEMENTS_MAX};

pub(super) type Line<'s> = Vec<(Token<'s>, SimpleSpan)>;

/// The tokens of each statement without invalid ones.
///
/// Brackets are counted here, so that the recursive grammar cannot go deeper than [`DEPTH_MAX`]. Parsing ends at a
/// wrong bracket, because the end of its statement is unknown.
pub(super) fn lines<'s>(tokens: Line<'s>, problems: &mut Vec<Problem>) -> Vec<Line<'s>> {
    let mut lines = Vec::new();
    let mut line = Vec::new();
    let mut open: Vec<(char, SimpleSpan)> = Vec::new();
    for (token, span) in tokens {
        match token {
            Token::LineEnd if !open.is_empty() => continue,
            Token::LineEnd => {
                let line = std::mem::take(&mut line);
                keep(line, &mut lines);
                continue;
            }
            _ if line.is_empty() && lines.len() == STATEMENTS_MAX => {
                problems.push(Problem::new(Mistake::TooManyStatements, span.into_range()));
                return lines;
            }
            Token::Sign(sign) => {
                if let Err(mistake) = count(sign, span, &mut open) {
                    tell(mistake, span, &line, problems);
                    return lines;
                }
            }
            _ => {}
        }
        line.push((token, span));
    }
    match open.first() {
        Some((sign, span)) => tell(Mistake::NeverClosed(*sign), *span, &line, problems),
        None => keep(line, &mut lines),
    }
    lines
}

fn keep<'s>(line: Line<'s>, lines: &mut Vec<Line<'s>>) {
    if !line.is_empty() && !is_wrong(&line) {
        lines.push(line);
    }
}

/// For example, an unclosed text hides the bracket after it: that follows from the text.
fn tell(mistake: Mistake, span: SimpleSpan, line: &Line<'_>, problems: &mut Vec<Problem>) {
    if mistake == Mistake::TooDeep || !is_wrong(line) {
        problems.push(Problem::new(mistake, span.into_range()));
    }
}

fn is_wrong(line: &Line<'_>) -> bool {
    line.iter().any(|(token, _)| *token == Token::Wrong)
}

/// A closing bracket without an open one is left to the grammar, which knows the expected token.
fn count(sign: char, span: SimpleSpan, open: &mut Vec<(char, SimpleSpan)>) -> Result<(), Mistake> {
    if matches!(sign, '(' | '<' | '{') {
        if open.len() == DEPTH_MAX {
            return Err(Mistake::TooDeep);
        }
        open.push((sign, span));
    }
    if matches!(sign, ')' | '>' | '}')
        && let Some((opened, _)) = open.pop()
        && closing(opened) != sign
    {
        return Err(Mistake::Mismatched { opened, closed: sign });
    }
    Ok(())
}

fn closing(opened: char) -> char {
    match opened {
        '(' => ')',
        '<' => '>',
        _ => '}',
    }
}
