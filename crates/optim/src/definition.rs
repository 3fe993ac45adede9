//! Definitions of optimizers: what their authors write, and the same as a value.

use std::fmt;

use windtunnel_math::lanes::Real;

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

/// A method of this crate, whose version is that of the arithmetic. Others are
/// [registered](super::register) under a version of their own.
pub trait BuiltIn: Method {}

impl Definition {
    /// The definition of a built-in optimizer.
    pub fn of<M: BuiltIn>() -> &'static Definition {
        <M as Defined>::DEFINITION
    }

    /// The definition of a method from outside this crate, under a version of its own.
    pub fn outside<M: Method>(version: &'static str) -> Definition {
        Definition { version: Some(version), ..*<M as Defined>::DEFINITION }
    }
}

impl PartialEq for Definition {
    /// Whether name, version, parameters and default rates are the same: the rule is then the same too, if
    /// versions are raised as they should be.
    fn eq(&self, other: &Definition) -> bool {
        (self.name, self.version, self.rates_of) == (other.name, other.version, other.rates_of)
            && self.parameters == other.parameters
            && self.lr.to_bits() == other.lr.to_bits()
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
