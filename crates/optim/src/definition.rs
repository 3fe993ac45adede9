//! Definitions of optimizers, and the list of those that a program knows.

use std::fmt;
use std::sync::{PoisonError, RwLock};

use windtunnel_math::lanes::Real;

use super::method::BUILT_IN;
use super::{Parameter, ParameterError, Transforms, Values};

/// Name of an optimizer with its hyper-parameters and the transforms that they make.
///
/// This is what the author of an optimizer writes, once for all types of parameters. Clipping and
/// the learning rate are not among the hyper-parameters: every optimizer has them.
pub trait Method: 'static {
    /// Name in specs: lower-case letters, digits and underscores.
    const NAME: &'static str;
    /// The rule in one line.
    const SUMMARY: &'static str;
    /// Hyper-parameters.
    const PARAMETERS: &'static [Parameter];
    /// Learning rate where neither a spec nor its preset has one.
    const LR: f64;
    /// Optimizer whose learning rates in presets are also those of this one.
    const RATES_OF: &'static str = Self::NAME;

    /// Checks that values go together; each alone is in its range.
    ///
    /// # Errors
    /// The first value that does not go with the others.
    fn check(values: &Values) -> Result<(), ParameterError> {
        let _ = values;
        Ok(())
    }

    /// The transforms, in the order of application. State is named after their places in this list
    /// (behind clipping, if there is any), so the order must never change.
    fn transforms<T: Real>(values: &Values) -> Transforms<T>;
}

/// A [`Method`] as a value. A program that learns of an optimizer at run time, as from Python,
/// fills in the fields itself.
#[derive(Clone, Copy)]
pub struct Definition {
    /// Name in specs.
    pub name: &'static str,
    /// The rule in one line.
    pub summary: &'static str,
    /// Version of its numbers; none for a built-in one, whose version is that of the arithmetic.
    pub version: Option<&'static str>,
    /// Hyper-parameters.
    pub parameters: &'static [Parameter],
    /// Learning rate where neither a spec nor its preset has one.
    pub lr: f64,
    /// Optimizer whose learning rates in presets are also those of this one.
    pub rates_of: &'static str,
    /// Check of values, as [`Method::check`].
    pub check: &'static (dyn Fn(&Values) -> Result<(), ParameterError> + Send + Sync),
    /// [`Method::transforms`] in single precision.
    pub single: &'static (dyn Fn(&Values) -> Transforms<f32> + Send + Sync),
    /// [`Method::transforms`] in double precision.
    pub double: &'static (dyn Fn(&Values) -> Transforms<f64> + Send + Sync),
}

/// The definition of a method, for the list of `method/mod.rs`.
pub(super) trait Defined {
    const DEFINITION: &'static Definition;
}

impl<M: Method> Defined for M {
    const DEFINITION: &'static Definition = &Definition {
        name: M::NAME,
        summary: M::SUMMARY,
        version: None,
        parameters: M::PARAMETERS,
        lr: M::LR,
        rates_of: M::RATES_OF,
        check: &M::check,
        single: &M::transforms::<f32>,
        double: &M::transforms::<f64>,
    };
}

impl Definition {
    /// The definition of `M` as a built-in optimizer.
    pub fn of<M: Method>() -> &'static Definition {
        <M as Defined>::DEFINITION
    }

    /// The optimizer called `name`, built in or registered.
    pub fn named(name: &str) -> Option<&'static Definition> {
        definitions().into_iter().find(|definition| definition.name == name)
    }
}

impl PartialEq for Definition {
    /// Whether name, version and parameters are the same: the rule is then the same too, if
    /// versions are raised as they should be.
    fn eq(&self, other: &Definition) -> bool {
        (self.name, self.version) == (other.name, other.version)
            && self.parameters == other.parameters
    }
}

impl fmt::Debug for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Definition { name, version, parameters, .. } = self;
        let mut shown = f.debug_struct("Definition");
        shown.field("name", name).field("version", version).field("parameters", parameters);
        shown.finish_non_exhaustive()
    }
}

/// Scalar types that optimizers work in.
pub trait Scalar: Real {
    /// The transforms of an optimizer in this type.
    fn transforms(definition: &Definition, values: &Values) -> Transforms<Self>;
}

impl Scalar for f32 {
    fn transforms(definition: &Definition, values: &Values) -> Transforms<f32> {
        (definition.single)(values)
    }
}

impl Scalar for f64 {
    fn transforms(definition: &Definition, values: &Values) -> Transforms<f64> {
        (definition.double)(values)
    }
}

/// Registered optimizers, for as long as the program runs.
static REGISTERED: RwLock<Vec<&'static Definition>> = RwLock::new(Vec::new());

/// Every optimizer of the program: the built-in ones, then the registered ones.
pub fn definitions() -> Vec<&'static Definition> {
    let registered = REGISTERED.read().unwrap_or_else(PoisonError::into_inner);
    BUILT_IN.iter().chain(registered.iter()).copied().collect()
}

/// Makes an optimizer from outside the workspace known to specs. Its version becomes part of the
/// identity of its runs: raise it whenever its numbers change.
///
/// Registering the same definition again changes nothing.
///
/// # Errors
/// As [`register_definition`].
pub fn register<M: Method>(version: &'static str) -> Result<&'static Definition, RegisterError> {
    register_definition(Definition { version: Some(version), ..*Definition::of::<M>() })
}

/// Registers an optimizer that is defined while the program runs, as [`register`] does.
///
/// # Errors
/// A name that is taken or malformed, no version, or parameters that contradict themselves.
pub fn register_definition(definition: Definition) -> Result<&'static Definition, RegisterError> {
    check(&definition)?;
    let name = definition.name;
    if BUILT_IN.iter().any(|other| other.name == name) {
        return Err(RegisterError::BuiltIn { name });
    }
    let mut registered = REGISTERED.write().unwrap_or_else(PoisonError::into_inner);
    match registered.iter().copied().find(|other| other.name == name) {
        Some(other) if *other == definition => Ok(other),
        Some(_) => Err(RegisterError::Taken { name }),
        None => {
            let definition = &*Box::leak(Box::new(definition));
            registered.push(definition);
            Ok(definition)
        }
    }
}

/// Keys of specs that all optimizers share.
pub const SHARED_KEYS: [&str; 6] =
    ["name", "version", "lr", "lr_schedule", "warmup_steps", "clip_norm"];

/// Checks a definition without regard to others.
fn check(definition: &Definition) -> Result<(), RegisterError> {
    let Definition { name, version, parameters, lr, .. } = *definition;
    let word = |text: &str| {
        let letters = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        !text.is_empty() && text.bytes().all(letters)
    };
    if !word(name) {
        return Err(RegisterError::Name { name });
    }
    if version.is_none_or(str::is_empty) {
        return Err(RegisterError::Version { name });
    }
    let wrong = |key: &'static str, reason| Err(RegisterError::Parameter { name, key, reason });
    if !(lr > 0.0 && lr.is_finite()) {
        return wrong("lr", "its default must be a finite number > 0");
    }
    for (index, parameter) in parameters.iter().enumerate() {
        let (key, earlier) = (parameter.key, &parameters[..index]);
        if !word(key) {
            return wrong(key, "a key has lower-case letters, digits and underscores");
        }
        if SHARED_KEYS.contains(&key) || earlier.iter().any(|other| other.key == key) {
            return wrong(key, "this key is taken");
        }
        let defaults = [Some(parameter.default), parameter.pytorch];
        if !defaults.into_iter().flatten().all(|value| parameter.accepts(value)) {
            return wrong(key, "its default is out of its own range");
        }
    }
    match (definition.check)(&Values::defaults(parameters)) {
        Ok(()) => Ok(()),
        Err(_) => wrong("check", "the defaults do not go together"),
    }
}

/// Error returned when an optimizer from outside cannot be registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegisterError {
    /// The name is that of a built-in optimizer.
    BuiltIn {
        /// The name.
        name: &'static str,
    },
    /// Another optimizer, or another version of this one, is registered under the name.
    Taken {
        /// The name.
        name: &'static str,
    },
    /// The name cannot stand in a spec.
    Name {
        /// The name.
        name: &'static str,
    },
    /// The definition has no version.
    Version {
        /// The name.
        name: &'static str,
    },
    /// A parameter contradicts itself or others.
    Parameter {
        /// Name of the optimizer.
        name: &'static str,
        /// The parameter.
        key: &'static str,
        /// The contradiction.
        reason: &'static str,
    },
}

impl fmt::Display for RegisterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RegisterError::BuiltIn { name } => {
                write!(f, "the optimizer `{name}` is built in; give yours another name")
            }
            RegisterError::Taken { name } => {
                let what = "another optimizer or version is registered under this name";
                write!(f, "the optimizer `{name}` cannot be registered: {what}; use another name")
            }
            RegisterError::Name { name } => {
                let allowed = "expected lower-case letters, digits and underscores";
                write!(f, "an optimizer cannot be called `{name}`: {allowed}")
            }
            RegisterError::Version { name } => {
                write!(f, "the optimizer `{name}` has no version; give it one, as \"1\"")
            }
            RegisterError::Parameter { name, key, reason } => {
                write!(f, "the parameter `{key}` of the optimizer `{name}`: {reason}")
            }
        }
    }
}

impl std::error::Error for RegisterError {}
