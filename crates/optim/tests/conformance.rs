//! Properties of every optimizer, tested over the list of them: a new optimizer is checked here at
//! once.

// Clippy allows unwrap in tests, but not in the functions that they share.
#![allow(clippy::unwrap_used)]

use windtunnel_math::rng::{Key, Purpose};
use windtunnel_optim::{
    Block, Config, Definition, Error, Optimizer, Oracle, Parameter, Point, Real, Scalar, Value,
    definitions, register_definition,
};

/// Parameters: a matrix of 2 by 3, a vector of 3.
const DIM: usize = 9;

fn blocks() -> Vec<Block> {
    let block = |name: &str, range, shape| Block { name: name.into(), range, shape, unused: false };
    vec![block("matrix", 0..6, Some((2, 3))), block("vector", 6..9, None)]
}

/// Every optimizer with its defaults, PyTorch's, and each hyper-parameter somewhere else; clipped
/// and not.
fn configs() -> Vec<Config> {
    let mut configs = Vec::new();
    for definition in definitions() {
        let defaults = Config::new(definition);
        let pytorch = definition.parameters.iter().filter_map(|p| Some((p.key, p.pytorch?)));
        let mut variants = vec![defaults.clone()];
        variants.extend(defaults.clone().with_all(&pytorch.collect::<Vec<_>>()));
        for parameter in definition.parameters {
            for value in others(parameter) {
                // Some do not go with the other defaults.
                variants.extend(defaults.clone().with(parameter.key, value));
            }
        }
        let clipped: Vec<Config> =
            variants.iter().map(|config| config.clone().with_clip_norm(Some(0.7))).collect();
        let clamped = defaults.with_clip_value(Some(0.3));
        configs.extend(variants.into_iter().chain(clipped).chain([clamped]));
    }
    assert!(configs.len() >= 30, "{}", configs.len());
    configs
}

/// Other values in the range.
fn others(parameter: &Parameter) -> Vec<Value> {
    let zero = parameter.range.contains(0.0);
    match parameter.default {
        Value::Number(x) if zero => vec![0.0.into(), (0.5 * x + 0.1).into()],
        Value::Number(x) => vec![(0.5 * x).into()],
        Value::Pair([a, b]) => vec![[0.5 * a, 0.5 * b + 0.1].into()],
        Value::Integer(n) => vec![(n + 1).into(), Value::Integer(if zero { 0 } else { 1 })],
        Value::Flag(on) => vec![(!on).into()],
        Value::Choice(_) => parameter.choices[1..].iter().map(|&c| Value::Choice(c)).collect(),
    }
}

/// ½ Σ cᵢ θᵢ², for optimizers that ask beyond the gradient.
struct Quadratic;

fn curvature<T: Real>(i: usize) -> T {
    T::nearest([1.0, 2.0, 0.5][i % 3])
}

impl<T: Real> Oracle<T> for Quadratic {
    fn loss(&mut self, params: &[T]) -> Result<f64, Error> {
        let term = |(i, p): (usize, &T)| 0.5 * curvature::<f64>(i) * p.widen() * p.widen();
        Ok(params.iter().enumerate().map(term).sum())
    }
    fn gradient(&mut self, params: &[T], grad: &mut [T]) -> Result<f64, Error> {
        self.hvp(params, params, grad)?;
        self.loss(params)
    }
    fn hvp(&mut self, _: &[T], v: &[T], out: &mut [T]) -> Result<f64, Error> {
        out.iter_mut().zip(v).enumerate().for_each(|(i, (out, v))| *out = curvature::<T>(i) * *v);
        Ok(out.iter().zip(v).map(|(h, v)| h.widen() * v.widen()).sum())
    }
}

/// A trajectory.
struct Run<T> {
    optimizer: Optimizer<T>,
    params: Vec<T>,
}

impl<T: Scalar> Run<T> {
    fn new(config: &Config) -> Run<T> {
        let key = Key { seed: 3, purpose: Purpose::Init, step: 0 };
        let start = windtunnel_math::linalg::normals(key, DIM);
        let params = start.into_iter().map(T::nearest).collect();
        Run { optimizer: Optimizer::new(config, &blocks()), params }
    }

    /// One step along this gradient.
    fn step(&mut self, grad: &mut [T]) {
        let loss = Some(Quadratic.loss(&self.params).unwrap());
        let at = Point { params: &self.params, loss, oracle: Some(&mut Quadratic) };
        self.optimizer.update(at, grad).unwrap();
        windtunnel_optim::subtract(&mut self.params, grad);
    }

    /// So many steps on the quadratic.
    fn descend(&mut self, steps: usize) {
        for _ in 0..steps {
            let mut grad = vec![T::zero(); DIM];
            Quadratic.gradient(&self.params, &mut grad).unwrap();
            self.step(&mut grad);
        }
    }

    /// So many steps along gradients that do not depend on where the run is.
    fn follow(&mut self, steps: u64) {
        for step in 0..steps {
            let key = Key { seed: 4, purpose: Purpose::Init, step };
            let grad = windtunnel_math::linalg::normals(key, DIM);
            self.step(&mut grad.into_iter().map(T::nearest).collect::<Vec<T>>());
        }
    }

    fn bits(&self) -> Vec<u64> {
        let state = self.optimizer.state().flat_map(|(_, values)| values);
        self.params.iter().chain(state).map(|x| x.widen().to_bits()).collect()
    }
}

#[test]
fn parameters_stay_finite() {
    for config in configs() {
        let mut run = Run::<f64>::new(&config);
        run.descend(300);
        run.follow(300);
        let finite = |values: &[f64]| values.iter().all(|x| x.is_finite());
        assert!(finite(&run.params), "{config:?}: {:?}", run.params);
        assert!(run.optimizer.state().all(|(_, values)| finite(values)), "{config:?}");
    }
}

/// An optimizer descends at a hundredth of its default learning rate, which is the best for noisy
/// gradients and its default averages, at any speed.
#[test]
fn losses_fall() {
    for config in configs() {
        let lr = 0.01 * config.lr();
        let config = config.with_lr(lr);
        let mut run = Run::<f64>::new(&config);
        let before = Quadratic.loss(&run.params).unwrap();
        run.descend(300);
        let after = Quadratic.loss(&run.params).unwrap();
        assert!(after < before, "{config:?}: {before} to {after}");
    }
}

/// Gradients that never change, at any scale, and none at all; 0/0 where an ε of 0 was asked for, as
/// in every library.
#[test]
fn constant_gradients_are_no_exception() {
    for config in configs() {
        let exposed = ["eps", "adam_eps"]
            .iter()
            .any(|key| config.values().get(key) == Some(Value::Number(0.0)));
        for scale in [0.0, 1e-12, 0.37, 1e6] {
            if scale == 0.0 && exposed {
                continue;
            }
            let mut run = Run::<f32>::new(&config);
            let start = run.params.clone();
            // Their ways double, as they should on a slope without an end.
            let growing = ["dog", "prodigy"].iter().any(|name| config.name().starts_with(name));
            let steps = if growing { 20 } else { 2000 };
            for _ in 0..steps {
                run.step(&mut [scale; DIM]);
            }
            let finite = |values: &[f32]| values.iter().all(|x| x.is_finite());
            assert!(finite(&run.params), "{config:?} at {scale}: {:?}", run.params);
            let decay = config.values().get("weight_decay");
            if scale == 0.0 && decay.is_none_or(|decay| decay == Value::Number(0.0)) {
                assert_eq!(run.params, start, "{config:?}");
            }
        }
    }
}

#[test]
fn the_same_run_has_the_same_bits() {
    for config in configs() {
        let (mut first, mut second) = (Run::<f32>::new(&config), Run::<f32>::new(&config));
        first.follow(20);
        second.follow(20);
        assert_eq!(first.bits(), second.bits(), "{config:?}");
        // A clone made halfway continues with the same bits, and independently of the original.
        let mut third = Run { optimizer: first.optimizer.clone(), params: first.params.clone() };
        third.follow(20);
        assert_eq!(first.bits(), second.bits(), "{config:?}: a clone shares state");
        second.follow(20);
        assert_eq!(third.bits(), second.bits(), "{config:?}");
    }
}

#[test]
fn restored_in_the_middle_the_bits_are_the_same() {
    for config in configs() {
        for middle in [0, 1, 7] {
            let mut whole = Run::<f64>::new(&config);
            whole.descend(middle);
            let mut rest = Run::<f64>::new(&config);
            // Scratch is worth nothing between steps: leave something there.
            rest.follow(3);
            let mut saved: Vec<_> = whole.optimizer.state().collect();
            saved.reverse();
            rest.optimizer.restore(whole.optimizer.steps(), &saved).unwrap();
            rest.params.copy_from_slice(&whole.params);
            assert_eq!(rest.optimizer.steps(), middle as u64);
            whole.descend(13);
            rest.descend(13);
            assert_eq!(whole.bits(), rest.bits(), "{config:?} at {middle}");
        }
    }
}

#[test]
fn nan_in_a_gradient_reaches_the_parameters() {
    for config in configs() {
        for at in [0, 8] {
            let mut run = Run::<f64>::new(&config);
            run.follow(2);
            let mut grad = [0.3; DIM];
            grad[at] = f64::NAN;
            run.step(&mut grad);
            assert!(run.params[at].is_nan(), "{config:?}: {:?}", run.params);
            assert!(config.clip_norm().is_none() || run.params.iter().all(|p| p.is_nan()));
        }
    }
}

/// Gradients that do not depend on the parameters: what jumps, as a sign does, jumps in both.
#[test]
fn single_precision_follows_double_precision() {
    for config in configs() {
        let (mut single, mut double) = (Run::<f32>::new(&config), Run::<f64>::new(&config));
        let mut largest: f64 = 1.0;
        for _ in 0..5 {
            single.follow(10);
            double.follow(10);
            largest = double.params.iter().fold(largest, |max, p| max.max(p.abs()));
        }
        // 50 steps of about 20 roundings, each magnified at most tenfold by a momentum.
        let tolerance = 50.0 * 20.0 * 10.0 * f64::from(f32::EPSILON) / 2.0 * largest;
        // Its first steps are 10⁻⁶ of parameters near 1, of which single precision has one digit, and
        // its rate follows from them.
        let tolerance =
            if config.name().starts_with("prodigy") { 10.0 * tolerance } else { tolerance };
        for (s, d) in single.params.iter().zip(&double.params) {
            assert!((f64::from(*s) - d).abs() < tolerance, "{config:?}: {s} {d}");
        }
    }
}

#[test]
fn states_have_names_of_their_own() {
    for config in configs() {
        let transforms = config.transforms::<f64>().len();
        let run = Run::<f64>::new(&config);
        let mut names: Vec<&str> = run.optimizer.state().map(|(name, _)| name).collect();
        for name in &names {
            let (index, rest) = name.split_once('.').unwrap();
            assert!(index.parse::<usize>().unwrap() < transforms, "{config:?}: {name}");
            let letters = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
            assert!(!rest.is_empty() && rest.bytes().all(letters), "{config:?}: {name}");
        }
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "{config:?}: a name twice");
        assert!(run.optimizer.state().all(|(_, values)| values.iter().all(|x| *x == 0.0)));
    }
}

/// A transform that needs more than a gradient fails without guessing, with an error that says so.
#[test]
fn a_gradient_alone_is_enough_or_refused() {
    for config in configs() {
        let mut run = Run::<f64>::new(&config);
        let mut grad = [0.5; DIM];
        if let Err(error) = run.optimizer.step(&mut run.params, &mut grad) {
            assert!(error.to_string().contains("loss"), "{config:?}: {error}");
        }
    }
}

/// Thresholds of stability are those of the learning rate: twice the rate, half the threshold.
#[test]
fn thresholds_fall_with_the_learning_rate() {
    let mut known = 0;
    for config in configs() {
        let threshold = |config: &Config| {
            let mut run = Run::<f64>::new(config);
            run.follow(3);
            run.optimizer.stability(&[0.1; DIM]).map(|stability| stability.threshold)
        };
        let twice = config.clone().with_lr(2.0 * config.lr());
        let (one, two) = (threshold(&config), threshold(&twice));
        assert_eq!(one.is_some(), two.is_some(), "{config:?}");
        if let (Some(one), Some(two)) = (one, two) {
            assert!((one / two - 2.0).abs() < 1e-12, "{config:?}: {one}, {two}");
            known += 1;
        }
    }
    assert!(known >= 30, "the built-in ones are known: {known}");
}

/// Names, keys, ranges and defaults are what an optimizer from outside would be held to.
#[test]
fn declarations_do_not_contradict_themselves() {
    for definition in definitions() {
        let name: &'static str = format!("{}_again", definition.name).leak();
        let again = Definition { name, version: Some("1"), ..*definition };
        register_definition(again).unwrap_or_else(|error| panic!("{error}"));
        assert!(!definition.summary.is_empty() && !definition.summary.contains('\n'));
        for parameter in definition.parameters {
            assert!(!parameter.meaning.is_empty() && !parameter.meaning.contains('\n'));
            assert_ne!(parameter.pytorch, Some(parameter.default), "{}", parameter.key);
        }
    }
}
