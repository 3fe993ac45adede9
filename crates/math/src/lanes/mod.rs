//! Lane vectors: the arithmetic that every kernel is written in.
//!
//! Lanes run across prompts, so one vector operation advances as many prompts as the machine's
//! registers hold. Kernels are generic over [`Lane`], which `Packed` (f32 or f64 registers) and
//! [`Dual`] (a value with its tangent) implement; `Isa` picks the registers at run time.
//! Every block of prompts has [`BLOCK`] lanes whatever the register width, which keeps results
//! independent of it.

mod dual;
mod math;

pub use dual::Dual;
pub use math::{exp, exp_wide, ln, sin_cos_turns, small_to_float};

pub use fearless_simd::Simd;
use fearless_simd::prelude::*;
use fearless_simd::{Level, SimdFloatElement};

/// Prompts in one block: the fixed logical lane width, one 512-bit register of f32.
pub const BLOCK: usize = 16;

/// A floating-point type that models can be trained in.
pub trait Real: SimdFloatElement + num_traits::Float + Send + Sync + 'static {
    /// The nearest value to `x`.
    fn nearest(x: f64) -> Self;
    /// The same value in double precision.
    fn widen(self) -> f64;
    /// e^x lane by lane, next to zero where it would underflow; not above 87.
    fn exp_lanes<S: Simd>(token: S, x: Self::Native<S>) -> Self::Native<S>;
}

impl Real for f32 {
    #[inline(always)]
    fn nearest(x: f64) -> f32 {
        x as f32
    }
    #[inline(always)]
    fn widen(self) -> f64 {
        f64::from(self)
    }
    #[inline(always)]
    fn exp_lanes<S: Simd>(token: S, x: S::f32s) -> S::f32s {
        exp(token, x)
    }
}

impl Real for f64 {
    #[inline(always)]
    fn nearest(x: f64) -> f64 {
        x
    }
    #[inline(always)]
    fn widen(self) -> f64 {
        self
    }
    #[inline(always)]
    fn exp_lanes<S: Simd>(token: S, x: S::f64s) -> S::f64s {
        exp_wide(token, x)
    }
}

/// One value of the prompts of a block, at the address of a register: no load or store of it
/// touches two cache lines.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C, align(64))]
pub struct BlockRow<T>(pub [T; BLOCK]);

impl<T> std::ops::Deref for BlockRow<T> {
    type Target = [T; BLOCK];
    #[inline(always)]
    fn deref(&self) -> &[T; BLOCK] {
        &self.0
    }
}

impl<T> std::ops::DerefMut for BlockRow<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [T; BLOCK] {
        &mut self.0
    }
}

/// Number type of kernels: sums, products and fused multiply-adds, lane by lane.
pub trait Lane:
    Copy
    + Send
    + 'static
    + std::ops::Add<Output = Self>
    + std::ops::Sub<Output = Self>
    + std::ops::Mul<Output = Self>
{
    /// Proof that the instructions exist on this machine.
    type Token: Simd;
    /// The type of one lane's value.
    type Scalar: Real;
    /// Values of one lane: 1, or 2 for a dual number.
    const PARTS: usize;
    /// Number of lanes of one register.
    const WIDTH: usize;
    /// How many values the registers of the machine hold.
    const REGISTERS: usize;

    /// All lanes equal to `x`.
    fn splat(token: Self::Token, x: f64) -> Self;
    /// Lanes read from `WIDTH` consecutive values; tangents are zero.
    fn load(token: Self::Token, values: &[Self::Scalar]) -> Self;
    /// All lanes equal to one parameter: its value and, for dual numbers, its tangent.
    fn parameter(token: Self::Token, value: Self::Scalar, tangent: Self::Scalar) -> Self;
    /// Writes part `part` (0 the value, 1 the tangent) to `WIDTH` consecutive values.
    fn store(self, part: usize, out: &mut [Self::Scalar]);
    /// `self · a + b`, rounded once where the machine can.
    fn mul_add(self, a: Self, b: Self) -> Self;
    /// `x` where `self` is positive, else zero: with x = `self`, the rectifier.
    fn gate(self, token: Self::Token, x: Self) -> Self;
    /// The larger value, as a constant: its tangent is zero.
    fn peak(self, token: Self::Token, other: Self) -> Self;
    /// 1/`self`.
    fn recip(self, token: Self::Token) -> Self;
    /// e^`self`, next to zero where it would underflow; not above 87.
    fn exp(self, token: Self::Token) -> Self;
    /// Lanes of both in turn: the lower halves, then the upper halves.
    fn interleave(self, other: Self) -> (Self, Self);
}

/// One register of `T` lanes on the instruction set `S`.
#[derive(Clone, Copy)]
pub struct Packed<S: Simd, T: Real>(pub T::Native<S>);

impl<S: Simd, T: Real> std::ops::Add for Packed<S, T> {
    type Output = Self;
    #[inline(always)]
    fn add(self, rhs: Self) -> Self {
        Packed(self.0 + rhs.0)
    }
}

impl<S: Simd, T: Real> std::ops::Sub for Packed<S, T> {
    type Output = Self;
    #[inline(always)]
    fn sub(self, rhs: Self) -> Self {
        Packed(self.0 - rhs.0)
    }
}

impl<S: Simd, T: Real> std::ops::Mul for Packed<S, T> {
    type Output = Self;
    #[inline(always)]
    fn mul(self, rhs: Self) -> Self {
        Packed(self.0 * rhs.0)
    }
}

impl<S: Simd, T: Real> Lane for Packed<S, T> {
    type Token = S;
    type Scalar = T;
    const PARTS: usize = 1;
    const WIDTH: usize = <T::Native<S> as SimdBase<S>>::LEN;
    const REGISTERS: usize =
        if cfg!(target_arch = "aarch64") || S::f32s::LEN == BLOCK { 32 } else { 16 };

    #[inline(always)]
    fn splat(token: S, x: f64) -> Self {
        Packed(T::Native::<S>::splat(token, T::nearest(x)))
    }
    #[inline(always)]
    fn load(token: S, values: &[T]) -> Self {
        Packed(T::Native::<S>::from_slice(token, values))
    }
    #[inline(always)]
    fn parameter(token: S, value: T, _tangent: T) -> Self {
        Packed(T::Native::<S>::splat(token, value))
    }
    #[inline(always)]
    fn store(self, _part: usize, out: &mut [T]) {
        self.0.store_slice(out);
    }
    #[inline(always)]
    fn mul_add(self, a: Self, b: Self) -> Self {
        Packed(self.0.mul_add(a.0, b.0))
    }
    #[inline(always)]
    fn gate(self, token: S, x: Self) -> Self {
        let zero = T::Native::<S>::splat(token, T::zero());
        Packed(self.0.simd_gt(zero).select(x.0, zero))
    }
    #[inline(always)]
    fn peak(self, _token: S, other: Self) -> Self {
        Packed(self.0.max(other.0))
    }
    #[inline(always)]
    fn recip(self, token: S) -> Self {
        Packed(T::Native::<S>::splat(token, T::nearest(1.0)) / self.0)
    }
    #[inline(always)]
    fn exp(self, token: S) -> Self {
        Packed(T::exp_lanes(token, self.0))
    }
    #[inline(always)]
    fn interleave(self, other: Self) -> (Self, Self) {
        let (low, high) = self.0.interleave(other.0);
        (Packed(low), Packed(high))
    }
}

/// Choice of the kernels that are compiled for an instruction set.
pub trait ConstantShapes: Simd {
    /// Whether there are kernels of constant shape besides those of any shape. SSE2 on x86-64 has
    /// none: only processors of before 2013 run on it, and they would be a quarter of all code.
    const CONSTANT: bool = cfg!(not(any(target_arch = "x86", target_arch = "x86_64")))
        || <Self::f32s as SimdBase<Self>>::LEN > 4;
}

impl<S: Simd> ConstantShapes for S {}

/// The instruction set that kernels run on.
///
/// Results have the same bits on every set with fused multiply-add; `Baseline` rounds products
/// on x86-64, so its last bits differ. The set is stored with each run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// 512-bit registers.
    Avx512,
    /// 256-bit registers with fused multiply-add.
    Avx2,
    /// The set that every processor of the target architecture has: SSE2, NEON, or plain scalars.
    Baseline,
}

/// Work that can run on any instruction set.
pub trait WithSimd {
    /// Result of the work.
    type Output;
    /// Does the work with the instructions that `token` proves to exist.
    fn with_simd<S: Simd>(self, token: S) -> Self::Output;
}

impl Isa {
    /// Every set, the widest first.
    pub const ALL: [Isa; 3] = [Isa::Avx512, Isa::Avx2, Isa::Baseline];

    /// The widest instruction set of this machine.
    pub fn detect() -> Isa {
        Isa::ALL.into_iter().find(|isa| isa.available()).unwrap_or(Isa::Baseline)
    }

    /// Whether this machine has the instruction set.
    pub fn available(self) -> bool {
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        match self {
            Isa::Avx512 => return Level::new().as_avx512().is_some(),
            Isa::Avx2 => return Level::new().as_avx2().is_some(),
            Isa::Baseline => {}
        }
        self == Isa::Baseline
    }

    /// Lower-case name, as stored with runs.
    pub fn name(self) -> &'static str {
        match self {
            Isa::Avx512 => "avx512",
            Isa::Avx2 => "avx2+fma",
            Isa::Baseline => "baseline",
        }
    }

    /// Runs `work` on this set, or on the baseline where the machine lacks it.
    #[inline]
    pub fn run<W: WithSimd>(self, work: W) -> W::Output {
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        {
            let level = Level::new();
            if let (Isa::Avx512, Some(token)) = (self, level.as_avx512()) {
                return token.vectorize(
                    #[inline(always)]
                    || work.with_simd(token),
                );
            }
            if let (Isa::Avx2, Some(token)) = (self, level.as_avx2()) {
                return token.vectorize(
                    #[inline(always)]
                    || work.with_simd(token),
                );
            }
        }
        run_baseline(work)
    }
}

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
fn run_baseline<W: WithSimd>(work: W) -> W::Output {
    match Level::baseline().as_sse2() {
        Some(token) => work.with_simd(token),
        None => unreachable!("x86 targets of windtunnel have SSE2"),
    }
}

#[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
fn run_baseline<W: WithSimd>(work: W) -> W::Output {
    fearless_simd::dispatch!(Level::baseline(), token => work.with_simd(token))
}
