//! Families, covariances, sizes, labels and forms of prompts, each against theory, its twin, or its
//! other form. Tolerances are 4.5 standard errors, which a right sampler exceeds once in 150,000
//! comparisons, or roundings.

// Clippy allows unwrap in tests, but not in the functions that they share.
#![allow(clippy::unwrap_used)]

mod samples;

use samples::{assert_mean, mean_and_error};
use windtunnel_math::lanes::Isa;
use windtunnel_math::rng::{Key, Purpose};
use windtunnel_model::reference::{self, network};
use windtunnel_model::task::family::Value;
use windtunnel_model::task::{
    Batch, Covariance, Covariates, Family, Form, Labels, Mlp, Size, Task, TaskError, WStar,
};

const KEY: Key = Key { seed: 17, purpose: Purpose::Train, step: 4 };

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn family(name: &str, values: &[f64]) -> Family {
    let values: Vec<Value> = values.iter().map(|&x| x.into()).collect();
    Family::named(name, &values).unwrap()
}

fn mixture() -> Family {
    Family::named("mixture", &[[3.0, 1.0].as_slice().into(), [0.5, 2.0].as_slice().into()]).unwrap()
}

/// Every registered family, with parameters that give it moments and that its twin can draw.
fn families() -> Vec<Family> {
    let special = [family("gamma_radial", &[0.5, 3.0]), family("student_t", &[12.0]), mixture()];
    let build = |name: &str| {
        let defaults = Family::ALL.iter().find(|family| family.name == name).unwrap();
        let values: Vec<Value> = defaults.parameters.iter().map(|p| p.default.value()).collect();
        let chosen = special.iter().find(|family| family.name() == name);
        chosen.cloned().unwrap_or_else(|| defaults.build(&values).unwrap())
    };
    Family::ALL.iter().map(|family| build(family.name)).collect()
}

/// Families that the naive twin knows; literal draws and fourth moments are listed in this order.
const KNOWN: [&str; 6] = ["gaussian", "sphere", "gamma_radial", "student_t", "laplace", "mixture"];

fn known() -> Vec<Family> {
    let families = families();
    let find = |name| families.iter().find(|family| family.name() == name).unwrap().clone();
    KNOWN.into_iter().map(find).collect()
}

fn rotated() -> Covariance {
    Covariance::power_law(4, 1.0, Some(2)).unwrap()
}

/// Every family, isotropic and not, with and without noise.
fn tasks() -> Vec<Task> {
    let mut tasks = Vec::new();
    for family in families() {
        for (covariance, size, noise) in [
            (Covariance::identity(), Size::Own, 0.0),
            (Covariance::identity(), Size::SecondMoment, 0.3),
            (rotated(), Size::Own, 0.3),
            (Covariance::diagonal(&[4.0, 1.0, 1.0, 0.25]).unwrap(), Size::SecondMoment, 0.0),
        ] {
            let law = Covariates::from(family.clone()).with_covariance(covariance).with_size(size);
            tasks.push(Task::new(4, 6, law).unwrap().with_noise(noise).unwrap());
        }
    }
    tasks
}

fn values(task: &Task, form: Form, isa: Isa, len: usize) -> Vec<Vec<f64>> {
    let batch: Batch<f64> = task.batch(form, isa, KEY, len);
    (0..len).map(|i| batch.prompt(i)).collect()
}

/// Moments of prompts that are given as the tokens that a sampler stores.
fn moments(dim: usize, prompts: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let targets: Vec<f64> = prompts.iter().map(|p| p[p.len() - 1]).collect();
    let batch: Batch<f64> = Batch::from_tokens(Form::Moments, dim, &prompts.concat(), &targets);
    (0..prompts.len()).map(|i| batch.prompt(i)).collect()
}

/// ‖x‖² of one token per prompt.
fn lengths(task: &Task, len: usize) -> Vec<f64> {
    let d = task.dim();
    values(task, Form::Tokens, Isa::detect(), len).iter().map(|p| dot(&p[..d], &p[..d])).collect()
}

#[test]
fn families_have_their_second_and_fourth_moments() {
    // E[(τ‖z‖²)²]/(d(d + 2)) at Σ = I, d = 4: E‖x‖⁴ = that · ((tr Σ)² + 2 tr Σ²).
    let fourth = [
        1.0,
        1.0 / 24.0,
        0.5 * 1.5 * 9.0 / 24.0,
        // ν²/((ν − 2)(ν − 4)), E τ² = 2, Σ wₖ sₖ⁴.
        144.0 / 80.0,
        2.0,
        0.75 * 0.5_f64.powi(4) + 0.25 * 16.0,
    ];
    for (family, fourth) in known().into_iter().zip(fourth) {
        for covariance in [Covariance::identity(), rotated()] {
            let sigma = covariance.matrix(4);
            let trace: f64 = (0..4).map(|i| sigma[5 * i]).sum();
            let law = Covariates::from(family.clone()).with_covariance(covariance);
            let x2 = lengths(&Task::new(4, 1, law).unwrap(), 200_000);
            let name = format!("{family:?}");
            assert_mean(&name, &x2, trace * family.mean_scale(4));
            let squares: Vec<f64> = x2.iter().map(|x| x * x).collect();
            let expected = fourth * (trace * trace + 2.0 * dot(&sigma, &sigma));
            assert_mean(&name, &squares, expected);
        }
    }
}

#[test]
fn covariances_are_those_of_the_covariates() {
    let sigma = rotated().matrix(4);
    for family in families() {
        let law = Covariates::from(family.clone()).with_covariance(rotated());
        let task = Task::new(4, 3, law).unwrap();
        let prompts = values(&task, Form::Moments, Isa::detect(), 100_000);
        for (i, j, row) in [(0, 0, 0), (1, 0, 1), (1, 1, 2), (3, 1, 7), (3, 3, 9)] {
            let gram: Vec<f64> = prompts.iter().map(|p| p[row]).collect();
            let expected = sigma[4 * i + j] * family.mean_scale(4);
            assert_mean(&format!("{family:?} S {i} {j}"), &gram, expected);
            let query: Vec<f64> = prompts.iter().map(|p| p[14 + i] * p[14 + j]).collect();
            assert_mean(&format!("{family:?} x {i} {j}"), &query, expected);
        }
    }
}

/// Laplace's marginals: variance 1, E|x| = 1/√2, fourth moment 6.
#[test]
fn marginals_of_the_laplace_law_are_laplace() {
    let task = Task::new(3, 1, family("laplace", &[]).into()).unwrap();
    let x: Vec<f64> =
        values(&task, Form::Tokens, Isa::detect(), 200_000).iter().map(|p| p[1]).collect();
    let each = |f: fn(f64) -> f64| x.iter().map(|&x| f(x)).collect::<Vec<f64>>();
    assert_mean("|x|", &each(f64::abs), 0.5_f64.sqrt());
    assert_mean("x²", &each(|x| x * x), 1.0);
    assert_mean("x⁴", &each(|x| x.powi(4)), 6.0);
    // P(|x| > 3) = exp(−3√2).
    assert_mean("tail", &each(|x| f64::from(x.abs() > 3.0)), (-3.0 * 2f64.sqrt()).exp());
}

/// Three degrees of freedom: P(|x| > 5) = 1 − (2/π)(arctan(5/√3) + (5/√3)/(1 + 25/3)).
#[test]
fn marginals_of_the_t_law_have_its_tails() {
    let task = Task::new(2, 1, family("student_t", &[3.0]).into()).unwrap();
    let prompts = values(&task, Form::Tokens, Isa::detect(), 200_000);
    let beyond: Vec<f64> = prompts.iter().map(|p| f64::from(p[0].abs() > 5.0)).collect();
    let t = 5.0 / 3f64.sqrt();
    let inside = (t.atan() + t / (1.0 + t * t)) * std::f64::consts::FRAC_2_PI;
    assert_mean("tail", &beyond, 1.0 - inside);
}

/// A t law of one degree of freedom or fewer has no moments, but finite draws.
#[test]
fn the_heaviest_tails_are_finite() {
    for (name, value) in [("student_t", vec![0.2]), ("gamma_radial", vec![0.05, 20.0])] {
        let task = Task::new(5, 20, family(name, &value).into()).unwrap();
        for form in [Form::Moments, Form::Tokens] {
            let prompts = values(&task, form, Isa::detect(), 20_000);
            assert!(prompts.iter().flatten().all(|x| x.is_finite()), "{name} {form:?}");
        }
    }
}

/// The gamma law of shape d/2 and scale 2 is Gaussian: k = 2.5, θ = 2 is N(0, I₅).
#[test]
fn gamma_radii_of_half_the_dimension_are_gaussian() {
    let gamma = Task::new(5, 20, family("gamma_radial", &[2.5, 2.0]).into()).unwrap();
    let gauss = Task::new(5, 20, Covariates::gaussian()).unwrap();
    let spectra = |task: &Task| -> Vec<[f64; 5]> {
        let prompts = values(task, Form::Moments, Isa::detect(), 100_000);
        prompts.iter().map(|p| statistics(p)).collect()
    };
    let (a, b) = (spectra(&gamma), spectra(&gauss));
    // E tr Sᵏ/5 of the Wishart law, k = 1 to 4 (n = 20, d = 5), then E log.
    for (k, expected) in [1.0, 1.3, 2.01, 3.4905].into_iter().enumerate() {
        let samples: Vec<f64> = a.iter().map(|s| s[k]).collect();
        assert_mean(&format!("tr S^{}", k + 1), &samples, expected);
    }
    for k in 0..5 {
        let column = |s: &[[f64; 5]]| mean_and_error(&s.iter().map(|s| s[k]).collect::<Vec<_>>());
        let ((x, ex), (y, ey)) = (column(&a), column(&b));
        assert!((x - y).abs() < 4.5 * ex.hypot(ey), "{k}: {x} against {y}");
    }
    for shape in [0.05, 0.1, 0.5, 1.0, 2.5] {
        let law = Covariates::gamma_radial(shape, 5.0 / shape).unwrap();
        let x2 = lengths(&Task::new(5, 1, law).unwrap(), 200_000);
        assert_mean(&format!("shape {shape}"), &x2, 5.0);
        let squares: Vec<f64> = x2.iter().map(|x| x * x).collect();
        assert_mean(&format!("shape {shape}"), &squares, 25.0 * (shape + 1.0) / shape);
    }
}

/// tr Sᵏ/5, k = 1 to 4, and log tr S.
fn statistics(prompt: &[f64]) -> [f64; 5] {
    let at = |i: usize, j: usize| prompt[i.max(j) * (i.max(j) + 1) / 2 + i.min(j)];
    let s: Vec<f64> = (0..25).map(|k| at(k / 5, k % 5)).collect();
    let mul = |a: &[f64]| -> Vec<f64> {
        (0..25).map(|k| (0..5).map(|m| a[k / 5 * 5 + m] * s[m * 5 + k % 5]).sum()).collect()
    };
    let trace = |a: &[f64]| (0..5).map(|i| a[6 * i]).sum::<f64>();
    let (s2, one) = (mul(&s), trace(&s));
    let s3 = mul(&s2);
    [one / 5.0, trace(&s2) / 5.0, trace(&s3) / 5.0, trace(&mul(&s3)) / 5.0, one.ln()]
}

/// Draws are in f32 whatever the values are, and √τ is rounded once more where tokens are made.
const ROUNDING: f64 = 1e-6;

/// For all families but the Gaussian, both forms are the same prompts, not only the same law.
#[test]
fn tokens_have_the_moments_that_are_sampled_without_them() {
    for task in tasks() {
        if task.covariates().family().name() == "gaussian" {
            continue;
        }
        let direct = values(&task, Form::Moments, Isa::detect(), 50);
        let tokens = moments(4, &values(&task, Form::Tokens, Isa::detect(), 50));
        for (a, b) in direct.iter().flatten().zip(tokens.iter().flatten()) {
            assert!((a - b).abs() < 10.0 * ROUNDING * (1.0 + a.abs()), "{task:?}: {a} {b}");
        }
    }
}

/// Statistics of two samples of moments in four dimensions.
fn assert_same_law(name: &str, a: &[Vec<f64>], b: &[Vec<f64>]) {
    type Statistic = fn(&[f64]) -> f64;
    let all: [(&str, Statistic); 8] = [
        ("log tr S", |p| (p[0] + p[2] + p[5] + p[9]).ln()),
        ("S₁₂", |p| p[1]),
        ("log S₄₄", |p| p[9].ln()),
        ("s·x sign y", |p| dot(&p[10..14], &p[14..18]) * p[18].signum()),
        ("‖s‖", |p| dot(&p[10..14], &p[10..14]).sqrt()),
        ("|y|", |p| p[18].abs()),
        ("log σ", |p| p[19].ln()),
        ("s₁² / (σ S₁₁)", |p| p[10] * p[10] / (p[19] * p[0])),
    ];
    for (what, statistic) in all {
        let (x, ex) = mean_and_error(&a.iter().map(|p| statistic(p)).collect::<Vec<_>>());
        let (y, ey) = mean_and_error(&b.iter().map(|p| statistic(p)).collect::<Vec<_>>());
        assert!((x - y).abs() < 4.5 * ex.hypot(ey) + ROUNDING, "{name} {what}: {x} against {y}");
    }
}

fn assert_twin(task: &Task) {
    let twin = reference::sample(task, 23, 20_000);
    let twin: Batch<f64> = Batch::from_tokens(Form::Moments, 4, &twin.z, &twin.targets);
    let twin: Vec<Vec<f64>> = (0..20_000).map(|i| twin.prompt(i)).collect();
    let direct = values(task, Form::Moments, Isa::detect(), 100_000);
    let tokens = moments(4, &values(task, Form::Tokens, Isa::detect(), 100_000));
    assert_same_law(&format!("{task:?} moments"), &direct, &twin);
    assert_same_law(&format!("{task:?} tokens"), &tokens, &twin);
}

#[test]
fn both_forms_have_the_law_of_the_naive_twin() {
    let known = |task: &&Task| KNOWN.contains(&task.covariates().family().name());
    tasks().iter().filter(known).for_each(assert_twin);
}

#[test]
fn tasks_with_other_labels_have_the_law_of_the_naive_twin() {
    for law in [Covariates::gaussian(), Covariates::from(mixture())] {
        let task = Task::new(4, 6, law.with_covariance(rotated())).unwrap();
        let task = task.with_noise(0.2).unwrap();
        assert_twin(&task.clone().with_w_star(WStar::InverseCovariance).unwrap());
        assert_twin(&task.clone().with_distractors(2).unwrap());
        let both = task.clone().with_distractors(1).unwrap();
        assert_twin(&both.with_w_star(WStar::InverseCovariance).unwrap());
        assert_twin(&task.with_labels(Labels::Mlp(Mlp::new(4, 8, 7))).unwrap());
    }
}

/// w⋆ = C⁻ᵀ g: ⟨w⋆, C z⟩ = ⟨g, z⟩, so that E y² = d whatever Σ is.
#[test]
fn inverse_covariance_weights_undo_the_covariance() {
    let law = Covariates::gaussian().with_covariance(rotated());
    let whitened = Task::new(4, 6, law).unwrap().with_w_star(WStar::InverseCovariance).unwrap();
    let plain = Task::new(4, 6, Covariates::gaussian()).unwrap();
    let target = |task: &Task| -> Vec<f64> {
        values(task, Form::Tokens, Isa::detect(), 100).iter().map(|p| p[p.len() - 1]).collect()
    };
    for (a, b) in target(&whitened).iter().zip(target(&plain)) {
        // Entries of C⁻ᵀ g rounded to f32.
        assert!((a - b).abs() < 10.0 * ROUNDING * (1.0 + b.abs()), "{a} {b}");
    }
}

/// w⋆ from noiseless tokens: the normal equations by Gauss and Jordan.
fn solve(dim: usize, prompt: &[f64]) -> Vec<f64> {
    let context = &prompt[..prompt.len() - dim - 1];
    let sum = |a: usize, b: usize| context.chunks(dim + 1).map(|t| t[a] * t[b]).sum::<f64>();
    let mut rows: Vec<Vec<f64>> =
        (0..dim).map(|i| (0..=dim).map(|j| sum(i, j)).collect()).collect();
    for k in 0..dim {
        let pivot = rows[k].clone();
        for (i, row) in rows.iter_mut().enumerate() {
            if i != k {
                let factor = row[k] / pivot[k];
                row.iter_mut().zip(&pivot).for_each(|(a, b)| *a -= factor * b);
            }
        }
    }
    (0..dim).map(|k| rows[k][dim] / rows[k][k]).collect()
}

#[test]
fn distractors_do_not_enter_labels() {
    for law in [Covariates::gaussian(), Covariates::sphere()] {
        let task = Task::new(4, 9, law).unwrap();
        let few = task.clone().with_distractors(2).unwrap();
        let all = values(&task, Form::Tokens, Isa::detect(), 30);
        for (a, b) in all.iter().zip(values(&few, Form::Tokens, Isa::detect(), 30)) {
            let (w, v) = (solve(4, a), solve(4, &b));
            // Gram matrices of 9 tokens in 4 dimensions have condition numbers up to hundreds.
            assert!((0..2).all(|i| (w[i] - v[i]).abs() < 1e-9), "{w:?} {v:?}");
            assert!((2..4).all(|i| v[i].abs() < 1e-9), "{v:?}");
        }
    }
    let task = Task::new(4, 9, Covariates::gaussian()).unwrap();
    assert!(matches!(task.with_distractors(4), Err(TaskError::Distractors { .. })));
}

/// The same x and w⋆ as with linear labels, from which w⋆ is known.
#[test]
fn network_labels_equal_those_of_the_plain_loop() {
    for (dim, hidden, law) in [(5, 10, Covariates::gaussian()), (3, 7, Covariates::sphere())] {
        let net = Mlp::new(dim, hidden, 7);
        let linear = Task::new(dim, 12, law).unwrap();
        let task = linear.clone().with_labels(Labels::Mlp(net.clone())).unwrap();
        let tokens = values(&task, Form::Tokens, Isa::detect(), 40);
        for (a, b) in values(&linear, Form::Tokens, Isa::detect(), 40).iter().zip(&tokens) {
            let w = solve(dim, a);
            for (x, z) in a.chunks(dim + 1).zip(b.chunks(dim + 1)) {
                assert_eq!(x[..dim], z[..dim]);
                let y = dot(&w, &network(&net, &x[..dim]));
                assert!((y - z[dim]).abs() < 1e-9 * (1.0 + y.abs()), "{y} {}", z[dim]);
            }
        }
        let direct = values(&task, Form::Moments, Isa::detect(), 40);
        for (a, b) in direct.iter().flatten().zip(moments(dim, &tokens).iter().flatten()) {
            assert!((a - b).abs() < 1e-12 * (1.0 + a.abs()), "{a} {b}");
        }
    }
}

#[test]
fn networks_start_as_those_of_pytorch() {
    let net = Mlp::new(5, 1000, 7);
    for (k, fan_in) in [(0, 5.0_f64), (1, 1000.0)] {
        let bound = 1.0 / fan_in.sqrt();
        for x in [net.weights()[k], net.biases()[k]] {
            assert!(x.iter().all(|x| x.abs() < bound));
        }
        let squares: Vec<f64> = net.weights()[k].iter().map(|x| x * x).collect();
        assert_mean("variance", &squares, bound * bound / 3.0);
        assert_mean("mean", net.weights()[k], 0.0);
    }
    assert_ne!(net, Mlp::new(5, 1000, 8));
}

#[test]
fn matched_second_moments_are_those_of_the_standard_normal_law() {
    for family in families() {
        for covariance in [Covariance::identity(), rotated()] {
            let law = Covariates::from(family.clone()).with_covariance(covariance);
            let task = Task::new(4, 1, law.with_size(Size::SecondMoment)).unwrap();
            assert_mean(&format!("{family:?}"), &lengths(&task, 200_000), 4.0);
        }
    }
    let infinite = Covariates::from(family("student_t", &[2.0])).with_size(Size::SecondMoment);
    assert_eq!(Task::new(4, 1, infinite), Err(TaskError::NoSecondMoment("student_t")));
}

#[test]
fn power_laws_have_their_spectrum() {
    let sigma = Covariance::power_law(4, 2.0, None).unwrap().matrix(4);
    let sum = 1.0 + 1.0 / 4.0 + 1.0 / 9.0 + 1.0 / 16.0;
    for i in 0..4 {
        for j in 0..4 {
            let expected = if i == j { 4.0 / sum / ((i + 1) as f64).powi(2) } else { 0.0 };
            // A root and its square.
            assert!((sigma[4 * i + j] - expected).abs() < 1e-15);
        }
    }
    assert!(Covariance::power_law(4, f64::INFINITY, None).is_err());
}

#[test]
fn prompts_depend_on_their_address_alone() {
    for task in tasks() {
        for form in [Form::Moments, Form::Tokens] {
            let long = values(&task, form, Isa::Avx2, 40);
            for len in [1, 16, 33] {
                assert_eq!(values(&task, form, Isa::Avx2, len), long[..len], "{task:?} {len}");
            }
            // Same bits on every set with fused multiply-add; the baseline rounds products.
            assert_eq!(values(&task, form, Isa::Avx512, 40), long, "{task:?}");
            let baseline = values(&task, form, Isa::Baseline, 40);
            for (a, b) in baseline.iter().flatten().zip(long.iter().flatten()) {
                assert!((a - b).abs() < 1e-4 * (1.0 + a.abs()), "{task:?}: {a} {b}");
            }
        }
    }
}

/// Literal draws: a change here changes every stored number and needs a new numerics version.
#[test]
fn values_are_stable() {
    let key = Key { seed: 1, purpose: Purpose::Train, step: 2 };
    let first = |family: Family, form: Form| {
        let task = Task::new(2, 1, family.into()).unwrap();
        let batch: Batch<f64> = task.batch(form, Isa::Avx2, key, 1);
        batch.prompt(0).iter().map(|x| format!("{x:.5}")).collect::<Vec<_>>().join(" ")
    };
    let tokens: Vec<String> = known().into_iter().map(|f| first(f, Form::Tokens)).collect();
    assert_eq!(tokens, TOKENS);
    let moments: Vec<String> = known().into_iter().map(|f| first(f, Form::Moments)).collect();
    assert_eq!(moments[3..], MOMENTS);
    let net = Mlp::new(2, 1, 7);
    let drawn = [net.weights()[0], net.biases()[0]].concat();
    let drawn = drawn.iter().map(|x| format!("{x:.5}")).collect::<Vec<_>>().join(" ");
    assert_eq!(drawn, NETWORK);
}

const TOKENS: [&str; 6] = [
    "-0.89927 -0.12346 -0.16852 -1.05236 -0.38737 0.08555",
    "-0.99071 -0.13601 -0.18566 -0.93844 -0.34544 0.07629",
    "-1.51715 -0.20829 -0.28431 -0.92226 -0.33948 0.07498",
    "-0.95246 -0.13076 -0.17849 -1.27817 -0.47049 0.10391",
    "-0.67386 -0.09251 -0.12628 -0.49773 -0.18321 0.04046",
    "-0.44963 -0.06173 -0.08426 -0.52618 -0.19368 0.04278",
];
const MOMENTS: [&str; 3] = [
    "0.90717 0.12454 0.01710 0.17000 0.02334 -1.27817 -0.47049 0.10391 0.03186",
    "0.45409 0.06234 0.00856 0.08510 0.01168 -0.49773 -0.18321 0.04046 0.01595",
    "0.20217 0.02776 0.00381 0.03789 0.00520 -0.52618 -0.19368 0.04278 0.00710",
];
const NETWORK: &str = "-0.32863 -0.50090 -0.56218";
