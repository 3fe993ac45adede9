//! Hyper-parameters: declared once, and the source of keys of specs, checks, templates and help.

use std::fmt;

/// Value of a hyper-parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A number.
    Number(f64),
    /// Two numbers, as Adam's betas.
    Pair([f64; 2]),
    /// A count.
    Integer(u64),
    /// A switch.
    Flag(bool),
    /// One of several names.
    Choice(&'static str),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Number(x) => write!(f, "{x:?}"),
            Value::Pair(pair) => write!(f, "{pair:?}"),
            Value::Integer(n) => write!(f, "{n}"),
            Value::Flag(on) => write!(f, "{on}"),
            Value::Choice(name) => write!(f, "\"{name}\""),
        }
    }
}

impl From<f64> for Value {
    fn from(x: f64) -> Value {
        Value::Number(x)
    }
}

impl From<[f64; 2]> for Value {
    fn from(pair: [f64; 2]) -> Value {
        Value::Pair(pair)
    }
}

impl From<u64> for Value {
    fn from(n: u64) -> Value {
        Value::Integer(n)
    }
}

impl From<bool> for Value {
    fn from(on: bool) -> Value {
        Value::Flag(on)
    }
}

/// Allowed range of a number, of both numbers of a pair or of a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// Any finite number.
    Finite,
    /// x > 0.
    Positive,
    /// x ≥ 0.
    NonNegative,
    /// 0 ≤ x < 1.
    Fraction,
}

impl Range {
    /// Whether `x` is finite and in the range.
    pub fn contains(self, x: f64) -> bool {
        x.is_finite()
            && match self {
                Range::Finite => true,
                Range::Positive => x > 0.0,
                Range::NonNegative => x >= 0.0,
                Range::Fraction => (0.0..1.0).contains(&x),
            }
    }

    /// The range in words, for messages: `a finite number > 0`.
    pub fn text(self) -> &'static str {
        match self {
            Range::Finite => "a finite number",
            Range::Positive => "a finite number > 0",
            Range::NonNegative => "a finite number >= 0",
            Range::Fraction => "a number >= 0 and < 1",
        }
    }

    fn text_of_two(self) -> &'static str {
        match self {
            Range::Finite => "two finite numbers",
            Range::Positive => "two finite numbers > 0",
            Range::NonNegative => "two finite numbers >= 0",
            Range::Fraction => "two numbers >= 0 and < 1",
        }
    }

    fn text_of_count(self) -> &'static str {
        match self {
            Range::Positive => "an integer > 0",
            _ => "an integer >= 0",
        }
    }
}

/// Declaration of a hyper-parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameter {
    /// Key in specs, with PyTorch's spelling where PyTorch has it.
    pub key: &'static str,
    /// Value if a spec has none; its kind is that of the parameter.
    pub default: Value,
    /// PyTorch's default, if it is another.
    pub pytorch: Option<Value>,
    /// Allowed range; without meaning for a switch or a choice.
    pub range: Range,
    /// Allowed names of a choice.
    pub choices: &'static [&'static str],
    /// Meaning, in half a line.
    pub meaning: &'static str,
}

impl Parameter {
    const fn new(
        key: &'static str,
        default: Value,
        range: Range,
        meaning: &'static str,
    ) -> Parameter {
        Parameter { key, default, pytorch: None, range, choices: &[], meaning }
    }

    /// Declares a number.
    pub const fn number(
        key: &'static str,
        default: f64,
        range: Range,
        meaning: &'static str,
    ) -> Parameter {
        Parameter::new(key, Value::Number(default), range, meaning)
    }

    /// Declares two numbers.
    pub const fn pair(
        key: &'static str,
        default: [f64; 2],
        range: Range,
        meaning: &'static str,
    ) -> Parameter {
        Parameter::new(key, Value::Pair(default), range, meaning)
    }

    /// Declares a count, which may be 0 unless `range` is [`Range::Positive`].
    pub const fn integer(
        key: &'static str,
        default: u64,
        range: Range,
        meaning: &'static str,
    ) -> Parameter {
        Parameter::new(key, Value::Integer(default), range, meaning)
    }

    /// Declares a switch.
    pub const fn flag(key: &'static str, default: bool, meaning: &'static str) -> Parameter {
        Parameter::new(key, Value::Flag(default), Range::Finite, meaning)
    }

    /// Declares a choice among names, the first by default.
    pub const fn choice(
        key: &'static str,
        choices: &'static [&'static str],
        meaning: &'static str,
    ) -> Parameter {
        let first = Value::Choice(choices[0]);
        Parameter { choices, ..Parameter::new(key, first, Range::Finite, meaning) }
    }

    /// This declaration with PyTorch's default, which is another.
    #[must_use]
    pub const fn pytorch(self, value: Value) -> Parameter {
        Parameter { pytorch: Some(value), ..self }
    }

    /// Whether `value` is of the parameter's kind and in its range.
    pub fn accepts(&self, value: Value) -> bool {
        match (self.default, value) {
            (Value::Number(_), Value::Number(x)) => self.range.contains(x),
            (Value::Pair(_), Value::Pair(pair)) => pair.iter().all(|&x| self.range.contains(x)),
            (Value::Integer(_), Value::Integer(n)) => n > 0 || self.range != Range::Positive,
            (Value::Flag(_), Value::Flag(_)) => true,
            (Value::Choice(_), Value::Choice(name)) => self.choices.contains(&name),
            _ => false,
        }
    }

    /// Allowed values, for messages: `expected a finite number > 0`.
    pub fn allowed(&self) -> String {
        let example = self.pytorch.unwrap_or(self.default);
        match self.default {
            Value::Number(_) => format!("expected {}", self.range.text()),
            Value::Pair(_) => format!("expected {}, as {example}", self.range.text_of_two()),
            Value::Integer(_) => format!("expected {}", self.range.text_of_count()),
            Value::Flag(_) => "expected true or false".into(),
            Value::Choice(_) => {
                let names: Vec<String> = self.choices.iter().map(|c| format!("\"{c}\"")).collect();
                format!("expected one of {}", names.join(", "))
            }
        }
    }
}

/// Error returned when a hyper-parameter cannot have a value.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterError {
    /// The parameter.
    pub key: String,
    /// The value.
    pub value: String,
    /// Allowed values, and advice.
    pub allowed: String,
}

impl fmt::Display for ParameterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {} is not allowed: {}", self.key, self.value, self.allowed)
    }
}

impl std::error::Error for ParameterError {}

/// Hyper-parameters of an optimizer with their values, each of its kind and in its range.
#[derive(Clone, Debug, PartialEq)]
pub struct Values {
    parameters: &'static [Parameter],
    values: Vec<Value>,
}

impl Values {
    /// The defaults.
    pub fn defaults(parameters: &'static [Parameter]) -> Values {
        Values { parameters, values: parameters.iter().map(|p| p.default).collect() }
    }

    /// PyTorch's defaults, or our own for parameters that PyTorch does not have.
    pub fn pytorch(parameters: &'static [Parameter]) -> Values {
        let value = |p: &Parameter| p.pytorch.unwrap_or(p.default);
        Values { parameters, values: parameters.iter().map(value).collect() }
    }

    /// Gives the parameter `key` another value.
    ///
    /// # Errors
    /// An unknown key, or a value of another kind or out of range; nothing is changed then.
    pub fn set(&mut self, key: &str, value: Value) -> Result<(), ParameterError> {
        let index = self.parameters.iter().position(|p| p.key == key);
        let wrong = |allowed| ParameterError { key: key.into(), value: value.to_string(), allowed };
        let Some(index) = index else {
            let known: Vec<&str> = self.parameters.iter().map(|p| p.key).collect();
            return Err(wrong(format!("there is no such parameter; known: {}", known.join(", "))));
        };
        let parameter = &self.parameters[index];
        if !parameter.accepts(value) {
            return Err(wrong(parameter.allowed()));
        }
        self.values[index] = value;
        Ok(())
    }

    /// Parameters and values in the order of declaration.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Parameter, Value)> {
        self.parameters.iter().zip(self.values.iter().copied())
    }

    /// The value of `key`, if there is such a parameter.
    pub fn get(&self, key: &str) -> Option<Value> {
        self.iter().find(|(parameter, _)| parameter.key == key).map(|(_, value)| value)
    }

    /// The value of the number `key`.
    ///
    /// # Panics
    /// If no number of this name is declared.
    pub fn number(&self, key: &str) -> f64 {
        match self.get(key) {
            Some(Value::Number(x)) => x,
            other => panic!("`{key}` is declared as no number: {other:?}"),
        }
    }

    /// The value of the two numbers `key`.
    ///
    /// # Panics
    /// If no pair of this name is declared.
    pub fn pair(&self, key: &str) -> [f64; 2] {
        match self.get(key) {
            Some(Value::Pair(pair)) => pair,
            other => panic!("`{key}` is declared as no pair: {other:?}"),
        }
    }

    /// The value of the count `key`.
    ///
    /// # Panics
    /// If no count of this name is declared.
    pub fn integer(&self, key: &str) -> u64 {
        match self.get(key) {
            Some(Value::Integer(n)) => n,
            other => panic!("`{key}` is declared as no integer: {other:?}"),
        }
    }

    /// The value of the switch `key`.
    ///
    /// # Panics
    /// If no switch of this name is declared.
    pub fn flag(&self, key: &str) -> bool {
        match self.get(key) {
            Some(Value::Flag(on)) => on,
            other => panic!("`{key}` is declared as no flag: {other:?}"),
        }
    }

    /// The name chosen for `key`.
    ///
    /// # Panics
    /// If no choice of this name is declared.
    pub fn choice(&self, key: &str) -> &'static str {
        match self.get(key) {
            Some(Value::Choice(name)) => name,
            other => panic!("`{key}` is declared as no choice: {other:?}"),
        }
    }
}
