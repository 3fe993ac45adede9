//! Dual numbers: a value and its derivative along one direction, carried together.

use super::Lane;

/// A value `re` with its tangent `du`: arithmetic on `re + du·ε` with `ε² = 0`.
///
/// Running a gradient kernel on dual parameters with tangent v gives the exact Hessian-vector
/// product H v as the tangent of the gradient, with no step size to choose.
#[derive(Clone, Copy)]
pub struct Dual<V> {
    /// The value.
    pub re: V,
    /// The tangent.
    pub du: V,
}

impl<V: Lane> std::ops::Add for Dual<V> {
    type Output = Self;
    #[inline(always)]
    fn add(self, b: Self) -> Self {
        Dual { re: self.re + b.re, du: self.du + b.du }
    }
}

impl<V: Lane> std::ops::Sub for Dual<V> {
    type Output = Self;
    #[inline(always)]
    fn sub(self, b: Self) -> Self {
        Dual { re: self.re - b.re, du: self.du - b.du }
    }
}

impl<V: Lane> std::ops::Mul for Dual<V> {
    type Output = Self;
    #[inline(always)]
    fn mul(self, b: Self) -> Self {
        Dual { re: self.re * b.re, du: self.re.mul_add(b.du, self.du * b.re) }
    }
}

impl<V: Lane> Lane for Dual<V> {
    type Token = V::Token;
    type Scalar = V::Scalar;
    const PARTS: usize = 2;
    const WIDTH: usize = V::WIDTH;
    const REGISTERS: usize = V::REGISTERS / 2;

    #[inline(always)]
    fn splat(token: V::Token, x: f64) -> Self {
        Dual { re: V::splat(token, x), du: V::splat(token, 0.0) }
    }
    #[inline(always)]
    fn load(token: V::Token, values: &[V::Scalar]) -> Self {
        Dual { re: V::load(token, values), du: V::splat(token, 0.0) }
    }
    #[inline(always)]
    fn parameter(token: V::Token, value: V::Scalar, tangent: V::Scalar) -> Self {
        let zero = V::Scalar::default();
        Dual { re: V::parameter(token, value, zero), du: V::parameter(token, tangent, zero) }
    }
    #[inline(always)]
    fn store(self, part: usize, out: &mut [V::Scalar]) {
        match part {
            0 => self.re.store(0, out),
            _ => self.du.store(0, out),
        }
    }
    #[inline(always)]
    fn mul_add(self, a: Self, b: Self) -> Self {
        Dual {
            re: self.re.mul_add(a.re, b.re),
            du: self.re.mul_add(a.du, self.du.mul_add(a.re, b.du)),
        }
    }
    #[inline(always)]
    fn gate(self, token: V::Token, x: Self) -> Self {
        Dual { re: self.re.gate(token, x.re), du: self.re.gate(token, x.du) }
    }
    #[inline(always)]
    fn peak(self, token: V::Token, other: Self) -> Self {
        Dual { re: self.re.peak(token, other.re), du: V::splat(token, 0.0) }
    }
    #[inline(always)]
    fn recip(self, token: V::Token) -> Self {
        let re = self.re.recip(token);
        Dual { re, du: V::splat(token, 0.0) - re * re * self.du }
    }
    #[inline(always)]
    fn exp(self, token: V::Token) -> Self {
        let re = self.re.exp(token);
        Dual { re, du: re * self.du }
    }
    #[inline(always)]
    fn interleave(self, other: Self) -> (Self, Self) {
        let (re, du) = (self.re.interleave(other.re), self.du.interleave(other.du));
        (Dual { re: re.0, du: du.0 }, Dual { re: re.1, du: du.1 })
    }
}
