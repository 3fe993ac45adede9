//! Type-erased workers that evaluate a model on blocks of prompts, compiled once for every
//! instruction set and scalar.

mod compiled;
mod sums;

pub use sums::{Blocks, Engine, Point, PromptEngine, halved};

use crate::Transformer;
use crate::task::Drawn;
use windtunnel_math::lanes::Isa;

/// A scalar that models can be evaluated in: f32 and f64.
///
/// The kernels are compiled here, once, for every instruction set; a generic function would be
/// compiled again in every crate that trains.
pub trait Trained: Drawn {
    /// A worker for gradients.
    #[doc(hidden)]
    fn gradients(isa: Isa, model: &Transformer) -> Box<dyn PromptEngine<Self>>;
}

impl Trained for f32 {
    fn gradients(isa: Isa, model: &Transformer) -> Box<dyn PromptEngine<f32>> {
        isa.run(compiled::Single { model })
    }
}

impl Trained for f64 {
    fn gradients(isa: Isa, model: &Transformer) -> Box<dyn PromptEngine<f64>> {
        isa.run(compiled::Double { model })
    }
}

/// A worker for Hessian-vector products, in double precision only: instruments report them.
pub(super) fn products(isa: Isa, model: &Transformer) -> Box<dyn Engine<f64>> {
    isa.run(compiled::Products { model })
}
