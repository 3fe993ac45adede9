//! Configurations of optimizers: data, from which an [`Optimizer`](super::Optimizer) is made.

use super::{
    BuiltIn, ClipByGlobalNorm, ClipByValue, Definition, LearningRate, ParameterError, Range,
    Scalar, Transforms, Value, Values,
};

/// An optimizer with its learning rate, clipping and hyper-parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    definition: &'static Definition,
    rate: LearningRate,
    clip_norm: Option<f64>,
    clip_value: Option<f64>,
    values: Values,
}

impl Config {
    /// The optimizer with the defaults of specs, unclipped.
    pub fn new(definition: &'static Definition) -> Config {
        Config {
            definition,
            rate: LearningRate::constant(definition.lr),
            clip_norm: None,
            clip_value: None,
            values: Values::defaults(definition.parameters),
        }
    }

    /// A built-in optimizer with the defaults of specs, unclipped.
    pub fn of<M: BuiltIn>() -> Config {
        Config::new(Definition::of::<M>())
    }

    /// A built-in optimizer with PyTorch's defaults, unclipped: learning rate 10⁻³.
    pub fn pytorch<M: BuiltIn>() -> Config {
        let definition = Definition::of::<M>();
        Config {
            rate: LearningRate::constant(1e-3),
            values: Values::pytorch(definition.parameters),
            ..Config::new(definition)
        }
    }

    /// This configuration with another value of the hyper-parameter `key`.
    ///
    /// # Errors
    /// An unknown key, a value out of range, or one that does not go with the others.
    pub fn with(self, key: &str, value: impl Into<Value>) -> Result<Config, ParameterError> {
        self.with_all(&[(key, value.into())])
    }

    /// This configuration with several other values, which are checked together.
    ///
    /// # Errors
    /// As [`Config::with`].
    pub fn with_all(mut self, values: &[(&str, Value)]) -> Result<Config, ParameterError> {
        for (key, value) in values {
            self.values.set(key, *value)?;
        }
        (self.definition.check)(&self.values)?;
        Ok(self)
    }

    /// This configuration with another learning rate and the same schedule.
    ///
    /// # Panics
    /// If it is not finite and positive.
    #[must_use]
    pub fn with_lr(self, lr: f64) -> Config {
        let rate = self.rate.with_peak(lr);
        self.with_rate(rate)
    }

    /// This configuration with another learning rate and schedule.
    ///
    /// # Panics
    /// If the learning rate is not finite and positive.
    #[must_use]
    pub fn with_rate(self, rate: LearningRate) -> Config {
        let lr = rate.peak();
        assert!(Range::Positive.contains(lr), "learning rate {lr}: {}", Range::Positive.text());
        Config { rate, ..self }
    }

    /// This configuration, with the gradient's global norm clipped to `clip_norm` first, or
    /// unclipped.
    ///
    /// # Panics
    /// If the norm is not finite and positive.
    #[must_use]
    pub fn with_clip_norm(self, clip_norm: Option<f64>) -> Config {
        let allowed = clip_norm.is_none_or(|norm| Range::Positive.contains(norm));
        assert!(allowed, "clip_norm {clip_norm:?}: {}", Range::Positive.text());
        Config { clip_norm, ..self }
    }

    /// This configuration, with every entry of the gradient clamped to ± `clip_value`, behind clipping
    /// by the norm, or not.
    ///
    /// # Panics
    /// If the value is not finite and positive.
    #[must_use]
    pub fn with_clip_value(self, clip_value: Option<f64>) -> Config {
        let allowed = clip_value.is_none_or(|value| Range::Positive.contains(value));
        assert!(allowed, "clip_value {clip_value:?}: {}", Range::Positive.text());
        Config { clip_value, ..self }
    }

    /// Definition of the optimizer.
    pub fn definition(&self) -> &'static Definition {
        self.definition
    }

    /// Name of the optimizer in specs.
    pub fn name(&self) -> &'static str {
        self.definition.name
    }

    /// Learning rate at its peak.
    pub fn lr(&self) -> f64 {
        self.rate.peak()
    }

    /// Learning rate with its schedule.
    pub fn rate(&self) -> LearningRate {
        self.rate
    }

    /// Norm that the gradient is clipped to, if it is.
    pub fn clip_norm(&self) -> Option<f64> {
        self.clip_norm
    }

    /// Magnitude that entries of the gradient are clamped to, if they are.
    pub fn clip_value(&self) -> Option<f64> {
        self.clip_value
    }

    /// Hyper-parameters.
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// Clipping, if there is any, then the transforms of the optimizer.
    pub fn transforms<T: Scalar>(&self) -> Transforms<T> {
        let mut transforms = Transforms::<T>::new();
        if let Some(max_norm) = self.clip_norm {
            transforms.push(std::sync::Arc::new(ClipByGlobalNorm { max_norm }));
        }
        if let Some(max_value) = self.clip_value {
            transforms.push(std::sync::Arc::new(ClipByValue { max_value }));
        }
        transforms.extend(T::transforms(self.definition, &self.values));
        transforms
    }
}
