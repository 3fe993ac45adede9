//! Closed forms, limits and restoring; `tests/optim_golden.rs` compares whole trajectories with
//! PyTorch, `tests/conformance.rs` goes over the list of optimizers.

use std::sync::Arc;

use super::*;

/// One of each method with every option in use, clipped.
fn configs() -> Vec<Config> {
    let set = |config: Config, values: &[(&str, Value)]| config.with_all(values).unwrap();
    let decay = ("weight_decay", Value::Number(0.01));
    let momentum = ("momentum", Value::Number(0.9));
    let configs = [
        set(Config::of::<Sgd>(), &[momentum, ("dampening", Value::Number(0.3)), decay]),
        set(Config::of::<Sgd>(), &[momentum, ("nesterov", Value::Flag(true)), decay]),
        set(Config::pytorch::<Adam>(), &[decay]),
        set(Config::of::<Adam>(), &[("amsgrad", Value::Flag(true)), decay]),
        set(Config::pytorch::<AdamW>(), &[("amsgrad", Value::Flag(true))]),
    ];
    configs.map(|config| config.with_lr(0.1).with_clip_norm(Some(1.0))).to_vec()
}

/// Gradient descent with these values over PyTorch's defaults.
fn sgd(lr: f64, values: &[(&str, Value)]) -> Config {
    Config::pytorch::<Sgd>().with_all(values).unwrap().with_lr(lr)
}

fn new<T: Scalar>(config: &Config, dim: usize) -> Optimizer<T> {
    Optimizer::new(config, &Block::whole(dim))
}

/// An optimizer of one transform.
fn alone(transform: impl Transform<f64> + 'static, dim: usize) -> Optimizer<f64> {
    let rate = LearningRate::constant(1.0);
    Optimizer::of_transforms(vec![Arc::new(transform)], rate, &Block::whole(dim))
}

/// Gradient of ½ Σ i θᵢ², i from 1.
fn quadratic_grad<T: Real>(params: &[T]) -> Vec<T> {
    let curvatures = (1..).map(|i| T::nearest(f64::from(i)));
    params.iter().zip(curvatures).map(|(p, c)| c * *p).collect()
}

fn descend<T: Real>(optimizer: &mut Optimizer<T>, params: &mut [T], steps: usize) {
    for _ in 0..steps {
        let mut grad = quadratic_grad(params);
        optimizer.step(params, &mut grad).unwrap();
    }
}

fn start<T: Real>() -> Vec<T> {
    [3.0, -0.5, 0.01].map(T::nearest).to_vec()
}

/// The update of the next step at `params`.
fn next(optimizer: &mut Optimizer<f64>, params: &[f64], grad: &[f64]) -> Vec<f64> {
    let mut update = grad.to_vec();
    optimizer.update(Point::new(params), &mut update).unwrap();
    update
}

/// θ_{k+1} = (1 + μ − η) θ_k − μ θ_{k−1} on θ²/2: with μ = ¼ and η = ¼ the roots
/// coincide at ½ and θ_k = (1 + k/2) 2⁻ᵏ, without rounding for small k.
#[test]
fn momentum_has_its_closed_form_on_a_quadratic() {
    let mut optimizer = new(&sgd(0.25, &[("momentum", 0.25.into())]), 1);
    let mut params = [1.0];
    for step in 1..=20 {
        descend(&mut optimizer, &mut params, 1);
        let k = f64::from(step);
        assert_eq!(params[0], (1.0 + k / 2.0) * 0.5_f64.powi(step), "step {step}");
    }
}

/// The gradient, clipped.
fn clip(grad: &mut [f64], max_norm: f64) {
    let mut clip = alone(ClipByGlobalNorm { max_norm }, grad.len());
    grad.copy_from_slice(&next(&mut clip, &vec![0.0; grad.len()], grad));
}

/// Clipped to its norm c and no further, whatever the squares are.
#[test]
fn clipping_scales_gradients_whose_squares_or_norm_overflow() {
    for size in [1e100, 1e154, 1e200, 1.7e308] {
        let mut grad = [size, -size, 0.0, size];
        clip(&mut grad, 1.0);
        let expected = [1.0, -1.0, 0.0, 1.0].map(|x| x / 3f64.sqrt());
        let near = |(g, e): (&f64, &f64)| (g - e).abs() < 4.0 * f64::EPSILON;
        assert!(grad.iter().zip(&expected).all(near), "{size}: {grad:?}");
    }
    let mut far_below = [1e200, 0.0];
    clip(&mut far_below, 1e300);
    assert_eq!(far_below, [1e200, 0.0]);
    let mut undefined = [f64::INFINITY, 1.0];
    clip(&mut undefined, 1.0);
    assert!(undefined.iter().all(|u| u.is_nan()));
}

/// θ_k = (1 − η)ᵏ θ₀ on θ²/2.
#[test]
fn plain_sgd_has_its_closed_form_on_a_quadratic() {
    let mut params = [1.0];
    descend(&mut new(&sgd(0.5, &[]), 1), &mut params, 30);
    assert_eq!(params[0], 0.5_f64.powi(30));
}

/// Under a constant gradient m̂ = g and v̂ = g² at every step.
#[test]
fn adam_moves_at_constant_speed_under_a_constant_gradient() {
    let adam = Config::pytorch::<Adam>().with("eps", 0.5).unwrap();
    let mut optimizer = new(&adam, 1);
    for step in 1..=1000 {
        let grad = next(&mut optimizer, &[7.0], &[-2.0]);
        // Two moments, each a sum of `step` terms, each rounded twice; the
        // corrections lose as much as 1 − β₂ is small, at step 1 most.
        let tolerance = (4.0 * f64::from(step) + 1e3) * f64::EPSILON;
        let expected: f64 = 1e-3 * -2.0 / (2.0 + 0.5);
        assert!((grad[0] / expected - 1.0).abs() < tolerance, "step {step}: {}", grad[0]);
    }
}

#[test]
fn decoupled_decay_acts_on_the_old_parameters_alone() {
    let adamw = Config::pytorch::<AdamW>().with("weight_decay", 0.25).unwrap().with_lr(0.5);
    assert_eq!(next(&mut new(&adamw, 1), &[8.0], &[0.0]), [1.0]);
    // Coupled, the decay is the gradient, and Adam forgets its size.
    let values = [("weight_decay", Value::Number(0.25)), ("eps", Value::Number(0.0))];
    let adam = Config::pytorch::<Adam>().with_all(&values).unwrap().with_lr(0.5);
    assert!((next(&mut new(&adam, 1), &[8.0], &[0.0])[0] - 0.5).abs() < 1e-12);
}

#[test]
fn the_first_step_ignores_dampening() {
    let mut trace = alone(Trace { momentum: 0.5, dampening: 0.75, nesterov: false }, 1);
    assert_eq!(next(&mut trace, &[0.0], &[1.0]), [1.0]);
    assert_eq!(next(&mut trace, &[0.0], &[1.0]), [0.5 + 0.25]);
}

#[test]
fn clipping_keeps_the_bits_of_small_gradients() {
    let grad = [0.1, -0.3, 1e-300, -0.0, 0.7];
    let mut update = grad;
    clip(&mut update, 1.0);
    assert_eq!(update.map_bits(), grad.map_bits());
}

#[test]
fn clipping_scales_large_gradients_to_the_norm() {
    let coefficient = 1.0 / (5.0 + 1e-6);
    let mut update = [3.0, -4.0];
    clip(&mut update, 1.0);
    assert_eq!(update, [3.0 * coefficient, -4.0 * coefficient]);
    // The norm of a vector longer than the partial sums, with a remainder.
    let mut update = [1.0; 25];
    clip(&mut update, 1.0);
    assert_eq!(update, [coefficient; 25]);
}

#[test]
fn nan_in_a_gradient_reaches_the_parameters() {
    for config in configs() {
        let update = next(&mut new(&config, 2), &[1.0, 1.0], &[f64::NAN, 1.0]);
        assert!(update.iter().all(|u| u.is_nan()), "{config:?}: {update:?}");
    }
}

#[test]
fn amsgrad_maximum_keeps_nan() {
    let mut optimizer = new(&Config::pytorch::<Adam>().with("amsgrad", true).unwrap(), 1);
    for grad in [1.0, f64::NAN, 1.0] {
        next(&mut optimizer, &[0.0], &[grad]);
    }
    assert!(optimizer.state().all(|(_, values)| values[0].is_nan()));
}

/// Also with parameters that 0·θ would turn into NaN.
#[test]
fn zero_decay_and_zero_momentum_are_no_transforms() {
    let long: Transforms<f64> = vec![
        Arc::new(AddDecayedWeights { weight_decay: 0.0 }),
        Arc::new(Trace { momentum: 0.0, dampening: 0.5, nesterov: true }),
        Arc::new(ScaleByLearningRate),
    ];
    let (params, grad) = ([f64::INFINITY, 1.0], [-0.0, 0.3]);
    let of = |list| Optimizer::of_transforms(list, LearningRate::constant(0.1), &Block::whole(2));
    let (mut long, mut short) = (of(long), of(vec![Arc::new(ScaleByLearningRate)]));
    assert_eq!(long.state().count(), 0);
    for _ in 0..3 {
        let expected = next(&mut short, &params, &grad);
        assert_eq!(next(&mut long, &params, &grad).map_bits(), expected.map_bits());
    }
}

#[test]
fn restored_in_the_middle_gives_the_same_bits() {
    for config in configs() {
        let (mut whole, mut params) = (new(&config, 3), start::<f64>());
        descend(&mut whole, &mut params, 7);
        let mut resumed = new(&config, 3);
        let mut saved: Vec<_> = whole.state().collect();
        saved.reverse();
        resumed.restore(whole.steps(), &saved).expect("its own state fits");
        let mut resumed_params = params.clone();
        descend(&mut whole, &mut params, 13);
        descend(&mut resumed, &mut resumed_params, 13);
        assert_eq!(params.map_bits(), resumed_params.map_bits(), "{config:?}");
        assert_eq!(resumed.steps(), 20);
        assert!(whole.state().eq(resumed.state()));
    }
}

#[test]
fn state_is_named_after_the_transform_and_torch() {
    let adam = Config::pytorch::<AdamW>().with("amsgrad", true).unwrap();
    let mut transforms = adam.transforms::<f64>();
    transforms.push(Arc::new(Trace { momentum: 0.9, dampening: 0.0, nesterov: false }));
    let optimizer = Optimizer::of_transforms(transforms, adam.rate(), &Block::whole(4));
    let names: Vec<_> = optimizer.state().map(|(name, _)| name).collect();
    assert_eq!(names, ["0.exp_avg", "0.exp_avg_sq", "0.max_exp_avg_sq", "3.momentum_buffer"]);
    assert!(optimizer.state().all(|(_, values)| values == [0.0; 4]));
}

#[test]
fn an_unfit_state_is_refused_and_changes_nothing() {
    let mut optimizer = new(&Config::of::<Adam>(), 2);
    let (short, long): (&[f64], &[f64]) = (&[1.0, 2.0], &[1.0, 2.0, 3.0]);
    let (m, v, b) = (("1.exp_avg", short), ("1.exp_avg_sq", short), ("1.momentum_buffer", short));
    let name = "1.exp_avg_sq".to_owned();
    let missing = RestoreError::Missing { name: name.clone() };
    let length = RestoreError::Length { name, expected: 2, found: 3 };
    let unknown = RestoreError::Unknown { name: b.0.to_owned() };
    let refused = [(vec![m], missing), (vec![m, (v.0, long)], length), (vec![m, v, b], unknown)];
    for (state, error) in refused {
        assert_eq!(optimizer.restore(9, &state), Err(error));
        assert_eq!(optimizer.steps(), 0);
        assert!(optimizer.state().all(|(_, values)| values == [0.0, 0.0]));
    }
}

#[test]
fn refusals_say_what_to_do() {
    let error = new::<f64>(&Config::of::<Adam>(), 2).restore(9, &[]).unwrap_err();
    let advice = "restore with the optimizer and model that were saved";
    assert_eq!(error.to_string(), format!("optimizer state `1.exp_avg` is missing; {advice}"));
}

/// f32 stays within its rounding of f64: 100 steps, about 20 roundings each, on
/// a problem that contracts errors.
#[test]
fn f32_follows_f64() {
    for config in configs() {
        let (mut single, mut double) = (start::<f32>(), start::<f64>());
        descend(&mut new(&config, 3), &mut single, 100);
        descend(&mut new(&config, 3), &mut double, 100);
        let tolerance = 100.0 * 20.0 * f64::from(f32::EPSILON) / 2.0;
        for (s, d) in single.iter().zip(&double) {
            // 3, the largest coordinate at the start.
            assert!((f64::from(*s) - d).abs() < 3.0 * tolerance, "{config:?}: {s} {d}");
        }
    }
}

#[test]
#[should_panic(expected = "optimizer of dimension 2 got params of length 2 and grad of length 3")]
fn lengths_are_checked() {
    let _ = new(&Config::of::<Sgd>(), 2).step(&mut [0.0; 2], &mut [0.0; 3]);
}

/// Every list of four transforms: known are those in the order of clipping, decay, method and
/// learning rate (or decay behind the method), each at most once, with a learning rate.
#[test]
fn thresholds_are_known_of_known_lists_alone() {
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Kind {
        Clip,
        Decay,
        Trace,
        Adam,
        Rate,
        Foreign,
        Off,
    }
    struct Unknown;
    impl Transform<f64> for Unknown {
        fn apply(
            &self,
            _: &mut [f64],
            _: &mut State<f64>,
            _: &mut Context<'_, f64>,
        ) -> Result<(), Error> {
            Ok(())
        }
    }
    use Kind::*;
    let kinds = [Clip, Decay, Trace, Adam, Rate, Foreign, Off];
    let transform = |kind: &Kind| -> Arc<dyn Transform<f64>> {
        match kind {
            Clip => Arc::new(ClipByGlobalNorm { max_norm: 1.0 }),
            Decay => Arc::new(AddDecayedWeights { weight_decay: 0.1 }),
            Trace => Arc::new(super::Trace { momentum: 0.9, dampening: 0.0, nesterov: false }),
            Adam => Arc::new(ScaleByAdam { beta1: 0.9, beta2: 0.9, eps: 0.0, amsgrad: false }),
            Rate => Arc::new(ScaleByLearningRate),
            Foreign => Arc::new(Unknown),
            Off => Arc::new(AddDecayedWeights { weight_decay: 0.0 }),
        }
    };
    let expected = |list: &[Kind]| -> Option<f64> {
        let active: Vec<Kind> = list.iter().copied().filter(|kind| *kind != Off).collect();
        let rest = active.strip_prefix(&[Clip]).unwrap_or(&active);
        let without_decay: Vec<Kind> = rest.iter().copied().filter(|kind| *kind != Decay).collect();
        let decays = rest.len() - without_decay.len();
        match without_decay.as_slice() {
            _ if decays > 1 || rest.last() != Some(&Rate) => None,
            [Rate] => Some(2.0 / 0.5),
            [Trace, Rate] => Some((2.0 + 1.8) / 0.5),
            [Adam, Rate] => Some((2.0 + 1.8) / ((1.0 - 0.9) * 0.5)),
            _ => None,
        }
    };
    let (mut known, mut lists) = (0, vec![Vec::new()]);
    for length in 0..=4 {
        for list in &lists {
            let transforms = list.iter().map(transform).collect();
            let rate = LearningRate::constant(0.5);
            let mut optimizer = Optimizer::of_transforms(transforms, rate, &Block::whole(2));
            assert_eq!(optimizer.stability(&[3.0, 4.0]), None, "before the first step");
            next(&mut optimizer, &[0.0; 2], &[3.0, 4.0]);
            let found = optimizer.stability(&[3.0, 4.0]);
            assert_eq!(found.as_ref().map(|s| s.threshold), expected(list), "{list:?}");
            let Some(found) = found else { continue };
            known += 1;
            let clipped = list.contains(&Clip);
            assert_eq!(found.clip_factor, if clipped { 0.2 } else { 1.0 }, "{list:?}");
            assert_eq!(found.preconditioner.is_some(), list.contains(&Adam), "{list:?}");
        }
        if length < 4 {
            let longer = |list: &Vec<Kind>| kinds.map(|kind| [&list[..], &[kind]].concat());
            lists = lists.iter().flat_map(longer).collect();
        }
    }
    // Without `Off` there are 16: bare or clipped, [R], [D, R], and [M, R], [D, M, R], [M, D, R]
    // for both methods. The longest of them with clipping has four.
    let short = [&[Rate][..], &[Clip, Decay, Adam, Rate], &[Clip, Trace, Decay, Rate]];
    assert!(short.iter().all(|list| expected(list).is_some()));
    assert!(known >= 16, "{known}");
}

/// A transform that steps along the gradient at θ − ρg, as sharpness-aware minimization does with
/// the other sign: on ½ Σ i θᵢ² that is iθ(1 − ρi).
struct Lookahead {
    radius: f64,
}

impl Transform<f64> for Lookahead {
    fn init(&self, dim: usize, _: &[Block]) -> State<f64> {
        State::zeros(&[("distance", 1)]).with_scratch(&[dim])
    }

    fn apply(
        &self,
        update: &mut [f64],
        state: &mut State<f64>,
        context: &mut Context<'_, f64>,
    ) -> Result<(), Error> {
        let [distance, ahead] = state.vectors();
        for ((a, p), u) in ahead.iter_mut().zip(context.params).zip(&*update) {
            *a = p - self.radius * u;
        }
        let here = context.loss.ok_or("the loss is not known")?;
        distance[0] = here - context.oracle()?.gradient(ahead, update)?;
        Ok(())
    }
}

/// ½ Σ i θᵢ², which fails from the given call on.
struct Quadratic {
    calls: usize,
}

impl Quadratic {
    fn count(&mut self) -> Result<(), Error> {
        self.calls = self.calls.checked_sub(1).ok_or("the model has no more patience")?;
        Ok(())
    }
}

impl Oracle<f64> for Quadratic {
    fn loss(&mut self, params: &[f64]) -> Result<f64, Error> {
        self.count()?;
        Ok(quadratic_grad(params).iter().zip(params).map(|(g, p)| 0.5 * g * p).sum())
    }
    fn gradient(&mut self, params: &[f64], grad: &mut [f64]) -> Result<f64, Error> {
        grad.copy_from_slice(&quadratic_grad(params));
        self.loss(params)
    }
    fn hvp(&mut self, _: &[f64], v: &[f64], out: &mut [f64]) -> Result<f64, Error> {
        self.count()?;
        out.copy_from_slice(&quadratic_grad(v));
        Ok(0.0)
    }
}

#[test]
fn gradients_at_other_points_are_asked_of_the_oracle() {
    let mut optimizer = alone(Lookahead { radius: 0.25 }, 2);
    let (params, mut oracle) = ([1.0, -2.0], Quadratic { calls: 2 });
    let mut step = |loss, oracle: Option<&mut dyn Oracle<f64>>| {
        let mut update = quadratic_grad(&params);
        let oracle = oracle.map(|oracle| oracle as &mut dyn Oracle<f64>);
        let done = optimizer.update(Point { params: &params, loss, oracle }, &mut update);
        let state: Vec<f64> = optimizer.state().flat_map(|(_, values)| values.to_vec()).collect();
        done.map(|()| (update, state)).map_err(|error| error.to_string())
    };
    // (1 − ρi) iθ; losses ½ + 4 there and ½·¾² + 4·½² ahead. Scratch is not state.
    let expected = (vec![0.75, -2.0], vec![4.5 - (0.5 * 0.5625 + 1.0)]);
    assert_eq!(step(Some(4.5), Some(&mut oracle)), Ok(expected.clone()));
    assert_eq!(step(Some(4.5), Some(&mut oracle)), Ok(expected));
    let failed = step(Some(4.5), Some(&mut oracle)).unwrap_err();
    assert_eq!(failed, "the model has no more patience");
    assert_eq!(step(None, Some(&mut oracle)).unwrap_err(), "the loss is not known");
    assert!(step(Some(4.5), None).unwrap_err().contains("needs the loss at other points"));
}

/// The rate of a step is that of its schedule.
#[test]
fn learning_rates_follow_their_schedule() {
    let rate = LearningRate::constant(0.5).with_warmup(2);
    let config = sgd(0.5, &[]).with_rate(rate.with_schedule(RateSchedule::Cosine { steps: 4 }));
    let mut optimizer = new(&config, 1);
    let updates: Vec<f64> = (0..4).map(|_| next(&mut optimizer, &[0.0], &[1.0])[0]).collect();
    // Linear to ½ at step 2, cos 0 at step 3, cos π/2 at step 4.
    assert!(updates.iter().zip([0.25, 0.5, 0.5, 0.25]).all(|(u, e)| (u - e).abs() < 1e-15));
}

#[test]
fn values_are_checked_where_they_are_set() {
    let set = |key: &str, value: Value| {
        Config::of::<Sgd>().with(key, value).map_err(|error| error.to_string())
    };
    let refused = |key: &str, value: Value, parts: &[&str]| {
        let message = set(key, value).unwrap_err();
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    };
    assert_eq!(set("momentum", 0.5.into()).unwrap().values().number("momentum"), 0.5);
    refused("momentum", 1.0.into(), &["momentum = 1.0 is not allowed", ">= 0 and < 1"]);
    refused("momentum", f64::NAN.into(), &["momentum = NaN"]);
    refused("momentum", true.into(), &["momentum = true", "a number"]);
    refused("nesterov", 1.0.into(), &["nesterov = 1.0", "true or false"]);
    refused("betas", [0.9, 0.9].into(), &["betas", "known: momentum, dampening"]);
    let both = [("momentum", Value::Number(0.0)), ("nesterov", Value::Flag(true))];
    let error = Config::of::<Sgd>().with_all(&both).unwrap_err();
    assert_eq!((error.key.as_str(), error.value.as_str()), ("nesterov", "true"));
}

#[test]
#[should_panic(expected = "learning rate -1: a finite number > 0")]
fn learning_rates_are_positive() {
    let _ = Config::of::<Sgd>().with_lr(-1.0);
}

trait MapBits {
    fn map_bits(&self) -> Vec<u64>;
}

impl MapBits for [f64] {
    fn map_bits(&self) -> Vec<u64> {
        self.iter().map(|x| x.to_bits()).collect()
    }
}
