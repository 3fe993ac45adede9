//! Baselines against closed forms and against the kernels that they are parameters of.

// Clippy allows unwrap in tests, but not in the functions that they share.
#![allow(clippy::unwrap_used)]

use windtunnel_math::lanes::Isa;
use windtunnel_math::rng::{Key, Purpose};
use windtunnel_measure::stats::mean;
use windtunnel_model::Evaluator;
use windtunnel_model::reference;
use windtunnel_model::task::{Batch, Covariance, Covariates, Form, Task};
use windtunnel_train::baseline::{FIT_PROMPTS, Free, NoScalars, best_scalars, ridge};

const KEY: Key = Key { seed: 12, purpose: Purpose::HeldOut, step: 0 };

fn task(covariates: Covariates, n: usize) -> Task {
    Task::new(5, n, covariates).unwrap()
}

fn fitted(task: &Task, depth: usize, free: Free) -> f64 {
    best_scalars(task, depth, free).unwrap().fitted
}

/// Closed forms of docs/derivations.md and the numerical optima of GD++ (which are upper bounds).
#[test]
fn the_best_scalars_reach_what_is_known() {
    let gaussian = task(Covariates::gaussian(), 20);
    let few = task(Covariates::gaussian(), 5);
    let sphere = task(Covariates::sphere(), 20);
    // 20,000 prompts: means of squares of kurtosis about 10 are known to 2 to 3 %; 4 sigma.
    for (task, depth, exact) in [
        (&gaussian, 1, 30.0 / 26.0),
        (&few, 1, 30.0 / 11.0),
        (&sphere, 1, 1.0 / 6.0),
        (&gaussian, 2, 0.36124),
        (&gaussian, 3, 0.134),
        (&gaussian, 4, 0.0552),
    ] {
        let found = fitted(task, depth, Free::Steps);
        assert!((found / exact - 1.0).abs() < 0.1, "GD, L = {depth}: {found} for {exact}");
    }
    for (task, depth, bound) in
        [(&gaussian, 2, 0.0575), (&gaussian, 3, 6.8e-4), (&sphere, 2, 4.8e-3), (&sphere, 3, 2.3e-5)]
    {
        let found = fitted(task, depth, Free::StepsAndTransforms);
        assert!(found < 1.15 * bound && found > 0.3 * bound, "GD++, L = {depth}: {found} {bound}");
    }
}

/// The recursion is that of the model: its loss with these parameters, on other prompts.
#[test]
fn scalars_are_parameters_of_the_model() {
    let spectrum = Covariance::diagonal(&[2.0, 1.0, 1.0, 0.5, 0.5]).unwrap();
    for covariates in [
        Covariates::gaussian(),
        Covariates::gaussian().with_covariance(spectrum),
        Covariates::sphere(),
    ] {
        let task = task(covariates, 20);
        for free in [Free::Steps, Free::StepsAndTransforms] {
            let scalars = best_scalars(&task, 2, free).unwrap();
            let batch: Batch<f64> = task.batch(Form::Moments, Isa::detect(), KEY, 40_000);
            let mut evaluator = Evaluator::new(scalars.model(5), Isa::detect(), 2);
            let loss = evaluator.value(&scalars.params(5), &batch);
            // Both are means over tens of thousands of prompts.
            assert!((loss / scalars.fitted - 1.0).abs() < 0.15, "{free:?}: {loss} {scalars:?}");
        }
    }
}

/// GD++ ≤ GD ≤ prediction zero on the prompts of the fit, where S/n has zero or tiny eigenvalues, or
/// one value only.
#[test]
fn no_fit_is_worse_than_the_trivial_member_of_its_family() {
    let of = |d, n, covariates| Task::new(d, n, covariates).unwrap();
    let steep = Covariance::diagonal(&[1.0, 1e-3, 1e-6, 1e-9, 1e-12]).unwrap();
    let key = Key { seed: 0, purpose: Purpose::Baseline, step: 0 };
    for (task, depth, known) in [
        (of(5, 1, Covariates::gaussian()), 3, Some([4.09, 4.03])),
        (of(5, 2, Covariates::gaussian()), 3, Some([3.24, 3.01])),
        (of(20, 10, Covariates::gaussian()), 3, Some([10.9, 10.0])),
        (of(5, 1, Covariates::gaussian()), 4, None),
        (of(10, 5, Covariates::gaussian()), 3, None),
        (of(5, 2, Covariates::sphere()), 3, None),
        (of(1, 1, Covariates::sphere()), 5, None),
        (of(5, 20, Covariates::gaussian().with_covariance(steep)), 3, None),
        (of(5, 20, Covariates::gamma_radial(1e-3, 1.0).unwrap()), 3, None),
        (of(5, 20, Covariates::gamma_radial(1e-30, 1.0).unwrap()), 2, None),
    ] {
        let batch = task.batch::<f64>(Form::Moments, Isa::detect(), key, FIT_PROMPTS);
        // E ⟨w⋆, x_q⟩² given x_q.
        let d = task.dim();
        let query = d * (d + 1) / 2 + d..d * (d + 1) / 2 + 2 * d;
        let square = |k: usize| batch.prompt(k)[query.clone()].iter().map(|x| x * x).sum::<f64>();
        let zero = (0..FIT_PROMPTS).map(square).sum::<f64>() / FIT_PROMPTS as f64;
        let [gd, more] = [Free::Steps, Free::StepsAndTransforms].map(|f| fitted(&task, depth, f));
        assert!(more.is_finite() && more <= gd, "{task:?}, L = {depth}: {more} {gd}");
        // Sums in another order.
        assert!(gd <= zero * (1.0 + 1e-9), "{task:?}: {gd} {zero}");
        if let Some([known_gd, known_more]) = known {
            // Means over 20,000 prompts, known to three digits.
            assert!((gd / known_gd - 1.0).abs() < 0.03, "{task:?}: GD {gd} for {known_gd}");
            assert!((more / known_more - 1.0).abs() < 0.03, "{task:?}: GD++ {more} {known_more}");
        }
    }
}

/// Σ = cI: errors are c times those of Σ = I, scalars a divided by c.
#[test]
fn fits_do_not_depend_on_the_units_of_the_data() {
    let fits = |c: f64| {
        let covariance = Covariance::diagonal(&[c; 5]).unwrap();
        let task = task(Covariates::gaussian().with_covariance(covariance), 20);
        [Free::Steps, Free::StepsAndTransforms].map(|free| best_scalars(&task, 2, free).unwrap())
    };
    let usual = fits(1.0);
    for c in [1e-150, 1e-12, 1e6, 1e30] {
        for (own, usual) in fits(c).iter().zip(&usual) {
            // Draws are scaled in single or double precision by √c, which rounds.
            assert!((own.fitted / c / usual.fitted - 1.0).abs() < 1e-3, "{c}: {own:?} {usual:?}");
            assert!((own.a[0] * c / usual.a[0] - 1.0).abs() < 1e-2, "{c}: {own:?} {usual:?}");
        }
    }
}

#[test]
fn least_squares_solves_noiseless_prompts_and_misses_what_it_did_not_see() {
    let batch = |task: &Task| task.batch::<f64>(Form::Moments, Isa::detect(), KEY, 4000);
    let solved = ridge(&batch(&task(Covariates::gaussian(), 20)), 0.0);
    // Draws are in single precision, and so are the labels; conditioning squares that.
    assert!(mean(&solved) < 1e-8, "{}", mean(&solved));
    // n < d: the least-norm solution misses w⋆ outside the span, E = (d − n)/d · d.
    let missed = ridge(&batch(&task(Covariates::gaussian(), 2)), 0.0);
    // Standard error of the mean of 3χ²-like products: about 3·1.9/√4000.
    assert!((mean(&missed) - 3.0).abs() < 4.0 * 3.0 * 1.9 / f64::sqrt(4000.0), "{}", mean(&missed));
}

#[test]
fn the_bayes_ridge_is_the_best_ridge() {
    let noisy = task(Covariates::gaussian(), 10).with_noise(1.0).unwrap();
    let batch = noisy.batch::<f64>(Form::Moments, Isa::detect(), KEY, 20_000);
    let at = |lambda: f64| mean(&ridge(&batch, lambda));
    let bayes = at(0.1);
    for other in [0.0, 0.02, 0.4, 1.0] {
        assert!(bayes < at(other), "{other}");
    }
}

#[test]
fn tokens_have_the_moments_they_should() {
    let task = task(Covariates::sphere(), 7).with_noise(0.3).unwrap();
    let tokens = reference::sample(&task, 3, 19);
    let of = |form| Batch::<f64>::from_tokens(form, 5, &tokens.z, &tokens.targets);
    assert_eq!(of(Form::Tokens).moments(), of(Form::Moments));
}

#[test]
fn tasks_beyond_the_recursion_have_no_scalars() {
    let noisy = task(Covariates::gaussian(), 10).with_noise(0.1).unwrap();
    assert_eq!(best_scalars(&noisy, 2, Free::Steps), Err(NoScalars::OtherTask));
    let deep = best_scalars(&task(Covariates::gaussian(), 10), 17, Free::StepsAndTransforms);
    assert_eq!(deep, Err(NoScalars::TooDeep));
}
