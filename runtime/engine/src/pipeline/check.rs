//! Resolves the names of a program, and checks its types.

use std::collections::BTreeMap;
use std::sync::Arc;

use squall_value::{CType, Fields};

use super::plan::{Checked, Operand, Source, Step};
use super::print::Written;
use super::syntax::{Base, Expression, Name, Statement};
use super::{Errors, Mistake, PROBLEMS_MAX, Problem, Span};
use crate::{Engine, names};

mod call;

pub(super) fn check(
    source: &Arc<str>,
    statements: &[Statement],
    engine: &dyn Engine,
) -> Result<Checked, Errors> {
    let mut checker = Checker::new(source, engine);
    for statement in statements {
        checker.statement(statement);
    }
    if !statements
        .iter()
        .any(|statement| matches!(statement, Statement::Output { .. }))
    {
        let end = source.trim_end().len();
        checker.problem(Mistake::NoOutput, &(end..end));
    }
    if !checker.problems.is_empty() {
        return Err(Errors::new(source, checker.problems));
    }
    Ok(Checked {
        inputs: Arc::new(checker.inputs),
        steps: checker.steps,
        outputs: checker.outputs,
        output_types: Arc::new(checker.output_types),
    })
}

struct Checker<'a> {
    engine: &'a dyn Engine,
    /// Offsets of the lines.
    line_starts: Vec<usize>,
    variables: BTreeMap<Arc<str>, Variable>,
    inputs: Fields<CType>,
    steps: Vec<Step>,
    outputs: Vec<(Arc<str>, Operand)>,
    output_types: Fields<CType>,
    output_lines: BTreeMap<Arc<str>, usize>,
    problems: Vec<Problem>,
}

struct Variable {
    line: usize,
    /// `None` when the type is unknown: that was reported where the variable is defined, and is not reported where it
    /// is used.
    value: Option<Typed>,
}

#[derive(Clone)]
struct Typed {
    operand: Operand,
    ctype: CType,
}

impl<'a> Checker<'a> {
    fn new(source: &str, engine: &'a dyn Engine) -> Self {
        let line_ends = source.match_indices('\n').map(|(end, _)| end + 1);
        Checker {
            engine,
            line_starts: std::iter::once(0).chain(line_ends).collect(),
            variables: BTreeMap::new(),
            inputs: Fields::new(),
            steps: Vec::new(),
            outputs: Vec::new(),
            output_types: Fields::new(),
            output_lines: BTreeMap::new(),
            problems: Vec::new(),
        }
    }

    fn statement(&mut self, statement: &Statement) {
        match statement {
            Statement::Input { name, ctype } => {
                let operand = Source::Input(name.value.clone()).into();
                let ctype = ctype.clone();
                self.inputs
                    .entry(name.value.clone())
                    .or_insert_with(|| ctype.clone());
                self.define(name, Some(Typed { operand, ctype }));
            }
            Statement::Let { name, value } => {
                let value = self.expression(value, &name.value);
                self.define(name, value);
            }
            Statement::Output { name, value } => self.output(name.as_ref(), value),
        }
    }

    /// The first definition counts.
    fn define(&mut self, name: &Name, value: Option<Typed>) {
        let line = self.line(&name.span);
        if let Some(known) = self.variables.get(&name.value) {
            let (name, span, line) = (name.value.clone(), &name.span, known.line);
            self.problem(Mistake::VariableTwice { name, line }, span);
            return;
        }
        self.variables
            .insert(name.value.clone(), Variable { line, value });
    }

    fn output(&mut self, name: Option<&Name>, value: &Expression) {
        let Some(name) = name.or_else(|| name_of(value)) else {
            self.problem(Mistake::UnnamedOutput, &value.place.span);
            return;
        };
        let typed = self.expression(value, &name.value);
        let line = self.line(&name.span);
        if let Some(&line) = self.output_lines.get(&name.value) {
            let (name, span) = (name.value.clone(), &name.span);
            self.problem(Mistake::OutputTwice { name, line }, span);
            return;
        }
        self.output_lines.insert(name.value.clone(), line);
        if let Some(Typed { operand, ctype }) = typed {
            self.outputs.push((name.value.clone(), operand));
            self.output_types.insert(name.value.clone(), ctype);
        }
    }

    /// `owner` is the variable or output whose value contains this.
    fn expression(&mut self, expression: &Expression, owner: &Arc<str>) -> Option<Typed> {
        let mut typed = match &expression.base {
            Base::Literal(value) => Typed {
                operand: Source::Literal(value.clone()).into(),
                ctype: value.ctype(),
            },
            Base::Variable(name) => self.variable(name)?,
            Base::Call { module, arguments } => self.call(module, arguments, owner)?,
        };
        for field in &expression.fields {
            typed.ctype = self.field(&typed.ctype, field)?;
            typed.operand.path.push(field.value.clone());
        }
        Some(typed)
    }

    fn variable(&mut self, name: &Name) -> Option<Typed> {
        if let Some(variable) = self.variables.get(&name.value) {
            return variable.value.clone();
        }
        let known = self.variables.keys().map(|name| &**name);
        let nearest = self.nearest(&name.value, known);
        let (name, span) = (name.value.clone(), &name.span);
        self.problem(Mistake::UnknownVariable { name, nearest }, span);
        None
    }

    fn field(&mut self, ctype: &CType, field: &Name) -> Option<CType> {
        let CType::Product(fields) = ctype else {
            let ctype = Written(ctype).brief();
            self.problem(Mistake::NotARecord { ctype }, &field.span);
            return None;
        };
        if let Some(found) = fields.get(&field.value) {
            return Some(found.clone());
        }
        let mistake = Mistake::UnknownField {
            field: field.value.clone(),
            ctype: Written(ctype).brief(),
            nearest: self.nearest(&field.value, fields.keys().map(|name| &**name)),
        };
        self.problem(mistake, &field.span);
        None
    }

    fn line(&self, span: &Span) -> usize {
        self.line_starts.partition_point(|start| *start <= span.start)
    }

    /// Not computed for a problem that is not shown.
    fn nearest<'k>(&self, written: &str, known: impl IntoIterator<Item = &'k str>) -> Option<Arc<str>> {
        let nearest = || names::nearest(written, known).map(Arc::from);
        self.shows_more().then(nearest).flatten()
    }

    fn shows_more(&self) -> bool {
        self.problems.len() < PROBLEMS_MAX
    }

    fn problem(&mut self, mistake: Mistake, span: &Span) {
        self.problems.push(Problem::new(mistake, span.clone()));
    }
}

/// The name of an output without an explicit one: that of its field or variable.
fn name_of(value: &Expression) -> Option<&Name> {
    let variable = match &value.base {
        Base::Variable(name) => Some(name),
        _ => None,
    };
    value.fields.last().or(variable)
}
