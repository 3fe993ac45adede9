//! The kernels that are compiled: for every instruction set, scalar and common d.
//!
//! rustc makes one codegen unit of a module, so each scalar has its own: LLVM then works on all of
//! them at a time. Everything that they need is `#[inline]`, which compiles it in their units.

use fearless_simd::Simd;

use super::sums::{Engine, PromptEngine, Sums};
use crate::kernel::Kernel;
use crate::matrix::{Any, Const, Dim};
use crate::{Attention, Transformer, gram, sparse, tokens};
use windtunnel_math::lanes::{ConstantShapes, Dual, Lane, Packed, WithSimd};

pub use double::Double;
pub use products::Products;
pub use single::Single;

mod single {
    use super::*;

    /// Gradients in single precision: training.
    pub struct Single<'a> {
        pub model: &'a Transformer,
    }

    impl WithSimd for Single<'_> {
        type Output = Box<dyn PromptEngine<f32>>;
        fn with_simd<S: Simd>(self, token: S) -> Self::Output {
            let model = self.model;
            if S::CONSTANT && model.is_plain() {
                // The path for any d takes 1.6 times as long at d = 10 and 4 times at d = 3.
                match model.dim {
                    2 => return plain::<Packed<S, f32>, _, _>(token, Const::<2>, model),
                    3 => return plain::<Packed<S, f32>, _, _>(token, Const::<3>, model),
                    4 => return plain::<Packed<S, f32>, _, _>(token, Const::<4>, model),
                    6 => return plain::<Packed<S, f32>, _, _>(token, Const::<6>, model),
                    7 => return plain::<Packed<S, f32>, _, _>(token, Const::<7>, model),
                    8 => return plain::<Packed<S, f32>, _, _>(token, Const::<8>, model),
                    10 => return plain::<Packed<S, f32>, _, _>(token, Const::<10>, model),
                    _ => {}
                }
            }
            kernel::<Packed<S, f32>, _>(token, model)
        }
    }
}

mod double {
    use super::*;

    /// Gradients in double precision.
    pub struct Double<'a> {
        pub model: &'a Transformer,
    }

    impl WithSimd for Double<'_> {
        type Output = Box<dyn PromptEngine<f64>>;
        fn with_simd<S: Simd>(self, token: S) -> Self::Output {
            kernel::<Packed<S, f64>, _>(token, self.model)
        }
    }
}

mod products {
    use super::*;

    /// Gradients of dual numbers in double precision.
    pub struct Products<'a> {
        pub model: &'a Transformer,
    }

    impl WithSimd for Products<'_> {
        type Output = Box<dyn Engine<f64>>;
        fn with_simd<S: Simd>(self, token: S) -> Self::Output {
            let model = self.model;
            if S::CONSTANT && model.is_plain() {
                // The path for any d takes twice as long at d = 4 and three times at d = 3.
                match model.dim {
                    2 => return plain::<Dual<Packed<S, f64>>, _, _>(token, Const::<2>, model),
                    3 => return plain::<Dual<Packed<S, f64>>, _, _>(token, Const::<3>, model),
                    4 => return plain::<Dual<Packed<S, f64>>, _, _>(token, Const::<4>, model),
                    6 => return plain::<Dual<Packed<S, f64>>, _, _>(token, Const::<6>, model),
                    7 => return plain::<Dual<Packed<S, f64>>, _, _>(token, Const::<7>, model),
                    _ => {}
                }
            }
            kernel::<Dual<Packed<S, f64>>, _>(token, model)
        }
    }
}

/// An engine behind a pointer, with no more methods than are called.
trait Boxed<V: Lane> {
    fn new<K: Kernel<V> + 'static>(sums: Sums<V, K>) -> Self;
}

impl<V: Lane> Boxed<V> for Box<dyn Engine<V::Scalar>> {
    #[inline(always)]
    fn new<K: Kernel<V> + 'static>(sums: Sums<V, K>) -> Self {
        Box::new(sums)
    }
}

impl<V: Lane> Boxed<V> for Box<dyn PromptEngine<V::Scalar>> {
    #[inline(always)]
    fn new<K: Kernel<V> + 'static>(sums: Sums<V, K>) -> Self {
        Box::new(sums)
    }
}

/// The kernel of a model, with constant shapes for the paper's d = 5.
#[inline(always)]
fn kernel<V: Lane, B: Boxed<V>>(token: V::Token, model: &Transformer) -> B {
    let (dim, width, rows) = (model.dim, model.dim + 1, model.kernel_rows());
    if V::Token::CONSTANT && dim == 5 {
        return match (model.is_plain(), model.attention, rows) {
            (true, ..) => plain(token, Const::<5>, model),
            (_, Attention::Linear, _) => with_gram(token, Const::<6>, model),
            (.., 5) => with_tokens(token, (Const::<6>, Const::<5>), model),
            _ => with_tokens(token, (Const::<6>, Const::<6>), model),
        };
    }
    match (model.is_plain(), model.attention) {
        (true, _) => plain(token, Any(dim), model),
        (_, Attention::Linear) => with_gram(token, Any(width), model),
        _ => with_tokens(token, (Any(width), Any(rows)), model),
    }
}

#[inline(always)]
fn plain<V: Lane, B: Boxed<V>, D: Dim>(token: V::Token, dim: D, model: &Transformer) -> B {
    B::new(Sums::new(token, sparse::Tape::new(token, dim, model.depth), model.depth))
}

#[inline(always)]
fn with_gram<V: Lane, B: Boxed<V>, D: Dim>(token: V::Token, dim: D, model: &Transformer) -> B {
    B::new(Sums::new(token, gram::Tape::new(token, dim, model), 1))
}

#[inline(always)]
fn with_tokens<V: Lane, B: Boxed<V>, D: Dim, E: Dim>(
    token: V::Token,
    shape: (D, E),
    model: &Transformer,
) -> B {
    B::new(Sums::new(token, tokens::Tape::new(token, shape, model), 1))
}
