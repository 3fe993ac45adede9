//! The list of optimizers that a program knows.

use std::fmt;
use std::sync::{PoisonError, RwLock};

use super::method::BUILT_IN;
use super::{Definition, Method, Values};

/// Registered optimizers, for as long as the program runs.
static REGISTERED: RwLock<Vec<&'static Definition>> = RwLock::new(Vec::new());

/// Every optimizer of the program: the built-in ones, then the registered ones.
pub fn definitions() -> Vec<&'static Definition> {
    let registered = REGISTERED.read().unwrap_or_else(PoisonError::into_inner);
    BUILT_IN.iter().chain(registered.iter()).copied().collect()
}

/// The optimizer called `name`, built in or registered.
pub fn named(name: &str) -> Option<&'static Definition> {
    definitions().into_iter().find(|definition| definition.name == name)
}

/// Makes an optimizer from outside the workspace known to specs. Its version becomes part of the
/// identity of its runs: raise it whenever its numbers change.
///
/// Registering the same definition again changes nothing.
///
/// # Errors
/// As [`register_definition`].
pub fn register<M: Method>(version: &'static str) -> Result<&'static Definition, RegisterError> {
    register_definition(Definition::outside::<M>(version))
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
pub const SHARED_KEYS: [&str; 10] = [
    "name",
    "version",
    "lr",
    "lr_schedule",
    "lr_decay_share",
    "lr_step_size",
    "lr_step_factor",
    "warmup_steps",
    "clip_norm",
    "clip_value",
];

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
