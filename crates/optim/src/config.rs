//! Which optimizer, with which numbers: data, from which an [`Optimizer`](super::Optimizer) is made.

use super::{
    ClipByGlobalNorm, Definition, LearningRate, Method, ParameterError, Range, Scalar, Transforms,
    Value, Values,
};

/// An optimizer with its learning rate, clipping and hyper-parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    definition: &'static Definition,
    rate: LearningRate,
    clip_norm: Option<f64>,
    values: Values,
}

impl Config {
    /// The defaults of specs, unclipped.
    pub fn new(definition: &'static Definition) -> Config {
        Config {
            definition,
            rate: LearningRate::constant(definition.lr),
            clip_norm: None,
            values: Values::defaults(definition.parameters),
        }
    }

    /// The defaults of specs of a built-in optimizer, unclipped.
    pub fn of<M: Method>() -> Config {
        Config::new(Definition::of::<M>())
    }

    /// PyTorch's defaults of a built-in optimizer, unclipped: learning rate 10⁻³.
    pub fn pytorch<M: Method>() -> Config {
        let definition = Definition::of::<M>();
        Config {
            rate: LearningRate::constant(1e-3),
            values: Values::pytorch(definition.parameters),
            ..Config::new(definition)
        }
    }

    /// The same with another value of the hyper-parameter `key`.
    ///
    /// # Errors
    /// An unknown key, a value out of range, or one that does not go with the others.
    pub fn with(self, key: &str, value: impl Into<Value>) -> Result<Config, ParameterError> {
        self.with_all(&[(key, value.into())])
    }

    /// The same with several values, which are checked together.
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

    /// The same with another learning rate; a schedule is kept.
    ///
    /// # Panics
    /// If it is not finite and positive.
    #[must_use]
    pub fn with_lr(self, lr: f64) -> Config {
        let rate = self.rate.with_peak(lr);
        self.with_rate(rate)
    }

    /// The same with another learning rate and schedule.
    ///
    /// # Panics
    /// If the learning rate is not finite and positive.
    #[must_use]
    pub fn with_rate(self, rate: LearningRate) -> Config {
        let lr = rate.peak();
        assert!(Range::Positive.contains(lr), "learning rate {lr}: {}", Range::Positive.text());
        Config { rate, ..self }
    }

    /// The same, with the gradient's global norm clipped to `clip_norm` first, or unclipped.
    ///
    /// # Panics
    /// If the norm is not finite and positive.
    #[must_use]
    pub fn with_clip_norm(self, clip_norm: Option<f64>) -> Config {
        let allowed = clip_norm.is_none_or(|norm| Range::Positive.contains(norm));
        assert!(allowed, "clip_norm {clip_norm:?}: {}", Range::Positive.text());
        Config { clip_norm, ..self }
    }

    /// Which optimizer.
    pub fn definition(&self) -> &'static Definition {
        self.definition
    }

    /// Its name in specs.
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
        transforms.extend(T::transforms(self.definition, &self.values));
        transforms
    }
}
