//! Optimizers: lists of transforms over slices, each with the semantics of the library it names.
//!
//! A [`Transform`] turns a gradient into something closer to an update and names the [`State`]
//! that it carries; a [`Method`] ([`Sgd`], [`Adam`], [`AdamW`]) declares hyper-parameters and the
//! list of transforms that they make; a [`Config`] is a method with its numbers; an [`Optimizer`]
//! runs the list. The same name means different things elsewhere (position of ε, coupled or
//! decoupled decay, first step of the momentum buffer), so every transform states its formula and
//! its tests compare it with that library (`torch.optim`, optax, others).
//!
//! ```
//! use windtunnel_optim::{AdamW, Block, Config, Optimizer};
//!
//! let adamw = Config::of::<AdamW>().with_lr(1e-2).with_clip_norm(Some(1.0));
//! let adamw = adamw.with("weight_decay", 0.1)?;
//!
//! let mut params = [1.0_f64, -2.0];
//! let mut optimizer = Optimizer::new(&adamw, &Block::whole(params.len()));
//! let mut grad = params; // of ‖params‖²/2
//! optimizer.step(&mut params, &mut grad)?;
//! assert!(params[0] < 1.0 && params[1] > -2.0);
//! # Ok::<(), windtunnel_optim::Error>(())
//! ```
//!
//! An optimizer of your own is a [`Method`] that [`register`] makes known to specs:
//!
//! ```
//! use std::sync::Arc;
//! use windtunnel_optim::*;
//!
//! /// θ ← θ − η sign(g).
//! struct SignDescent;
//!
//! impl Method for SignDescent {
//!     const NAME: &'static str = "sign_descent";
//!     const SUMMARY: &'static str = "steps of one size, whatever the gradient";
//!     const PARAMETERS: &'static [Parameter] = &[];
//!     const LR: f64 = 1e-3;
//!
//!     fn transforms<T: Real>(_: &Values) -> Transforms<T> {
//!         vec![Arc::new(Sign), Arc::new(ScaleByLearningRate)]
//!     }
//! }
//!
//! struct Sign;
//!
//! impl<T: Real> Transform<T> for Sign {
//!     fn apply(
//!         &self,
//!         update: &mut [T],
//!         _: &mut State<T>,
//!         _: &mut Context<'_, T>,
//!     ) -> Result<(), Error> {
//!         update.iter_mut().for_each(|u| *u = if u.is_zero() { *u } else { u.signum() });
//!         Ok(())
//!     }
//! }
//!
//! let definition = register::<SignDescent>("1")?;
//! assert_eq!(Config::new(definition).lr(), 1e-3);
//! # Ok::<(), RegisterError>(())
//! ```

mod config;
mod definition;
mod method;
mod optimizer;
mod parameter;
mod properties;
mod rate;
mod registry;
mod restore;
mod stability;
mod state;
mod transform;

pub use config::Config;
pub use definition::{BuiltIn, Definition, Method, Scalar};
pub use method::{
    Adabelief, Adadelta, Adafactor, Adagrad, Adam, AdamW, Adamax, Adan, Ademamix, Adopt, Dog, Lamb,
    Laprop, Lion, Mars, Muon, Nadam, NormalizedSgd, Prodigy, Radam, RmsProp, Sgd, SignSgd, Signum,
};
pub use optimizer::{Optimizer, Point, subtract};
pub use parameter::{Parameter, ParameterError, Range, Value, Values};
pub use properties::{Properties, inert};
pub use rate::{LearningRate, RateSchedule};
pub use registry::{RegisterError, SHARED_KEYS, definitions, named, register, register_definition};
pub use restore::RestoreError;
pub use stability::{LastStep, Linearization};
pub use state::State;
pub use transform::{
    AddDecayedWeights, AddGradientChange, ClipByGlobalNorm, ClipByValue, Context, Error, Mean,
    MuonScale, Normalize, Oracle, Orthogonalization, ScaleByAdadelta, ScaleByAdafactor,
    ScaleByAdagrad, ScaleByAdam, ScaleByAdamax, ScaleByAdan, ScaleByAdemamix, ScaleByAdopt,
    ScaleByBelief, ScaleByDog, ScaleByLaprop, ScaleByLearningRate, ScaleByLion, ScaleByMuon,
    ScaleByNadam, ScaleByProdigy, ScaleByRadam, ScaleByRms, ScaleBySign, ScaleByTrustRatio, Trace,
    Transform, Transforms,
};
pub use windtunnel_math::lanes::Real;
pub use windtunnel_math::objective::Block;

#[cfg(test)]
mod tests;
