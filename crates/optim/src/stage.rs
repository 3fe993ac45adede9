//! An atom at work: its numbers together with what it remembers.

use num_traits::Float;

use super::adam::ScaleByAdam;
use super::clip::clip_by_global_norm;
use super::trace::Trace;
use super::{Atom, to_scalar};

/// A vector that a stage carries from step to step.
#[derive(Clone, Debug)]
pub(super) struct Buffer<T> {
    /// Unique within the optimizer.
    pub(super) name: String,
    pub(super) values: Vec<T>,
}

/// One atom with its buffers.
#[derive(Clone, Debug)]
pub(super) enum Stage<T> {
    ClipByGlobalNorm { max_norm: f64 },
    AddDecayedWeights { weight_decay: T },
    Trace(Trace<T>),
    ScaleByAdam(ScaleByAdam<T>),
    ScaleByLr { lr: T },
}

impl<T: Float> Stage<T> {
    /// The stage of the atom at `index` in its list; `None` where PyTorch skips
    /// the operation (0·θ and 0·b are NaN, not 0, once θ or b has overflowed).
    pub(super) fn new(index: usize, atom: Atom, dim: usize) -> Option<Self> {
        let zeros =
            |name: &str| Buffer { name: format!("{index}.{name}"), values: vec![T::zero(); dim] };
        Some(match atom {
            Atom::AddDecayedWeights { weight_decay: 0.0 } | Atom::Trace { momentum: 0.0, .. } => {
                return None;
            }
            Atom::ClipByGlobalNorm { max_norm } => Self::ClipByGlobalNorm { max_norm },
            Atom::AddDecayedWeights { weight_decay } => {
                Self::AddDecayedWeights { weight_decay: to_scalar(weight_decay) }
            }
            Atom::Trace { momentum, dampening, nesterov } => Self::Trace(Trace {
                momentum,
                dampening,
                nesterov,
                momentum_buffer: zeros("momentum_buffer"),
            }),
            Atom::ScaleByAdam { beta1, beta2, eps, amsgrad } => Self::ScaleByAdam(ScaleByAdam {
                beta1,
                beta2,
                eps,
                exp_avg: zeros("exp_avg"),
                exp_avg_sq: zeros("exp_avg_sq"),
                max_exp_avg_sq: amsgrad.then(|| zeros("max_exp_avg_sq")),
            }),
            Atom::ScaleByLr { lr } => Self::ScaleByLr { lr: to_scalar(lr) },
        })
    }

    /// Transforms `update`; `step` counts from 1.
    pub(super) fn apply(&mut self, step: u64, params: &[T], update: &mut [T]) {
        match self {
            Self::ClipByGlobalNorm { max_norm } => clip_by_global_norm(update, *max_norm),
            Self::AddDecayedWeights { weight_decay } => {
                for (u, p) in update.iter_mut().zip(params) {
                    *u = *u + *weight_decay * *p;
                }
            }
            Self::Trace(trace) => trace.apply(step, update),
            Self::ScaleByAdam(adam) => adam.apply(step, update),
            Self::ScaleByLr { lr } => update.iter_mut().for_each(|u| *u = *lr * *u),
        }
    }

    /// What the stage remembers.
    pub(super) fn buffers(&self) -> impl Iterator<Item = &Buffer<T>> {
        let buffers = match self {
            Self::Trace(trace) => [Some(&trace.momentum_buffer), None, None],
            Self::ScaleByAdam(adam) => {
                [Some(&adam.exp_avg), Some(&adam.exp_avg_sq), adam.max_exp_avg_sq.as_ref()]
            }
            _ => [None, None, None],
        };
        buffers.into_iter().flatten()
    }

    /// The same, to be overwritten.
    pub(super) fn buffers_mut(&mut self) -> impl Iterator<Item = &mut Buffer<T>> {
        let buffers = match self {
            Self::Trace(trace) => [Some(&mut trace.momentum_buffer), None, None],
            Self::ScaleByAdam(adam) => {
                [Some(&mut adam.exp_avg), Some(&mut adam.exp_avg_sq), adam.max_exp_avg_sq.as_mut()]
            }
            _ => [None, None, None],
        };
        buffers.into_iter().flatten()
    }
}
