//! Random draws: awkward numbers and damaged bytes.

use windtunnel_math::rng::{Key, Purpose};

/// A stream of draws.
pub struct Dice {
    key: Key,
    slot: u32,
}

impl Dice {
    pub fn new(seed: u64) -> Self {
        Dice { key: Key { seed, purpose: Purpose::Samples, step: 0 }, slot: 0 }
    }

    /// One of `0..bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        self.slot += 1;
        self.key.index(0, self.slot, bound)
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    pub fn uniform(&mut self) -> f64 {
        self.slot += 1;
        self.key.uniform(self.slot)
    }

    /// Numbers at the ends of double precision, and ordinary ones.
    pub fn number(&mut self) -> f64 {
        const NASTY: [f64; 16] = [
            0.0,
            -0.0,
            1.0,
            -1.0,
            5e-324,
            f64::MIN_POSITIVE,
            1e-300,
            -1e-300,
            1e-150,
            1e150,
            1e300,
            -1e300,
            f64::MAX,
            f64::MIN,
            f64::INFINITY,
            f64::NAN,
        ];
        match self.below(4) {
            0 => *self.pick(&NASTY),
            1 => self.uniform() - 0.5,
            2 => 1.0 + self.below(4) as f64 * f64::EPSILON,
            _ => 10_f64.powf(600.0 * self.uniform() - 300.0),
        }
    }

    /// A sample that is awkward for statistics and axes.
    pub fn sample(&mut self, len: usize) -> Vec<f64> {
        let (a, b) = (self.number(), self.number());
        let kind = self.below(8);
        let mut draw = |i: usize| match kind {
            0 => a,
            1 => a * (1.0 + self.below(3) as f64 * f64::EPSILON),
            2 => *self.pick(&[a, b]),
            3 if i == 0 => b,
            3 => 0.0,
            4 => a.abs(),
            5 => self.uniform() * a,
            6 => -self.uniform(),
            _ => self.number(),
        };
        (0..len).map(&mut draw).collect()
    }

    /// The bytes with a bit flipped, cut, lengthened, zeroed, or with a piece of `others`.
    pub fn damaged(&mut self, bytes: &[u8], others: &[u8]) -> Vec<u8> {
        let mut damaged = bytes.to_vec();
        let at = self.below(bytes.len());
        let end = (at + 1 + self.below(64)).min(bytes.len());
        match self.below(6) {
            0 | 1 => damaged[at] ^= 1 << self.below(8),
            2 => damaged.truncate(at),
            3 => damaged.extend((0..1 + self.below(40)).map(|_| self.below(256) as u8)),
            4 => damaged[at..end].fill(0),
            _ => {
                let from = self.below(others.len());
                let piece = &others[from..(from + end - at).min(others.len())];
                damaged.splice(at..end, piece.iter().copied());
            }
        }
        damaged
    }
}
