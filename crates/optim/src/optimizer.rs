//! A list of atoms, run over one flat parameter vector.

use num_traits::Float;

use super::stage::Stage;
use super::{Atom, RestoreError};

/// A list of atoms and what they remember, for a parameter vector of fixed
/// dimension.
#[derive(Clone, Debug)]
pub struct Optimizer<T> {
    stages: Vec<Stage<T>>,
    dim: usize,
    steps: u64,
}

impl<T: Float> Optimizer<T> {
    /// An optimizer that has taken no step. The order of `atoms` is the order
    /// of application.
    ///
    /// # Cost
    /// The only allocation: `dim` scalars for a trace, 2·`dim` for Adam, 3·`dim`
    /// with AMSGrad.
    #[must_use]
    pub fn new(atoms: &[Atom], dim: usize) -> Self {
        let stages = atoms
            .iter()
            .enumerate()
            .filter_map(|(index, atom)| Stage::new(index, *atom, dim))
            .collect();
        Self { stages, dim, steps: 0 }
    }

    /// Length of the parameter vector.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Number of steps taken.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// θ ← θ − u: takes one step, and leaves u in `grad`.
    ///
    /// # Panics
    /// If a slice does not have the optimizer's dimension.
    pub fn step(&mut self, params: &mut [T], grad: &mut [T]) {
        self.update(params, grad);
        for (p, u) in params.iter_mut().zip(grad) {
            *p = *p - *u;
        }
    }

    /// u, in place of the gradient: counts as a step, but leaves it to the
    /// caller to subtract u.
    ///
    /// # Panics
    /// If a slice does not have the optimizer's dimension.
    pub fn update(&mut self, params: &[T], grad: &mut [T]) {
        assert!(
            params.len() == self.dim && grad.len() == self.dim,
            "optimizer of dimension {} got params of length {} and grad of length {}",
            self.dim,
            params.len(),
            grad.len(),
        );
        self.steps += 1;
        for stage in &mut self.stages {
            stage.apply(self.steps, params, grad);
        }
    }

    /// The buffers to save, by name: the atom's index in the list and PyTorch's
    /// name for the buffer, as in `1.exp_avg`.
    pub fn buffers(&self) -> impl Iterator<Item = (&str, &[T])> {
        let buffers = self.stages.iter().flat_map(Stage::buffers);
        buffers.map(|buffer| (buffer.name.as_str(), buffer.values.as_slice()))
    }

    /// Continues from a saved state, with the same bits as without the break:
    /// `steps` and `buffers` as [`steps`](Self::steps) and
    /// [`buffers`](Self::buffers) gave them, buffers in any order.
    ///
    /// # Errors
    /// If a buffer is missing, unknown or of another length; the optimizer is
    /// then unchanged.
    pub fn restore(&mut self, steps: u64, buffers: &[(&str, &[T])]) -> Result<(), RestoreError> {
        self.check(buffers)?;
        for buffer in self.stages.iter_mut().flat_map(Stage::buffers_mut) {
            if let Some(values) = find(buffers, &buffer.name) {
                buffer.values.copy_from_slice(values);
            }
        }
        self.steps = steps;
        Ok(())
    }

    fn check(&self, buffers: &[(&str, &[T])]) -> Result<(), RestoreError> {
        for (own, _) in self.buffers() {
            find(buffers, own).ok_or_else(|| RestoreError::Missing { name: own.to_owned() })?;
        }
        for (name, values) in buffers {
            self.check_one(name, values)?;
        }
        Ok(())
    }

    fn check_one(&self, name: &str, values: &[T]) -> Result<(), RestoreError> {
        let name = name.to_owned();
        if !self.buffers().any(|(own, _)| own == name) {
            return Err(RestoreError::Unknown { name });
        }
        let (expected, found) = (self.dim, values.len());
        if found != expected {
            return Err(RestoreError::Length { name, expected, found });
        }
        Ok(())
    }
}

/// The values saved under `name`.
fn find<'a, T>(buffers: &[(&str, &'a [T])], name: &str) -> Option<&'a [T]> {
    let (_, values) = buffers.iter().find(|(saved, _)| *saved == name)?;
    Some(values)
}
