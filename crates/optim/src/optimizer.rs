//! A list of transforms with their state, run over one flat parameter vector.

use std::sync::Arc;

use windtunnel_math::lanes::Real;
use windtunnel_math::objective::Block;
use windtunnel_math::stability::Stability;

use super::stability::of_list;
use super::{
    Config, Context, Error, LastStep, LearningRate, Oracle, RestoreError, Scalar, State, Transforms,
};

/// A list of transforms and their state, for a parameter vector of fixed dimension.
#[derive(Clone)]
pub struct Optimizer<T> {
    transforms: Transforms<T>,
    states: Vec<State<T>>,
    rate: LearningRate,
    blocks: Arc<[Block]>,
    dim: usize,
    steps: u64,
}

/// The point at which an optimizer makes a step.
pub struct Point<'a, T> {
    /// Parameters θ.
    pub params: &'a [T],
    /// Mini-batch loss at θ, if it is known.
    pub loss: Option<f64>,
    /// Oracle of the mini-batch loss at other points, if there is one.
    pub oracle: Option<&'a mut (dyn Oracle<T> + 'a)>,
}

impl<'a, T> Point<'a, T> {
    /// A point with parameters alone.
    pub fn new(params: &'a [T]) -> Point<'a, T> {
        Point { params, loss: None, oracle: None }
    }
}

impl<T: Real> Optimizer<T> {
    /// An optimizer that has made no step, for parameters that `blocks` divide, in order.
    ///
    /// # Cost
    /// Together with the state of its transforms, the only allocation.
    #[must_use]
    pub fn new(config: &Config, blocks: &[Block]) -> Optimizer<T>
    where
        T: Scalar,
    {
        Optimizer::of_transforms(config.transforms(), config.rate(), blocks)
    }

    /// An optimizer that has made no step, of any list of transforms.
    ///
    /// # Panics
    /// If the blocks leave gaps.
    #[must_use]
    pub fn of_transforms(
        transforms: Transforms<T>,
        rate: LearningRate,
        blocks: &[Block],
    ) -> Optimizer<T> {
        let mut dim = 0;
        for block in blocks {
            assert_eq!(block.range.start, dim, "start of the block {}", block.name);
            dim = block.range.end;
        }
        let init = |(index, transform): (usize, &Arc<dyn super::Transform<T>>)| {
            transform.init(dim, blocks).prefixed(index)
        };
        let states = transforms.iter().enumerate().map(init).collect();
        Optimizer { transforms, states, rate, blocks: blocks.into(), dim, steps: 0 }
    }

    /// Length of the parameter vector.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Number of steps made.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// θ ← θ − u: makes one step, and leaves u in `grad`.
    ///
    /// # Errors
    /// If a transform fails, as one that needs an [`Oracle`]: θ is unchanged then.
    ///
    /// # Panics
    /// If a slice does not have the optimizer's dimension.
    pub fn step(&mut self, params: &mut [T], grad: &mut [T]) -> Result<(), Error> {
        self.update(Point::new(params), grad)?;
        subtract(params, grad);
        Ok(())
    }

    /// Makes one step without changing θ: writes u in place of the gradient, for the caller to
    /// [`subtract`].
    ///
    /// # Errors
    /// If a transform fails; the optimizer is of no use then.
    ///
    /// # Panics
    /// If a slice does not have the optimizer's dimension.
    pub fn update(&mut self, at: Point<'_, T>, grad: &mut [T]) -> Result<(), Error> {
        let Point { params, loss, oracle } = at;
        assert!(
            params.len() == self.dim && grad.len() == self.dim,
            "optimizer of dimension {} got params of length {} and grad of length {}",
            self.dim,
            params.len(),
            grad.len(),
        );
        self.steps += 1;
        let (step, lr) = (self.steps, self.rate.at(self.steps));
        let oracle = oracle.map(|oracle| oracle as &mut dyn Oracle<T>);
        let mut context = Context { step, lr, params, blocks: &self.blocks, loss, oracle };
        for (transform, state) in self.transforms.iter().zip(&mut self.states) {
            transform.apply(grad, state, &mut context)?;
        }
        Ok(())
    }

    /// Threshold of stability on a quadratic at the step just made, whose mini-batch gradient was
    /// `grad`; `None` before the first step, and for all lists of transforms but those known.
    #[must_use]
    pub fn stability(&self, grad: &[f64]) -> Option<Stability> {
        if self.steps == 0 {
            return None;
        }
        let at = LastStep { step: self.steps, lr: self.rate.at(self.steps), grad };
        let parts = self.transforms.iter().zip(&self.states);
        of_list(
            parts.map(|(transform, state)| transform.linearization(state, &at)).collect(),
            at.lr,
        )
    }

    /// The state to save, by name: the transform's index in the list and the name that it gave,
    /// which is PyTorch's where PyTorch has one, as in `1.exp_avg`.
    pub fn state(&self) -> impl Iterator<Item = (&str, &[T])> {
        self.states.iter().flat_map(State::iter)
    }

    /// Continues from a saved state, with the same bits as without the break: `steps` and `state`
    /// as [`steps`](Self::steps) and [`state`](Self::state) gave them, in any order.
    ///
    /// # Errors
    /// If a part of the state is missing, unknown or of another length; the optimizer is then
    /// unchanged.
    pub fn restore(&mut self, steps: u64, state: &[(&str, &[T])]) -> Result<(), RestoreError> {
        self.check(state)?;
        for (name, values) in self.states.iter_mut().flat_map(State::iter_mut) {
            if let Some(saved) = find(state, name) {
                values.copy_from_slice(saved);
            }
        }
        self.steps = steps;
        Ok(())
    }

    fn check(&self, state: &[(&str, &[T])]) -> Result<(), RestoreError> {
        for (own, values) in self.state() {
            let name = own.to_owned();
            let Some(saved) = find(state, own) else { return Err(RestoreError::Missing { name }) };
            let (expected, found) = (values.len(), saved.len());
            if found != expected {
                return Err(RestoreError::Length { name, expected, found });
            }
        }
        match state.iter().find(|(name, _)| self.state().all(|(own, _)| own != *name)) {
            Some((name, _)) => Err(RestoreError::Unknown { name: (*name).to_owned() }),
            None => Ok(()),
        }
    }
}

/// θ ← θ − u.
pub fn subtract<T: Real>(params: &mut [T], update: &[T]) {
    for (p, u) in params.iter_mut().zip(update) {
        *p -= *u;
    }
}

/// The values saved under `name`.
fn find<'a, T>(state: &[(&str, &'a [T])], name: &str) -> Option<&'a [T]> {
    let (_, values) = state.iter().find(|(saved, _)| *saved == name)?;
    Some(values)
}
