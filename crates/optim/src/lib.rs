//! Optimizers: a small algebra of atoms over slices, with PyTorch's semantics.
//!
//! An [`Atom`] turns a gradient into something closer to an update; a recipe
//! ([`Sgd`], [`Adam`], [`AdamW`]) is a list of atoms; an [`Optimizer`] runs a
//! list and holds its memory. The same name means different things elsewhere
//! (position of ε, coupled or decoupled decay, first step of the momentum
//! buffer), so every atom states its formula and its tests compare it with
//! `torch.optim`.
//!
//! ```
//! use crate::{AdamW, Atom, Optimizer};
//!
//! let adamw = AdamW { lr: 1e-2, ..AdamW::default() };
//! let mut atoms = vec![Atom::ClipByGlobalNorm { max_norm: 1.0 }];
//! atoms.extend(adamw.atoms());
//!
//! let mut params = [1.0_f64, -2.0];
//! let mut optimizer = Optimizer::new(&atoms, params.len());
//! let mut grad = params; // of ‖params‖²/2
//! optimizer.step(&mut params, &mut grad);
//! assert!(params[0] < 1.0 && params[1] > -2.0);
//! ```

mod adam;
mod atom;
mod clip;
mod optimizer;
mod recipe;
mod restore;
mod stage;
mod trace;

pub use atom::Atom;
pub use optimizer::Optimizer;
pub use recipe::{Adam, AdamW, Sgd};
pub use restore::RestoreError;

use num_traits::Float;

/// `value` in the scalar type. Every conversion that f32 and f64 can ask for
/// succeeds (it rounds); NaN stands for the failure that cannot happen.
fn to_scalar<T: Float>(value: f64) -> T {
    T::from(value).unwrap_or_else(T::nan)
}

#[cfg(test)]
mod tests;
