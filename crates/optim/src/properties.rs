//! Maps that an optimizer commutes with, found by running it: never believed from its formula.

use windtunnel_math::linalg::{normals, random_orthogonal};
use windtunnel_math::rng::Key;

use crate::{Block, Config, Error, Optimizer, Value};

/// Maps that a step commutes with, and what of the parameters it mixes. Found on gradients that are
/// normal variates and do not depend on the parameters, in double precision, up to 10⁻⁶ of the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Properties {
    /// Each parameter goes its own way, to the bit: runs can be stacked in one vector.
    pub elementwise: bool,
    /// Each block goes its own way, to the bit.
    pub blockwise: bool,
    /// Parameters may be renumbered.
    pub permutation: bool,
    /// Signs of parameters may be flipped.
    pub sign: bool,
    /// Parameters may be rotated, all together.
    pub rotation: bool,
    /// Matrices may be multiplied by orthogonal ones from both sides.
    pub matrix_rotation: bool,
    /// Gradients may be multiplied by a constant without any effect, if they are so large that no ε
    /// of a denominator counts.
    pub gradient_scale: bool,
}

/// Scales of gradients beside which no ε of a denominator counts.
const LOUD: f64 = 1024.0;
const LOUDER: f64 = 1024.0 * LOUD;
/// Steps of a trial.
const STEPS: u64 = 12;
/// Largest deviation, of the longest way that a parameter has gone.
const TOLERANCE: f64 = 1e-6;

impl Properties {
    /// The properties of `config` on parameters that `blocks` divide.
    ///
    /// # Errors
    /// If a transform fails, as one that needs an oracle.
    pub fn of(config: &Config, blocks: &[Block]) -> Result<Properties, Error> {
        let dim = blocks.last().map_or(0, |block| block.range.end);
        let trial = Trial { config, blocks, dim };
        let plain = trial.run(&|_| {}, 1.0)?;
        let commutes = |map: &dyn Fn(&mut [f64])| {
            let mut expected = plain.clone();
            map(&mut expected);
            Ok::<bool, Error>(trial.near(&trial.run(map, 1.0)?, &expected))
        };
        // Whether what lies outside a range is the same to the bit when everything in it is not.
        let apart = |range: std::ops::Range<usize>| {
            let changed = trial
                .run(&|x| x[range.clone()].iter_mut().for_each(|x| *x = 1.0 - 3.0 * *x), 1.0)?;
            let same = |k: usize| changed[k].to_bits() == plain[k].to_bits();
            Ok::<bool, Error>((0..dim).all(|k| range.contains(&k) || same(k)))
        };
        let all = |mut outcomes: Vec<Result<bool, Error>>| {
            outcomes.drain(..).try_fold(true, |so_far, one| Ok::<bool, Error>(so_far && one?))
        };
        let rotation = random_orthogonal(dim, Key::trial(1));
        Ok(Properties {
            elementwise: all((0..dim).map(|k| apart(k..k + 1)).collect())?,
            blockwise: all(blocks.iter().map(|block| apart(block.range.clone())).collect())?,
            permutation: commutes(&|x| x.rotate_left(dim / 3))?,
            sign: commutes(&|x| x.iter_mut().step_by(2).for_each(|x| *x = -*x))?,
            rotation: commutes(&|x| rotate(x, &rotation))?,
            matrix_rotation: commutes(&|x| rotate_matrices(x, blocks))?,
            gradient_scale: trial.near(&trial.run(&|_| {}, LOUD)?, &trial.run(&|_| {}, LOUDER)?),
        })
    }
}

/// Hyper-parameters that change no bit of a trial when they change: without effect on parameters that
/// are divided so, as the Adam of Muon where all are matrices.
///
/// # Errors
/// If a transform fails.
pub fn inert(config: &Config, blocks: &[Block]) -> Result<Vec<&'static str>, Error> {
    let dim = blocks.last().map_or(0, |block| block.range.end);
    let run = |config: &Config| Trial { config, blocks, dim }.run(&|_| {}, 1.0);
    let plain = run(config)?;
    let mut inert = Vec::new();
    for (parameter, value) in config.values().iter() {
        let others = match value {
            Value::Number(x) => vec![Value::Number(0.5 * x + 0.1), Value::Number(0.5 * x)],
            Value::Pair([a, b]) => vec![Value::Pair([0.5 * a + 0.1, 0.5 * b + 0.2])],
            Value::Integer(n) => vec![Value::Integer(n + 1)],
            Value::Flag(on) => vec![Value::Flag(!on)],
            Value::Choice(_) => parameter.choices.iter().map(|&c| Value::Choice(c)).collect(),
        };
        let mut moved = false;
        // What does not go with the other values says nothing.
        for other in others.into_iter().flat_map(|v| config.clone().with(parameter.key, v)) {
            moved = moved || run(&other)? != plain;
        }
        if !moved {
            inert.push(parameter.key);
        }
    }
    Ok(inert)
}

struct Trial<'a> {
    config: &'a Config,
    blocks: &'a [Block],
    dim: usize,
}

impl Trial<'_> {
    /// The last parameters, from a start and along gradients that `map` has changed.
    fn run(&self, map: &dyn Fn(&mut [f64]), scale: f64) -> Result<Vec<f64>, Error> {
        let mut optimizer = Optimizer::<f64>::new(self.config, self.blocks);
        let mut params = self.start();
        map(&mut params);
        for step in 0..STEPS {
            let mut grad = normals(Key::trial(10 + step), self.dim);
            map(&mut grad);
            grad.iter_mut().for_each(|g| *g *= scale);
            optimizer.step(&mut params, &mut grad)?;
        }
        Ok(params)
    }

    fn start(&self) -> Vec<f64> {
        normals(Key::trial(2), self.dim)
    }

    fn near(&self, a: &[f64], b: &[f64]) -> bool {
        let start = self.start();
        let way = a.iter().chain(b).zip(start.iter().cycle());
        let longest = way.fold(0.0, |max: f64, (x, start)| max.max((x - start).abs()));
        a.iter().zip(b).all(|(a, b)| (a - b).abs() <= TOLERANCE * longest)
    }
}

/// x ← R x.
fn rotate(x: &mut [f64], rotation: &[f64]) {
    let rotated: Vec<f64> =
        rotation.chunks(x.len()).map(|row| row.iter().zip(&*x).map(|(r, x)| r * x).sum()).collect();
    x.copy_from_slice(&rotated);
}

/// X ← L X Rᵀ for every matrix, with other L and R for each.
fn rotate_matrices(x: &mut [f64], blocks: &[Block]) {
    for (k, block) in blocks.iter().enumerate() {
        let Some((rows, columns)) = block.shape else { continue };
        let right = random_orthogonal(columns, Key::trial(100 + 2 * k as u64));
        let left = random_orthogonal(rows, Key::trial(101 + 2 * k as u64));
        let matrix = &mut x[block.range.clone()];
        matrix.chunks_mut(columns).for_each(|row| rotate(row, &right));
        for j in 0..columns {
            let mut column: Vec<f64> = (0..rows).map(|i| matrix[i * columns + j]).collect();
            rotate(&mut column, &left);
            column.iter().enumerate().for_each(|(i, x)| matrix[i * columns + j] = *x);
        }
    }
}
