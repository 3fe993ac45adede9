//! The trait of activations: name, properties, value and derivative.

use windtunnel_math::lanes::Lane;

/// A function φ of scores: e = φ(s), or φ(s) / Σ φ(s) over the keys.
pub trait Activation {
    /// Name in specs.
    const NAME: &'static str;
    /// φ in a few words, for the template of specs.
    const SUMMARY: &'static str;
    /// Whether weights are divided by their sum over the keys ([`Mask`](crate::Mask) tells which).
    const NORMALIZED: bool;
    /// Whether φ has a derivative everywhere, so that finite differences may take large steps.
    const SMOOTH: bool;

    /// The version of the numerics at which the numbers of this activation alone moved last, 0 if they
    /// never did: part of the ids of its runs, so that those of all others stay.
    const NUMERICS: u32 = 0;

    /// e = φ(s). Where weights are normalized any factor that all keys of a query share is allowed,
    /// so `largest`, the largest of their scores, may be taken from s; elsewhere it is zero.
    fn value<V: Lane>(token: V::Token, s: V, largest: V) -> V;
    /// φ′(s) · `bar`, from e = φ(s): scores are not stored.
    fn adjoint<V: Lane>(token: V::Token, e: V, bar: V) -> V;
    /// φ(s) as a plain formula, which tests compare with.
    fn naive(s: f64) -> f64;
}
