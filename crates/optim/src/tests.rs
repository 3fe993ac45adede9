//! Closed forms, limits and resumption; `tests/optim_golden.rs` compares whole
//! trajectories with PyTorch.

use super::*;

/// One of each recipe with every option in use, clipped.
fn recipes() -> Vec<Vec<Atom>> {
    let sgd = Sgd { lr: 0.1, momentum: 0.9, dampening: 0.3, weight_decay: 0.01, ..Sgd::default() };
    let nesterov = Sgd { dampening: 0.0, nesterov: true, ..sgd };
    let adam = Adam { lr: 0.1, weight_decay: 0.01, ..Adam::default() };
    let amsgrad = Adam { beta2: 0.9, amsgrad: true, ..adam };
    let adamw = AdamW { lr: 0.1, amsgrad: true, ..AdamW::default() };
    let recipes = [sgd.atoms(), nesterov.atoms(), adam.atoms(), amsgrad.atoms(), adamw.atoms()];
    recipes.map(|atoms| clipped(1.0, &atoms)).to_vec()
}

fn clipped(max_norm: f64, atoms: &[Atom]) -> Vec<Atom> {
    [&[Atom::ClipByGlobalNorm { max_norm }], atoms].concat()
}

/// Gradient of ½ Σ i θᵢ², i from 1.
fn quadratic_grad<T: Float>(params: &[T]) -> Vec<T> {
    let curvatures = (1..).map(|i| to_scalar::<T>(f64::from(i)));
    params.iter().zip(curvatures).map(|(p, c)| c * *p).collect()
}

fn descend<T: Float>(optimizer: &mut Optimizer<T>, params: &mut [T], steps: usize) {
    for _ in 0..steps {
        let mut grad = quadratic_grad(params);
        optimizer.step(params, &mut grad);
    }
}

fn start<T: Float>() -> Vec<T> {
    [3.0, -0.5, 0.01].map(to_scalar).to_vec()
}

/// The update of one step at `params`.
fn first_update(atoms: &[Atom], params: &[f64], grad: &[f64]) -> Vec<f64> {
    let mut update = grad.to_vec();
    Optimizer::new(atoms, grad.len()).update(params, &mut update);
    update
}

/// θ_{k+1} = (1 + μ − η) θ_k − μ θ_{k−1} on θ²/2: with μ = ¼ and η = ¼ the roots
/// coincide at ½ and θ_k = (1 + k/2) 2⁻ᵏ, without rounding for small k.
#[test]
fn momentum_has_its_closed_form_on_a_quadratic() {
    let sgd = Sgd { lr: 0.25, momentum: 0.25, ..Sgd::default() };
    let mut optimizer = Optimizer::new(&sgd.atoms(), 1);
    let mut params = [1.0];
    for step in 1..=20 {
        descend(&mut optimizer, &mut params, 1);
        let k = f64::from(step);
        assert_eq!(params[0], (1.0 + k / 2.0) * 0.5_f64.powi(step), "step {step}");
    }
}

/// Clipped to its norm c and no further, whatever the squares are.
#[test]
fn clipping_scales_gradients_whose_squares_or_norm_overflow() {
    for size in [1e100, 1e154, 1e200, 1.7e308] {
        let mut grad = [size, -size, 0.0, size];
        clip::clip_by_global_norm(&mut grad, 1.0);
        let expected = [1.0, -1.0, 0.0, 1.0].map(|x| x / 3f64.sqrt());
        let near = |(g, e): (&f64, &f64)| (g - e).abs() < 4.0 * f64::EPSILON;
        assert!(grad.iter().zip(&expected).all(near), "{size}: {grad:?}");
    }
    let mut far_below = [1e200, 0.0];
    clip::clip_by_global_norm(&mut far_below, 1e300);
    assert_eq!(far_below, [1e200, 0.0]);
    let mut undefined = [f64::INFINITY, 1.0];
    clip::clip_by_global_norm(&mut undefined, 1.0);
    assert!(undefined.iter().all(|u| u.is_nan()));
}

/// θ_k = (1 − η)ᵏ θ₀ on θ²/2.
#[test]
fn plain_sgd_has_its_closed_form_on_a_quadratic() {
    let sgd = Sgd { lr: 0.5, ..Sgd::default() };
    let mut params = [1.0];
    descend(&mut Optimizer::new(&sgd.atoms(), 1), &mut params, 30);
    assert_eq!(params[0], 0.5_f64.powi(30));
}

/// Under a constant gradient m̂ = g and v̂ = g² at every step.
#[test]
fn adam_moves_at_constant_speed_under_a_constant_gradient() {
    let adam = Adam { eps: 0.5, ..Adam::default() };
    let mut optimizer = Optimizer::new(&adam.atoms(), 1);
    for step in 1..=1000 {
        let mut grad = [-2.0];
        optimizer.update(&[7.0], &mut grad);
        // Two moments, each a sum of `step` terms, each rounded twice; the
        // corrections lose as much as 1 − β₂ is small, at step 1 most.
        let tolerance = (4.0 * f64::from(step) + 1e3) * f64::EPSILON;
        let expected: f64 = 1e-3 * -2.0 / (2.0 + 0.5);
        assert!((grad[0] / expected - 1.0).abs() < tolerance, "step {step}: {}", grad[0]);
    }
}

#[test]
fn decoupled_decay_acts_on_the_old_parameters_alone() {
    let adamw = AdamW { lr: 0.5, weight_decay: 0.25, ..AdamW::default() };
    assert_eq!(first_update(&adamw.atoms(), &[8.0], &[0.0]), [1.0]);
    // Coupled, the decay is the gradient, and Adam forgets its size.
    let adam = Adam { lr: 0.5, weight_decay: 0.25, eps: 0.0, ..Adam::default() };
    assert!((first_update(&adam.atoms(), &[8.0], &[0.0])[0] - 0.5).abs() < 1e-12);
}

#[test]
fn the_first_step_ignores_dampening() {
    let trace = Atom::Trace { momentum: 0.5, dampening: 0.75, nesterov: false };
    let mut optimizer = Optimizer::new(&[trace], 1);
    let mut update = |mut grad: [f64; 1]| {
        optimizer.update(&[0.0], &mut grad);
        grad[0]
    };
    assert_eq!(update([1.0]), 1.0);
    assert_eq!(update([1.0]), 0.5 + 0.25);
}

#[test]
fn clipping_keeps_the_bits_of_small_gradients() {
    let grad = [0.1, -0.3, 1e-300, -0.0, 0.7];
    let clip = [Atom::ClipByGlobalNorm { max_norm: 1.0 }];
    let update = first_update(&clip, &[0.0; 5], &grad);
    assert_eq!(update.map_bits(), grad.map_bits());
}

#[test]
fn clipping_scales_large_gradients_to_the_norm() {
    let clip = [Atom::ClipByGlobalNorm { max_norm: 1.0 }];
    let coefficient = 1.0 / (5.0 + 1e-6);
    let update = first_update(&clip, &[0.0; 2], &[3.0, -4.0]);
    assert_eq!(update, [3.0 * coefficient, -4.0 * coefficient]);
    // The norm of a vector longer than the partial sums, with a remainder.
    let update = first_update(&clip, &[0.0; 25], &[1.0; 25]);
    assert_eq!(update, [coefficient; 25]);
}

#[test]
fn nan_in_a_gradient_reaches_the_parameters() {
    for atoms in recipes() {
        let update = first_update(&atoms, &[1.0, 1.0], &[f64::NAN, 1.0]);
        assert!(update.iter().all(|u| u.is_nan()), "{atoms:?}: {update:?}");
    }
}

#[test]
fn amsgrad_maximum_keeps_nan() {
    let amsgrad = Adam { amsgrad: true, ..Adam::default() };
    let mut optimizer = Optimizer::new(&amsgrad.atoms(), 1);
    for grad in [1.0, f64::NAN, 1.0] {
        optimizer.update(&[0.0], &mut [grad]);
    }
    assert!(optimizer.buffers().all(|(_, values)| values[0].is_nan()));
}

/// Also with parameters that 0·θ would turn into NaN.
#[test]
fn zero_decay_and_zero_momentum_are_no_atom() {
    let decay = Atom::AddDecayedWeights { weight_decay: 0.0 };
    let trace = Atom::Trace { momentum: 0.0, dampening: 0.5, nesterov: true };
    let lr = Atom::ScaleByLr { lr: 0.1 };
    let (params, grad) = ([f64::INFINITY, 1.0], [-0.0, 0.3]);
    let mut long = Optimizer::new(&[decay, trace, lr], 2);
    assert_eq!(long.buffers().count(), 0);
    for _ in 0..3 {
        let mut update = grad;
        long.update(&params, &mut update);
        assert_eq!(update.map_bits(), first_update(&[lr], &params, &grad).map_bits());
    }
}

#[test]
fn restored_in_the_middle_gives_the_same_bits() {
    for atoms in recipes() {
        let (mut whole, mut params) = (Optimizer::new(&atoms, 3), start::<f64>());
        descend(&mut whole, &mut params, 7);
        let mut resumed = Optimizer::new(&atoms, 3);
        let mut saved: Vec<_> = whole.buffers().collect();
        saved.reverse();
        resumed.restore(whole.steps(), &saved).expect("its own buffers fit");
        let mut resumed_params = params.clone();
        descend(&mut whole, &mut params, 13);
        descend(&mut resumed, &mut resumed_params, 13);
        assert_eq!(params.map_bits(), resumed_params.map_bits(), "{atoms:?}");
        assert_eq!(resumed.steps(), 20);
        assert!(whole.buffers().eq(resumed.buffers()));
    }
}

#[test]
fn buffers_are_named_after_the_atom_and_torch() {
    let adam = AdamW { amsgrad: true, ..AdamW::default() };
    let trace = Atom::Trace { momentum: 0.9, dampening: 0.0, nesterov: false };
    let atoms = [adam.atoms(), vec![trace]].concat();
    let optimizer = Optimizer::<f64>::new(&atoms, 4);
    let names: Vec<_> = optimizer.buffers().map(|(name, _)| name).collect();
    assert_eq!(names, ["0.exp_avg", "0.exp_avg_sq", "0.max_exp_avg_sq", "3.momentum_buffer"]);
    assert!(optimizer.buffers().all(|(_, values)| values == [0.0; 4]));
}

#[test]
fn unfit_buffers_are_refused_and_change_nothing() {
    let mut optimizer = Optimizer::new(&Adam::default().atoms(), 2);
    let (short, long): (&[f64], &[f64]) = (&[1.0, 2.0], &[1.0, 2.0, 3.0]);
    let (m, v, b) = (("1.exp_avg", short), ("1.exp_avg_sq", short), ("1.momentum_buffer", short));
    let name = "1.exp_avg_sq".to_owned();
    let missing = RestoreError::Missing { name: name.clone() };
    let length = RestoreError::Length { name, expected: 2, found: 3 };
    let unknown = RestoreError::Unknown { name: b.0.to_owned() };
    let refused = [(vec![m], missing), (vec![m, (v.0, long)], length), (vec![m, v, b], unknown)];
    for (buffers, error) in refused {
        assert_eq!(optimizer.restore(9, &buffers), Err(error));
        assert_eq!(optimizer.steps(), 0);
        assert!(optimizer.buffers().all(|(_, values)| values == [0.0, 0.0]));
    }
}

#[test]
fn refusals_say_what_to_do() {
    let error = Optimizer::<f64>::new(&Adam::default().atoms(), 2)
        .restore(9, &[])
        .expect_err("a buffer is missing");
    let advice = "restore with the optimizer and model that were saved";
    assert_eq!(error.to_string(), format!("optimizer buffer `1.exp_avg` is missing; {advice}"));
}

/// f32 stays within its rounding of f64: 100 steps, about 20 roundings each, on
/// a problem that contracts errors.
#[test]
fn f32_follows_f64() {
    for atoms in recipes() {
        let (mut single, mut double) = (start::<f32>(), start::<f64>());
        descend(&mut Optimizer::new(&atoms, 3), &mut single, 100);
        descend(&mut Optimizer::new(&atoms, 3), &mut double, 100);
        let tolerance = 100.0 * 20.0 * f64::from(f32::EPSILON) / 2.0;
        for (s, d) in single.iter().zip(&double) {
            // 3, the largest coordinate at the start.
            assert!((f64::from(*s) - d).abs() < 3.0 * tolerance, "{atoms:?}: {s} {d}");
        }
    }
}

#[test]
#[should_panic(expected = "optimizer of dimension 2 got params of length 2 and grad of length 3")]
fn lengths_are_checked() {
    Optimizer::new(&Sgd::default().atoms(), 2).step(&mut [0.0; 2], &mut [0.0; 3]);
}

trait MapBits {
    fn map_bits(&self) -> Vec<u64>;
}

impl MapBits for [f64] {
    fn map_bits(&self) -> Vec<u64> {
        self.iter().map(|x| x.to_bits()).collect()
    }
}
