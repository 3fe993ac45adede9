//! Families of covariates: scale mixtures of normals, x = √τ · C z with z ~ N(0, I), C Cᵀ = Σ.
//!
//! The scale τ > 0 of a token is independent of z, or a function of ‖z‖. A family is a file here
//! that implements [`ScaleMixture`] and a line of the list below; everything else (samplers, spec,
//! template, documentation of its keys) follows from the trait.

use fearless_simd::Simd;

use windtunnel_math::rng::Draws;

/// Every family: its file and its type.
macro_rules! families {
    ($($file:ident: $Type:ident,)+) => {
        $(mod $file; pub use $file::$Type;)+

        /// Law of the scale τ, one variant per file.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Family {
            $(#[doc = concat!("See [`", stringify!($Type), "`](struct@", stringify!($Type), ").")]
            $Type($Type),)+
        }

        impl Family {
            /// All families, in the order in which they are listed to users.
            pub const ALL: &'static [Registered] = &[$(Registered {
                name: $Type::NAME,
                summary: $Type::SUMMARY,
                parameters: $Type::PARAMETERS,
                build: |values| $Type::new(values).map(Family::$Type),
            },)+];

            /// The name in specs.
            pub fn name(&self) -> &'static str {
                match self { $(Family::$Type(_) => $Type::NAME,)+ }
            }

            /// Declarations of its parameters.
            pub fn parameters(&self) -> &'static [Parameter] {
                match self { $(Family::$Type(_) => $Type::PARAMETERS,)+ }
            }

            /// Values of its parameters.
            pub fn values(&self) -> Vec<Value> {
                match self { $(Family::$Type(family) => family.values(),)+ }
            }

            /// E‖x‖² / tr Σ in dimension `dim`; infinite where there is none.
            pub fn mean_scale(&self, dim: usize) -> f64 {
                match self { $(Family::$Type(family) => family.mean_scale(dim),)+ }
            }

            /// [`ScaleMixture::scales`] of the family.
            #[inline(always)]
            pub(super) fn scales<S: Simd, const N: usize>(
                &self,
                draws: &Draws<S>,
                slot: u32,
                norms2: [S::f32s; N],
            ) -> [S::f32s; N] {
                match self { $(Family::$Type(family) => family.scales(draws, slot, norms2),)+ }
            }
        }

        $(impl From<$Type> for Family {
            fn from(family: $Type) -> Family {
                Family::$Type(family)
            }
        })+
    };
}

families! {
    gaussian: Gaussian,
    sphere: Sphere,
    gamma_radial: GammaRadial,
    student_t: StudentT,
    laplace: Laplace,
    mixture: Mixture,
}

/// A law of the scale τ.
pub trait ScaleMixture: Sized {
    /// Name in specs.
    const NAME: &'static str;
    /// One line on the law, for the template of specs.
    const SUMMARY: &'static str;
    /// Keys in specs, in the order of `new`'s values.
    const PARAMETERS: &'static [Parameter];

    /// The law with these values, one per parameter and each within its range.
    ///
    /// # Errors
    /// Values that do not go together.
    fn new(values: &[Value]) -> Result<Self, FamilyError>;
    /// The values that `new` was given.
    fn values(&self) -> Vec<Value>;
    /// E‖x‖² / tr Σ = E[τ‖z‖²]/d; infinite where there is none.
    fn mean_scale(&self, dim: usize) -> f64;
    /// τ of N tokens of every lane, N = 2 or 4, given their ‖z‖².
    ///
    /// Draws come from the N/2 slots from `slot` on.
    fn scales<S: Simd, const N: usize>(
        &self,
        draws: &Draws<S>,
        slot: u32,
        norms2: [S::f32s; N],
    ) -> [S::f32s; N];
}

/// A key of a family.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameter {
    /// Name in specs.
    pub key: &'static str,
    /// Value if a spec has none; its kind, a number or a list, is that of the parameter.
    pub default: Default,
    /// Meaning, for the template of specs.
    pub summary: &'static str,
}

/// Default of a [`Parameter`]. Numbers, alone or in lists, are finite and positive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Default {
    /// Default of a number.
    Number(f64),
    /// Default of a list.
    List(&'static [f64]),
}

impl Default {
    /// The default as a value.
    pub fn value(self) -> Value {
        match self {
            Default::Number(x) => Value::Number(x),
            Default::List(list) => Value::List(list.to_vec()),
        }
    }
}

/// Value of a [`Parameter`].
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number.
    Number(f64),
    /// A list.
    List(Vec<f64>),
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Number(x) => write!(f, "{x:?}"),
            Value::List(list) => write!(f, "{list:?}"),
        }
    }
}

impl From<f64> for Value {
    fn from(x: f64) -> Value {
        Value::Number(x)
    }
}

impl From<&[f64]> for Value {
    fn from(list: &[f64]) -> Value {
        Value::List(list.to_vec())
    }
}

/// An entry of [`Family::ALL`].
#[derive(Clone, Copy, Debug)]
pub struct Registered {
    /// Name in specs.
    pub name: &'static str,
    /// One line on the law.
    pub summary: &'static str,
    /// Its keys.
    pub parameters: &'static [Parameter],
    build: fn(&[Value]) -> Result<Family, FamilyError>,
}

impl Registered {
    /// The family with these values, one per parameter.
    ///
    /// # Errors
    /// A value of the wrong kind, one that is not positive and finite, or values that do not go
    /// together.
    pub fn build(&self, values: &[Value]) -> Result<Family, FamilyError> {
        for (i, parameter) in self.parameters.iter().enumerate() {
            let allowed = match parameter.default {
                Default::Number(_) => "expected a finite number > 0",
                Default::List(_) => "expected a list of finite numbers > 0",
            };
            let wrong = |value: String| FamilyError { key: parameter.key, value, allowed };
            let value = values.get(i).ok_or_else(|| wrong("nothing".into()))?;
            let numbers = match (parameter.default, value) {
                (Default::Number(_), Value::Number(x)) => std::slice::from_ref(x),
                (Default::List(_), Value::List(list)) if !list.is_empty() => list,
                _ => return Err(wrong(value.to_string())),
            };
            if numbers.iter().any(|x| !(*x > 0.0 && x.is_finite())) {
                return Err(wrong(value.to_string()));
            }
        }
        (self.build)(values)
    }
}

/// Error returned when a [`Family`] cannot be made.
#[derive(Clone, Debug, PartialEq)]
pub struct FamilyError {
    /// The parameter.
    pub key: &'static str,
    /// Value that was given.
    pub value: String,
    /// Allowed values.
    pub allowed: &'static str,
}

impl std::fmt::Display for FamilyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} = {} is not allowed: {}", self.key, self.value, self.allowed)
    }
}

impl std::error::Error for FamilyError {}

impl Family {
    /// The family `name` with these values, one per parameter.
    ///
    /// # Errors
    /// Values out of range.
    ///
    /// # Panics
    /// If there is no such family.
    pub fn named(name: &str, values: &[Value]) -> Result<Family, FamilyError> {
        match Family::ALL.iter().find(|family| family.name == name) {
            Some(family) => family.build(values),
            None => panic!("no family is called {name:?}"),
        }
    }
}

/// The value of parameter `i`, which [`Registered::build`] has checked to be a number.
fn number(values: &[Value], i: usize) -> f64 {
    match values.get(i) {
        Some(Value::Number(x)) => *x,
        _ => f64::NAN,
    }
}

/// The value of parameter `i`, which [`Registered::build`] has checked to be a list.
fn list(values: &[Value], i: usize) -> Vec<f64> {
    match values.get(i) {
        Some(Value::List(list)) => list.clone(),
        _ => Vec::new(),
    }
}
