//! Rectified scores.

use super::Activation;
use windtunnel_math::lanes::Lane;

/// φ(s) = max(0, s).
pub struct Relu;

impl Activation for Relu {
    const NAME: &'static str = "relu";
    const SUMMARY: &'static str = "max(0, s)";
    const NORMALIZED: bool = false;
    const SMOOTH: bool = false;

    #[inline(always)]
    fn value<V: Lane>(token: V::Token, s: V, _: V) -> V {
        s.gate(token, s)
    }
    #[inline(always)]
    fn adjoint<V: Lane>(token: V::Token, e: V, bar: V) -> V {
        e.gate(token, bar)
    }
    fn naive(s: f64) -> f64 {
        s.max(0.0)
    }
}
