//! Softmax over the keys.

use super::Activation;
use windtunnel_math::lanes::Lane;

/// φ(s) = exp(s) / Σ exp(s).
pub struct Softmax;

impl Activation for Softmax {
    const NAME: &'static str = "softmax";
    const SUMMARY: &'static str = "exp(s) over its sum over the keys that mask tells";
    const NORMALIZED: bool = true;
    const SMOOTH: bool = true;

    /// exp(s − `largest`): the largest score cancels in the quotient.
    #[inline(always)]
    fn value<V: Lane>(token: V::Token, s: V, largest: V) -> V {
        (s - largest).exp(token)
    }
    #[inline(always)]
    fn adjoint<V: Lane>(_: V::Token, e: V, bar: V) -> V {
        e * bar
    }
    fn naive(s: f64) -> f64 {
        s.exp()
    }
}
