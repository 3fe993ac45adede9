//! Exact results for this model (docs/derivations.md, "Closed forms").

// Clippy allows unwrap in tests, but not in the functions that they share.
#![allow(clippy::unwrap_used)]

use std::ops::ControlFlow;

use windtunnel_math::lanes::Isa;
use windtunnel_math::linalg::random_orthogonal;
use windtunnel_math::rng::{Key, Purpose};
use windtunnel_model::reference::{Tokens, sample};
use windtunnel_model::task::{Batch, Covariance, Covariates, Form, Task};
use windtunnel_model::{Attention, Evaluator, Transformer};
use windtunnel_optim::{Config, Sgd};
use windtunnel_train::{StopReason, TrainConfig, Trainer};

fn gaussian() -> Covariates {
    Covariates::gaussian()
}

fn heavy() -> Covariates {
    Covariates::gamma_radial(0.1, 10.0).unwrap()
}

fn held_out(task: &Task, len: usize) -> Batch<f64> {
    task.batch(
        Form::Moments,
        Isa::detect(),
        Key { seed: 5, purpose: Purpose::HeldOut, step: 0 },
        len,
    )
}

fn mean_and_error(samples: &[f64]) -> (f64, f64) {
    let n = samples.len() as f64;
    let mean = samples.iter().sum::<f64>() / n;
    let variance = samples.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}

/// Loss of `params` on 200,000 fresh prompts, with its standard error.
fn population_loss(task: &Task, depth: usize, params: &[f64]) -> (f64, f64) {
    let model = Transformer::linear(depth, task.dim());
    let mut evaluator = Evaluator::new(model, Isa::detect(), 1);
    mean_and_error(&evaluator.losses(params, &held_out(task, 200_000)))
}

/// Layers P = `b` I, Q = `a` I.
fn diagonal(dim: usize, layers: &[(f64, f64)]) -> Vec<f64> {
    let eye =
        |scale: f64| (0..dim * dim).map(move |k| if k % (dim + 1) == 0 { scale } else { 0.0 });
    layers.iter().flat_map(|&(b, a)| eye(b).chain(eye(a))).collect()
}

/// Facts: loss tr Σ; gradient 2Σ² for every Q and 0 for every P; its mini-batch noise has RMS
/// √(L (V − 4‖Σ²‖²)/B).
#[test]
fn zero_parameters() {
    let depth = 3;
    let batch_size = 1000;
    // (covariates, n, trace of Σ, ‖Σ²‖_F, RMS noise at B = 1000, how well it is known)
    let five = 5f64.sqrt();
    let cases = [
        (gaussian(), 20, 5.0, five, 1.940, 0.05),
        (gaussian(), 5, 5.0, five, 2.531, 0.05),
        (Covariates::sphere(), 20, 1.0, five / 25.0, 0.0627, 0.05),
        // Eighth moments of a heavy tail: the mean over 400 batches is itself noisy.
        (heavy(), 20, 1.0, five / 25.0, 0.370, 0.35),
    ];
    for (covariates, n, trace, sigma2, rms, slack) in cases {
        let task = Task::new(5, n, covariates).unwrap();
        let params = vec![0.0; 150];
        let (loss, error) = population_loss(&task, depth, &params);
        assert!((loss - trace).abs() < 4.5 * error, "{task:?}: {loss} ± {error}");

        let mut evaluator = Evaluator::new(Transformer::linear(depth, 5), Isa::detect(), 1);
        let mut expected = vec![0.0; 150];
        for l in 0..depth {
            for i in 0..5 {
                expected[(2 * l + 1) * 25 + 6 * i] = 2.0 * (trace / 5.0).powi(2);
            }
        }
        let norm = expected.iter().map(|g| g * g).sum::<f64>().sqrt();
        assert!((norm - 2.0 * 3f64.sqrt() * sigma2).abs() < 1e-12);
        let batches = 400;
        let mut noise2 = 0.0;
        let mut mean = vec![0.0; 150];
        for step in 0..batches {
            let key = Key { seed: 6, purpose: Purpose::Train, step };
            let batch: Batch<f64> = task.batch(Form::Moments, Isa::detect(), key, batch_size);
            let mut grad = vec![0.0; 150];
            evaluator.gradient(&params, &batch, &mut grad);
            noise2 += grad.iter().zip(&expected).map(|(g, e)| (g - e).powi(2)).sum::<f64>();
            mean.iter_mut().zip(&grad).for_each(|(m, g)| *m += g / batches as f64);
        }
        let measured = (noise2 / batches as f64).sqrt();
        assert!((measured / rms - 1.0).abs() < slack, "{task:?}: noise {measured}, theory {rms}");
        let bias = mean.iter().zip(&expected).map(|(m, e)| (m - e).powi(2)).sum::<f64>().sqrt();
        // The mean of 400 gradients is 20 times closer; its norm spreads by about a third.
        assert!(bias < 1.6 * measured / 20.0, "{task:?}: bias {bias}");
        for l in 0..depth {
            assert!(mean[2 * l * 25..][..25].iter().all(|&g| g == 0.0), "P has a gradient");
        }
    }
}

/// Population loss of one layer: tr Σ + 2 tr(ΣQΣ) + tr(QΣQᵀ E S²).
fn one_layer_loss(dim: usize, n: f64, sigma: &[f64], q: &[f64]) -> f64 {
    let mul = |a: &[f64], b: &[f64]| -> Vec<f64> {
        (0..dim * dim)
            .map(|k| (0..dim).map(|m| a[k / dim * dim + m] * b[m * dim + k % dim]).sum())
            .collect()
    };
    let trace = |a: &[f64]| (0..dim).map(|i| a[i * dim + i]).sum::<f64>();
    let qt: Vec<f64> = (0..dim * dim).map(|k| q[k % dim * dim + k / dim]).collect();
    let s2: Vec<f64> = mul(sigma, sigma)
        .iter()
        .zip(sigma)
        .map(|(square, s)| (n + 1.0) / n * square + trace(sigma) / n * s)
        .collect();
    trace(sigma)
        + 2.0 * trace(&mul(sigma, &mul(q, sigma)))
        + trace(&mul(&mul(&mul(q, sigma), &qt), &s2))
}

fn trained_one_layer(task: &Task, lr: f64, steps: u64) -> Vec<f64> {
    let settings = TrainConfig {
        task: task.clone(),
        model: Transformer::linear(1, task.dim()),
        init_std: 0.05,
        optimizer: Config::of::<Sgd>().with_lr(lr),
        batch_size: 2000,
        steps,
        seed: 0,
        isa: Isa::detect(),
        threads: 1,
        shadows: Vec::new(),
    };
    let mut trainer = Trainer::<f64>::new(settings).unwrap();
    let stopped =
        trainer.run(&mut [], &mut |_: u64, _: &str, _: f64| {}, |_, _| ControlFlow::Continue(()));
    assert_eq!(stopped, StopReason::Finished);
    trainer.params().to_vec()
}

#[test]
fn one_layer_trains_to_its_optimum() {
    let spectrum = [1.0, 1.0, 0.25, 0.0625, 1.0];
    // (Σ, minimal loss); the second is Σ λᵢ(λᵢ + tr Σ)/((n+1)λᵢ + tr Σ).
    let cases = [
        (Covariance::identity(), 30.0 / 26.0),
        (Covariance::diagonal(&spectrum).unwrap(), 0.681_76),
        (Covariance::rotated(&spectrum, 3).unwrap(), 0.681_76),
    ];
    for (covariance, optimum) in cases {
        let sigma = covariance.matrix(5);
        let task = Task::new(5, 20, Covariates::gaussian().with_covariance(covariance)).unwrap();
        let params = trained_one_layer(&task, 0.02, 8000);
        let q = &params[25..];
        let loss = one_layer_loss(5, 20.0, &sigma, q);
        // Never below the optimum. Above it by the noise of mini-batches and by the part of the
        // flattest direction (curvature 2 μ λ = 0.002 for λ = 1/16) that 8000 steps leave.
        assert!(loss > optimum * (1.0 - 1e-5), "{loss}");
        assert!(loss < optimum * 1.01, "{loss} against {optimum}");
        let (measured, error) = population_loss(&task, 1, &params);
        assert!((measured - loss).abs() < 4.5 * error, "{measured} ± {error} against {loss}");
    }
}

/// Facts: q⋆ = s/(E‖x‖⁴/(nd) + ((n−1)/n)s²) with s = E‖x‖²/d; loss d s (1 − s q⋆).
/// Theorem 5 of Ahn et al. (NeurIPS 2023): one layer of ReLU attention is best at Q = −a I,
/// a = 2n/(n + 2d + 3), where its loss is d(2d + 3)/(n + 2d + 3).
#[test]
fn one_layer_of_relu_attention_is_best_where_theory_says() {
    let (task, dim, n) = (Task::new(5, 20, gaussian()).unwrap(), 5.0, 20.0);
    let model = Transformer { attention: Attention::Relu, ..Transformer::linear(1, 5) };
    let a = 2.0 * n / (n + 2.0 * dim + 3.0);
    let params = diagonal(5, &[(0.0, -a)]);
    let key = Key { seed: 8, purpose: Purpose::HeldOut, step: 0 };
    let batch: Batch<f64> = task.batch(Form::Tokens, Isa::detect(), key, 40_000);
    let mut evaluator = Evaluator::new(model, Isa::detect(), 2);
    let found = evaluator.prompt_gradients(&params, &batch);
    let (loss, error) = mean_and_error(&found.losses);
    let exact = dim * (2.0 * dim + 3.0) / (n + 2.0 * dim + 3.0);
    assert!((exact - 1.96970).abs() < 1e-5 && error < 0.02 * exact);
    assert!((loss - exact).abs() < 4.5 * error, "{loss} ± {error}, theory {exact}");
    // The derivative along Q = −a I vanishes; at 1.1 a it does not.
    let mut slope = |params: &[f64]| {
        let grads = evaluator.prompt_gradients(params, &batch).grads;
        let trace = |grad: &[f64]| (0..5).map(|i| grad[25 + 6 * i]).sum::<f64>();
        mean_and_error(&grads.chunks_exact(50).map(trace).collect::<Vec<_>>())
    };
    let (at_optimum, error) = slope(&params);
    assert!(at_optimum.abs() < 4.5 * error, "{at_optimum} ± {error}");
    let (beyond, error) = slope(&diagonal(5, &[(0.0, -1.1 * a)]));
    assert!(beyond < -4.5 * error, "{beyond} ± {error}");
}

#[test]
fn one_layer_optima_of_radial_data() {
    let cases =
        [(Covariates::sphere(), 100.0 / 24.0, 1.0 / 6.0, 1.0), (heavy(), 1.3514, 0.729_73, 0.005)];
    for (covariates, q, optimum, lr) in cases {
        let task = Task::new(5, 20, covariates).unwrap();
        let at = |scale: f64| population_loss(&task, 1, &diagonal(5, &[(0.0, -scale * q)]));
        let (loss, error) = at(1.0);
        assert!((loss - optimum).abs() < 4.5 * error, "{task:?}: {loss} ± {error}");
        assert!(at(0.8).0 > loss && at(1.2).0 > loss, "{task:?}: not a minimum");
        let (trained, error) = population_loss(&task, 1, &trained_one_layer(&task, lr, 2000));
        let slack = 4.5 * error + 0.03 * optimum;
        assert!((trained - optimum).abs() < slack, "{task:?}: {trained} ± {error}");
    }
}

#[test]
fn two_and_three_layers_reach_gradient_descent_and_gd_plus_plus() {
    let task = Task::new(5, 20, gaussian()).unwrap();
    // b = 0, best steps: e₁ m₁ + e₂ m₂ form with m = 1, 1.3, 2.01, 3.49 has minimum 0.36124.
    let m: [f64; 4] = [1.0, 1.3, 2.01, 3.49];
    let det = m[1] * m[3] - m[2] * m[2];
    let e1 = (m[1] * m[2] - m[0] * m[3]) / det;
    let e2 = (m[0] * m[2] - m[1] * m[1]) / det;
    // (1 + a₀λ)(1 + a₁λ) = 1 + e₁λ + e₂λ²: the steps are the roots of z² − e₁ z + e₂.
    let root = (e1 * e1 / 4.0 - e2).sqrt();
    let (a0, a1) = (e1 / 2.0 + root, e1 / 2.0 - root);
    let (loss, error) = population_loss(&task, 2, &diagonal(5, &[(0.0, a0), (0.0, a1)]));
    assert!((loss - 0.361_24).abs() < 4.5 * error + 5e-4, "{loss} ± {error}");
    // GD++ at depth 3, best known parameters: 6.3e-4 to 6.6e-4 by simulation.
    let layers = [(0.909, -0.376), (0.566, -2.402), (0.0, -9.595)];
    let (loss, error) = population_loss(&task, 3, &diagonal(5, &layers));
    assert!((loss - 6.45e-4).abs() < 4.5 * error + 4e-5, "{loss} ± {error}");
}

#[test]
fn zero_p_and_scaled_q_are_gradient_descent() {
    let eta = 0.3;
    for (dim, n, depth) in [(1, 4, 1), (3, 2, 4), (5, 20, 3), (13, 6, 5)] {
        let task = Task::new(dim, n, Covariates::sphere()).unwrap().with_noise(0.2).unwrap();
        let Tokens { z, targets } = sample(&task, 8, 5);
        let params = diagonal(dim, &vec![(0.0, -eta); depth]);
        let model = Transformer::linear(depth, dim);
        let mut evaluator = Evaluator::<f64>::new(model, Isa::detect(), 1);
        let losses =
            evaluator.losses(&params, &Batch::from_tokens(Form::Moments, dim, &z, &targets));
        for ((prompt, target), loss) in z.chunks((n + 1) * (dim + 1)).zip(targets).zip(losses) {
            let tokens: Vec<&[f64]> = prompt.chunks(dim + 1).collect();
            let dot = |w: &[f64], x: &[f64]| w.iter().zip(x).map(|(a, b)| a * b).sum::<f64>();
            let mut w = vec![0.0; dim];
            for _ in 0..depth {
                let mut gradient = vec![0.0; dim];
                for token in &tokens[..n] {
                    let error = dot(&w, token) - token[dim];
                    for i in 0..dim {
                        gradient[i] += error * token[i] / n as f64;
                    }
                }
                for i in 0..dim {
                    w[i] -= eta * gradient[i];
                }
            }
            let expected = (dot(&w, tokens[n]) - target).powi(2);
            assert!((loss - expected).abs() < 1e-12 * (1.0 + expected), "{loss} {expected}");
        }
    }
}

/// x → Ux with (P, Q) → (U P Uᵀ, U Q Uᵀ) changes nothing.
#[test]
fn rotating_data_and_parameters_changes_nothing() {
    let (dim, depth) = (5, 4);
    let task = Task::new(dim, 7, gaussian()).unwrap();
    let Tokens { z, targets } = sample(&task, 2, 33);
    let u = random_orthogonal(dim, Key { seed: 1, purpose: Purpose::Rotation, step: 0 });
    let rotated: Vec<f64> = z
        .chunks(dim + 1)
        .flat_map(|t| {
            let x = (0..dim).map(|i| (0..dim).map(|j| u[i * dim + j] * t[j]).sum::<f64>());
            x.chain([t[dim]]).collect::<Vec<_>>()
        })
        .collect();
    let model = Transformer::linear(depth, dim);
    let params = model.init(3, 0.2);
    let conjugated: Vec<f64> = params
        .chunks(dim * dim)
        .flat_map(|m| {
            let entry = |k: usize| {
                let (i, j) = (k / dim, k % dim);
                let inner =
                    |a: usize| -> f64 { (0..dim).map(|b| m[a * dim + b] * u[j * dim + b]).sum() };
                (0..dim).map(|a| u[i * dim + a] * inner(a)).sum::<f64>()
            };
            (0..dim * dim).map(entry).collect::<Vec<_>>()
        })
        .collect();
    let mut evaluator = Evaluator::<f64>::new(model, Isa::detect(), 1);
    let before = evaluator.value(&params, &Batch::from_tokens(Form::Moments, dim, &z, &targets));
    let after =
        evaluator.value(&conjugated, &Batch::from_tokens(Form::Moments, dim, &rotated, &targets));
    assert!((before / after - 1.0).abs() < 1e-12, "{before} {after}");
}

/// All tokens are alike, so that softmax gives every key the same weight, however far below zero the
/// scores are: n = 3 labels of weight 1/(n + 1), divided by n, make the loss (3/4/3)².
#[test]
fn softmax_takes_scores_of_any_size() {
    let model = Transformer { attention: Attention::Softmax, ..Transformer::linear(1, 1) };
    let z = [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0];
    let batch = Batch::<f64>::from_tokens(Form::Tokens, 1, &z, &[0.0]);
    let mut evaluator = Evaluator::<f64>::new(model, Isa::detect(), 1);
    for score in [0.0, -1.0, -3.4e38, -3.5e38, -1e100, -1e300, 1e39, 1e300] {
        let loss = evaluator.value(&[0.0, score], &batch);
        assert!((loss - 0.0625).abs() < 1e-15, "score {score}: {loss}");
    }
}
