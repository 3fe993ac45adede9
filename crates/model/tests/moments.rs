//! Samplers against theory: every tolerance is 4.5 standard errors, which a right sampler exceeds
//! once in 150,000 comparisons.

// Clippy allows unwrap in tests, but not in the functions that they share.
#![allow(clippy::unwrap_used)]

mod samples;

use samples::{assert_mean, mean_and_error};
use windtunnel_math::lanes::Isa;
use windtunnel_math::rng::{Key, Purpose};
use windtunnel_model::reference;
use windtunnel_model::task::{Batch, Covariance, Covariates, Form, Task};

const PROMPTS: usize = 200_000;

/// One prompt, unpacked from its moments.
struct Prompt {
    gram: Vec<Vec<f64>>,
    labels: Vec<f64>,
    query: Vec<f64>,
    target: f64,
    square: f64,
}

fn unpack<T: windtunnel_math::lanes::Real>(batch: &Batch<T>, d: usize, index: usize) -> Prompt {
    let values: Vec<f64> = batch.prompt(index).into_iter().map(|x| x.widen()).collect();
    let at = |i: usize, j: usize| values[i.max(j) * (i.max(j) + 1) / 2 + i.min(j)];
    let labels = d * (d + 1) / 2;
    Prompt {
        gram: (0..d).map(|i| (0..d).map(|j| at(i, j)).collect()).collect(),
        labels: values[labels..labels + d].to_vec(),
        query: values[labels + d..labels + 2 * d].to_vec(),
        target: values[labels + 2 * d],
        square: values[labels + 2 * d + 1],
    }
}

fn prompts(task: &Task, seed: u64) -> Vec<Prompt> {
    let key = Key { seed, purpose: Purpose::Train, step: 3 };
    let batch: Batch<f32> = task.batch(Form::Moments, Isa::detect(), key, PROMPTS);
    (0..PROMPTS).map(|i| unpack(&batch, task.dim(), i)).collect()
}

fn product(a: &[Vec<f64>], b: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let d = a.len();
    let entry = |i: usize, j: usize| (0..d).map(|k| a[i][k] * b[k][j]).sum();
    (0..d).map(|i| (0..d).map(|j| entry(i, j)).collect()).collect()
}

fn trace(a: &[Vec<f64>]) -> f64 {
    (0..a.len()).map(|i| a[i][i]).sum()
}

fn norm2(x: &[f64]) -> f64 {
    x.iter().map(|v| v * v).sum()
}

fn each(prompts: &[Prompt], f: impl Fn(&Prompt) -> f64) -> Vec<f64> {
    prompts.iter().map(f).collect()
}

#[test]
fn identity_gram_matrices_have_wishart_moments() {
    for (d, n) in [(5, 20), (5, 5), (5, 3), (1, 1), (2, 1), (3, 50), (8, 20)] {
        let task = Task::new(d, n, Covariates::gaussian()).unwrap();
        let prompts = prompts(&task, (10 * d + n) as u64);
        let (df, nf) = (d as f64, n as f64);
        // (1/d) E tr Wᵏ / nᵏ, facts of the Wishart law W(I, n).
        let moments = [
            1.0,
            (nf + df + 1.0) / nf,
            (nf * nf + 3.0 * nf * (df + 1.0) + df * df + 3.0 * df + 4.0) / (nf * nf),
            (nf.powi(3)
                + 6.0 * nf * nf * (df + 1.0)
                + nf * (6.0 * df * df + 17.0 * df + 21.0)
                + df.powi(3)
                + 6.0 * df * df
                + 21.0 * df
                + 20.0)
                / nf.powi(3),
        ];
        for (k, expected) in moments.into_iter().enumerate() {
            let samples = each(&prompts, |p| {
                let power = (0..k).fold(p.gram.clone(), |power, _| product(&power, &p.gram));
                trace(&power) / df
            });
            assert_mean(&format!("tr S^{} (d={d}, n={n})", k + 1), &samples, expected);
        }
        // s = S w with w ~ N(0, I): E‖s‖² = E tr S²; and nothing couples prompts to the query.
        assert_mean("‖s‖²", &each(&prompts, |p| norm2(&p.labels)), df * moments[1]);
        assert_mean("‖x_q‖²", &each(&prompts, |p| norm2(&p.query)), df);
        assert_mean("y²", &each(&prompts, |p| p.target * p.target), df);
        assert_mean(
            "s·x y",
            &each(&prompts, |p| {
                p.target * p.labels.iter().zip(&p.query).map(|(a, b)| a * b).sum::<f64>()
            }),
            df,
        );
        if d > 1 {
            assert_mean("S₁₂", &each(&prompts, |p| p.gram[0][1]), 0.0);
            assert_mean("S₁₂²", &each(&prompts, |p| p.gram[0][1].powi(2)), 1.0 / nf);
        }
        assert_mean("x_q⁴", &each(&prompts, |p| p.query[d - 1].powi(4)), 3.0);
    }
}

#[test]
fn general_covariances_have_their_second_wishart_moment() {
    let rows = vec![vec![2.0, 0.5, 0.0], vec![0.5, 1.0, -0.3], vec![0.0, -0.3, 0.4]];
    let (d, n) = (3, 7);
    for covariance in [
        Covariance::full(&rows).unwrap(),
        Covariance::diagonal(&[1.0, 0.25, 3.0]).unwrap(),
        Covariance::rotated(&[2.0, 1.0, 0.1], 5).unwrap(),
    ] {
        let sigma = covariance.matrix(d);
        let sigma: Vec<Vec<f64>> = sigma.chunks(d).map(<[f64]>::to_vec).collect();
        let task = Task::new(d, n, Covariates::gaussian().with_covariance(covariance)).unwrap();
        let prompts = prompts(&task, 11);
        let squared = product(&sigma, &sigma);
        for i in 0..d {
            for j in 0..d {
                let what = format!("({i}, {j})");
                assert_mean(&what, &each(&prompts, |p| p.gram[i][j]), sigma[i][j]);
                assert_mean(&what, &each(&prompts, |p| p.query[i] * p.query[j]), sigma[i][j]);
                // E[S S] = ((n+1)/n) Σ² + (1/n) tr(Σ) Σ.
                let nf = n as f64;
                let second = (nf + 1.0) / nf * squared[i][j] + trace(&sigma) / nf * sigma[i][j];
                assert_mean(&what, &each(&prompts, |p| product(&p.gram, &p.gram)[i][j]), second);
                assert_mean(&what, &each(&prompts, |p| p.labels[i] * p.labels[j]), second);
            }
        }
    }
}

#[test]
fn radial_covariates_have_their_moments() {
    // (covariates, E‖x‖², E‖x‖⁴): 1, 1; kθ, k(k+1)θ².
    let cases = [
        (Covariates::sphere(), 1.0, 1.0),
        (Covariates::gamma_radial(0.1, 10.0).unwrap(), 1.0, 11.0),
        (Covariates::gamma_radial(2.5, 2.0).unwrap(), 5.0, 35.0),
        (Covariates::gamma_radial(1.0, 0.5).unwrap(), 0.5, 0.5),
    ];
    // Tokens are drawn four at a time: lengths that four divides, and others.
    let sizes = [(5, 20), (5, 3), (2, 1), (8, 22)];
    for ((covariates, second, fourth), (dim, len)) in
        cases.iter().flat_map(|case| sizes.map(|size| (case.clone(), size)))
    {
        let (d, n) = (dim as f64, len as f64);
        let name = format!("{covariates:?} d = {dim} n = {len}");
        let task = Task::new(dim, len, covariates).unwrap();
        let prompts = prompts(&task, 21);
        assert_mean(&name, &each(&prompts, |p| trace(&p.gram)), second);
        assert_mean(&name, &each(&prompts, |p| norm2(&p.query)), second);
        assert_mean(&name, &each(&prompts, |p| norm2(&p.query).powi(2)), fourth);
        assert_mean(&name, &each(&prompts, |p| p.gram[dim - 1][dim - 1]), second / d);
        assert_mean(&name, &each(&prompts, |p| p.gram[dim - 1][0]), 0.0);
        // E tr S² = E‖x‖⁴/n + ((n−1)/n) (E‖x‖²)²/d.
        let square = fourth / n + (n - 1.0) / n * second * second / d;
        assert_mean(&name, &each(&prompts, |p| trace(&product(&p.gram, &p.gram))), square);
        assert_mean(&name, &each(&prompts, |p| norm2(&p.labels)), square);
    }
}

#[test]
fn label_noise_adds_its_variance() {
    for covariates in [Covariates::gaussian(), Covariates::sphere()] {
        for n in [3, 20] {
            let task = Task::new(5, n, covariates.clone()).unwrap();
            let square: f64 = {
                let samples = each(&prompts(&task, 31), |p| trace(&product(&p.gram, &p.gram)));
                mean_and_error(&samples).0
            };
            let noisy = task.with_noise(2.0).unwrap();
            let prompts = prompts(&noisy, 31);
            let power = if covariates == Covariates::sphere() { 1.0 } else { 5.0 };
            // E‖s‖² = E tr S² + (σ²/n) E tr S.
            let expected = square + 4.0 / n as f64 * power;
            assert_mean("‖s‖²", &each(&prompts, |p| norm2(&p.labels)), expected);
            assert_mean("y²", &each(&prompts, |p| p.target.powi(2)), power);
        }
    }
}

/// σ/n = Σ(⟨w⋆, xᵢ⟩ + εᵢ)²/n: given w⋆ its mean is wᵀΣw + ν², and E wᵀΣw = tr Σ.
#[test]
fn squared_labels_have_their_mean_and_variance() {
    let noise_std = 0.7_f64;
    let nu2 = noise_std * noise_std;
    for n in [2, 5, 20] {
        let task = Task::new(5, n, Covariates::gaussian()).unwrap();
        let prompts = prompts(&task.with_noise(noise_std).unwrap(), 51);
        let nf = n as f64;
        assert_mean("σ", &each(&prompts, |p| p.square), 5.0 + nu2);
        // Labels are N(0, v) with v = ‖w⋆‖² + ν²: E σ² = (1 + 2/n) E v², E‖w⋆‖⁴ = d(d + 2).
        let v2 = 35.0 + 2.0 * 5.0 * nu2 + nu2 * nu2;
        assert_mean("σ²", &each(&prompts, |p| p.square.powi(2)), (1.0 + 2.0 / nf) * v2);
    }
    for n in [3, 20] {
        let task = Task::new(5, n, Covariates::sphere()).unwrap().with_noise(noise_std).unwrap();
        let prompts = prompts(&task, 52);
        assert_mean("σ", &each(&prompts, |p| p.square), 1.0 + nu2);
    }
}

/// Without noise σ = w⋆ᵀ S w⋆ = ⟨w⋆, s⟩, where w⋆ = S⁻¹ s.
#[test]
fn squared_labels_without_noise_follow_from_the_rest() {
    let key = Key { seed: 3, purpose: Purpose::Train, step: 0 };
    for covariates in [Covariates::gaussian(), Covariates::sphere()] {
        for n in [1, 7] {
            let task = Task::new(1, n, covariates.clone()).unwrap();
            let batch: Batch<f64> = task.batch(Form::Moments, Isa::detect(), key, 50);
            for p in (0..50).map(|i| unpack(&batch, 1, i)) {
                let (square, s) = (p.square * p.gram[0][0], p.labels[0]);
                assert!((square - s * s).abs() <= 1e-14 * s * s, "{square} {s}");
            }
            let task = Task::new(5, n, covariates.clone()).unwrap();
            let batch: Batch<f64> = task.batch(Form::Moments, Isa::detect(), key, 50);
            for p in (0..50).map(|i| unpack(&batch, 5, i)) {
                let w = task_weights(&p, n);
                let Some(w) = w else { continue };
                let square: f64 = w.iter().zip(&p.labels).map(|(w, s)| w * s).sum();
                // Five unknowns from a Gram matrix of condition number up to some thousands.
                assert!((square / p.square - 1.0).abs() < 1e-9, "{square} {}", p.square);
            }
        }
    }
}

/// S⁻¹ s by Gaussian elimination, where n ≥ d makes S regular.
fn task_weights(prompt: &Prompt, n: usize) -> Option<Vec<f64>> {
    let d = prompt.labels.len();
    let mut rows: Vec<Vec<f64>> =
        prompt.gram.iter().zip(&prompt.labels).map(|(row, s)| [&row[..], &[*s]].concat()).collect();
    for k in 0..d {
        let pivot = rows[k].clone();
        for row in &mut rows[k + 1..] {
            let factor = row[k] / pivot[k];
            row.iter_mut().zip(&pivot).for_each(|(a, b)| *a -= factor * b);
        }
    }
    let mut w = vec![0.0; d];
    for k in (0..d).rev() {
        let rest: f64 = (k + 1..d).map(|j| rows[k][j] * w[j]).sum();
        w[k] = (rows[k][d] - rest) / rows[k][k];
    }
    (n >= d).then_some(w)
}

type Statistic = fn(&Prompt) -> f64;

/// The Gram sampler and the token sampler have the same law: statistics of several orders agree.
#[test]
fn gram_sampler_and_token_sampler_agree() {
    let rotated = Covariance::rotated(&[2.0, 1.0, 0.5, 0.2], 1).unwrap();
    let cases = [
        (Covariates::gaussian(), 6),
        (Covariates::gaussian(), 2),
        (Covariates::gaussian().with_covariance(rotated), 6),
        (Covariates::sphere(), 6),
        (Covariates::gamma_radial(1.5, 2.0).unwrap(), 6),
    ];
    for (covariates, n) in cases {
        let task = Task::new(4, n, covariates).unwrap().with_noise(0.3).unwrap();
        let fast = prompts(&task, 41);
        let tokens = reference::sample(&task, 43, 40_000);
        let batch: Batch<f64> = Batch::from_tokens(Form::Moments, 4, &tokens.z, &tokens.targets);
        let slow: Vec<Prompt> = (0..40_000).map(|i| unpack(&batch, 4, i)).collect();
        let statistics: [(&str, Statistic); 9] = [
            ("log tr S", |p| trace(&p.gram).ln()),
            ("tr S³", |p| trace(&product(&p.gram, &product(&p.gram, &p.gram)))),
            ("s·x", |p| p.labels.iter().zip(&p.query).map(|(a, b)| a * b).sum()),
            ("‖s‖", |p| norm2(&p.labels).sqrt()),
            ("|y|", |p| p.target.abs()),
            ("σ", |p| p.square),
            ("σ²", |p| p.square * p.square),
            ("σ ‖s‖", |p| p.square * norm2(&p.labels).sqrt()),
            ("S₁₁ s₁²", |p| p.gram[0][0] * p.labels[0].powi(2)),
        ];
        for (name, statistic) in statistics {
            let (a, ea) = mean_and_error(&each(&fast, statistic));
            let (b, eb) = mean_and_error(&each(&slow, statistic));
            let error = ea.hypot(eb);
            // Unit vectors in f32 have unit length to 1e-7.
            assert!(
                (a - b).abs() < 4.5 * error + 1e-6,
                "{task:?} {name}: {a} against {b} ± {error}"
            );
        }
    }
}

#[test]
fn draws_of_one_purpose_or_step_say_nothing_about_another() {
    let task = Task::new(3, 4, Covariates::gaussian()).unwrap();
    let draw = |seed, purpose, step| -> Vec<f64> {
        let batch: Batch<f32> =
            task.batch(Form::Moments, Isa::detect(), Key { seed, purpose, step }, 20_000);
        (0..20_000).map(|i| unpack(&batch, 3, i).target).collect()
    };
    let base = draw(1, Purpose::Train, 0);
    let others = [
        draw(2, Purpose::Train, 0),
        draw(1 << 32, Purpose::Train, 0),
        draw(1, Purpose::HeldOut, 0),
        draw(1, Purpose::Train, 1),
        draw(1, Purpose::Train, 1 << 32),
    ];
    for other in others {
        let products: Vec<f64> = base.iter().zip(&other).map(|(a, b)| a * b).collect();
        assert_mean("covariance", &products, 0.0);
    }
}

#[test]
fn a_shorter_batch_is_the_start_of_a_longer_one() {
    for covariates in [Covariates::gaussian(), Covariates::sphere()] {
        let task = Task::new(5, 20, covariates).unwrap();
        let key = Key { seed: 9, purpose: Purpose::Train, step: 0 };
        let long: Batch<f32> = task.batch(Form::Moments, Isa::detect(), key, 40);
        for len in [1, 16, 33] {
            let short: Batch<f32> = task.batch(Form::Moments, Isa::detect(), key, len);
            assert!((0..len).all(|i| short.prompt(i) == long.prompt(i)), "{len}");
        }
    }
}

/// Literal draws: a change here changes every stored number and needs a new numerics version.
#[test]
fn values_are_stable() {
    let key = Key { seed: 1, purpose: Purpose::Train, step: 2 };
    let first = |covariates| {
        let task = Task::new(2, 3, covariates).unwrap();
        let batch: Batch<f64> = task.batch(Form::Moments, Isa::Avx2, key, 1);
        batch.prompt(0).iter().map(|x| format!("{x:.5}")).collect::<Vec<_>>().join(" ")
    };
    let gaussian = first(Covariates::gaussian());
    let sphere = first(Covariates::sphere());
    let gamma = first(Covariates::gamma_radial(0.1, 10.0).unwrap());
    assert_eq!(
        gaussian,
        "1.12378 -0.45742 0.74103 0.92271 -1.02150 -1.05236 -0.38737 0.08555 1.50957"
    );
    assert_eq!(
        sphere,
        "0.44850 -0.20859 0.55150 0.39856 -0.71446 -0.93844 -0.34544 0.07629 0.97013"
    );
    assert_eq!(
        gamma,
        "0.64151 -0.09117 0.31344 0.32888 -0.39655 -0.45367 -0.16700 0.03688 0.57584"
    );
}
