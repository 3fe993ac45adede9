//! Variants of attention: functions of the scores of the keys of one query.
//!
//! An activation is a file here that implements [`Activation`] and a line of the list below;
//! kernels, derivatives, specs, the naive twin and its tests follow from the trait.

mod activation;

pub use activation::Activation;

use super::matrix::Dim;
use super::queries::{self, On};
use windtunnel_math::lanes::Lane;

/// Every activation: its file and its type.
macro_rules! activations {
    ($($file:ident: $Type:ident,)+) => {
        $(mod $file; pub use $file::$Type;)+

        /// Variant of attention: the function φ of the scores zₖᵀ Q z_t of the keys of one query.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Attention {
            /// The scores themselves; this variant has kernels of its own.
            Linear,
            $(#[doc = concat!("See [`", stringify!($Type), "`](struct@", stringify!($Type), ").")]
            $Type,)+
        }

        impl Attention {
            /// All variants, in the order in which they are listed to users.
            pub const ALL: &'static [Attention] = &[Attention::Linear, $(Attention::$Type,)+];

            /// The name in specs.
            pub fn name(self) -> &'static str {
                match self {
                    Attention::Linear => "linear",
                    $(Attention::$Type => $Type::NAME,)+
                }
            }

            /// φ in a few words, for the template of specs.
            pub fn summary(self) -> &'static str {
                match self {
                    Attention::Linear => "the score s itself",
                    $(Attention::$Type => $Type::SUMMARY,)+
                }
            }

            /// Whether weights are divided by their sum over the keys.
            pub fn is_normalized(self) -> bool {
                match self { Attention::Linear => false, $(Attention::$Type => $Type::NORMALIZED,)+ }
            }

            /// Whether φ has a derivative everywhere.
            pub fn is_smooth(self) -> bool {
                match self { Attention::Linear => true, $(Attention::$Type => $Type::SMOOTH,)+ }
            }

            /// The version of the numerics at which the numbers of this variant alone moved last; 0
            /// if they never did.
            pub fn numerics(self) -> u32 {
                match self { Attention::Linear => 0, $(Attention::$Type => $Type::NUMERICS,)+ }
            }

            /// φ of one score, before it is divided by any sum.
            pub(crate) fn naive(self, s: f64) -> f64 {
                match self { Attention::Linear => s, $(Attention::$Type => $Type::naive(s),)+ }
            }

            /// [`queries::attend`] with this activation.
            #[inline(always)]
            pub(super) fn attend<V: Lane, D: Dim, E: Dim, const N: usize>(
                self,
                on: On<V, D, E>,
                z: &[D::Vector<V>],
                keys: usize,
                q: &[E::Vector<V>; N],
                weights: (&mut [V], &mut [V; N]),
                u: &mut [D::Vector<V>; N],
            ) {
                match self {
                    Attention::Linear => unreachable!("linear attention has its own kernels"),
                    $(Attention::$Type => {
                        queries::attend::<V, D, E, $Type, N>(on, z, keys, q, weights, u)
                    })+
                }
            }

            /// [`queries::attend_bar`] with this activation.
            #[inline(always)]
            pub(super) fn attend_bar<V: Lane, D: Dim, E: Dim, const N: usize>(
                self,
                on: On<V, D, E>,
                z: &[D::Vector<V>],
                keys: usize,
                forward: (&[V], &[V; N], &[D::Vector<V>; N]),
                u_bar: &mut [D::Vector<V>; N],
                s_and_q_bar: (&mut [V], &mut [E::Vector<V>; N]),
            ) {
                match self {
                    Attention::Linear => unreachable!("linear attention has its own kernels"),
                    $(Attention::$Type => {
                        queries::attend_bar::<V, D, E, $Type, N>(
                            on, z, keys, forward, u_bar, s_and_q_bar,
                        )
                    })+
                }
            }
        }
    };
}

activations! {
    relu: Relu,
    softmax: Softmax,
}
