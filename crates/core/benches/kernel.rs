//! Sampling, gradients and Hessian-vector products of the paper's default: d = 5, n = 20, L = 3,
//! 1000 prompts. Compare columns of one run; absolute times on shared machines mean little.

use divan::{Bencher, black_box};
use windtunnel_core::lanes::Isa;
use windtunnel_core::model::{Evaluator, LinearTransformer};
use windtunnel_core::reference;
use windtunnel_core::rng::{Key, Purpose};
use windtunnel_core::task::{Batch, Covariance, Covariates, Stream, Task};

const MODEL: LinearTransformer = LinearTransformer { depth: 3, dim: 5 };
const PROMPTS: usize = 1000;
const KEY: Key = Key { seed: 1, purpose: Purpose::Train, step: 0 };
const LAWS: [&str; 3] = ["gaussian", "sphere", "gamma_radial"];

fn main() {
    divan::main();
}

fn task(law: &str) -> Task {
    let covariates = match law {
        "sphere" => Covariates::Sphere,
        "gamma_radial" => Covariates::GammaRadial { shape: 0.1, scale: 10.0 },
        _ => Covariates::Gaussian(Covariance::identity()),
    };
    match Task::new(5, 20, covariates) {
        Ok(task) => task,
        Err(error) => panic!("{error}"),
    }
}

/// Zero tangents and signs do not matter to speed; overflow would.
fn params() -> Vec<f64> {
    MODEL.init(1, 0.05)
}

#[divan::bench(args = LAWS)]
fn sample(bencher: Bencher<'_, '_>, law: &str) {
    let task = task(law);
    bencher.bench(|| task.batch::<f32>(Isa::detect(), black_box(KEY), PROMPTS));
}

#[divan::bench]
fn gradient_f32(bencher: Bencher<'_, '_>) {
    let params: Vec<f32> = params().iter().map(|&x| x as f32).collect();
    let batch: Batch<f32> = task("gaussian").batch(Isa::detect(), KEY, PROMPTS);
    let mut evaluator = Evaluator::new(MODEL, Isa::detect(), 1);
    let mut grad = vec![0.0; params.len()];
    bencher.bench_local(|| evaluator.gradient(black_box(&params), &batch, &mut grad));
}

#[divan::bench(args = LAWS)]
fn sample_and_gradient_f32(bencher: Bencher<'_, '_>, law: &str) {
    let task = task(law);
    let params: Vec<f32> = params().iter().map(|&x| x as f32).collect();
    let mut evaluator = Evaluator::new(MODEL, Isa::detect(), 1);
    let mut grad = vec![0.0; params.len()];
    let prompts = Stream::new(&task, Isa::detect(), KEY, PROMPTS);
    bencher.bench_local(|| evaluator.gradient(black_box(&params), &prompts, &mut grad));
}

#[divan::bench]
fn hvp_f64(bencher: Bencher<'_, '_>) {
    let params = params();
    let batch: Batch<f64> = task("gaussian").batch(Isa::detect(), KEY, PROMPTS);
    let mut evaluator = Evaluator::new(MODEL, Isa::detect(), 1);
    let mut out = vec![0.0; params.len()];
    bencher.bench_local(|| evaluator.hvp(black_box(&params), &params, &batch, &mut out));
}

/// The naive twin, loss only, for the ratio.
#[divan::bench]
fn loss_by_tokens_f64(bencher: Bencher<'_, '_>) {
    let params = params();
    let tokens = reference::sample(&task("gaussian"), 1, PROMPTS);
    bencher.bench_local(|| {
        reference::loss(MODEL.dim, MODEL.depth, black_box(&params), &tokens.z, &tokens.targets)
    });
}
