//! Noise of mini-batch gradients: closed forms, single prompts, given prompts.

use windtunnel_math::lanes::Isa;
use windtunnel_math::linalg::norm;
use windtunnel_math::objective::{Block, SampleGradients, Stochastic};
use windtunnel_measure::landscape::{Resampled, large_batch_gradient, noise_sample};
use windtunnel_model::task::{Covariates, Task};
use windtunnel_model::{Evaluator, TaskObjective, Transformer};

use super::setting1;

fn task_objective(task: &Task, depth: usize, seed: u64) -> TaskObjective {
    let model = Transformer::linear(depth, task.dim());
    TaskObjective::new(Evaluator::new(model, Isa::detect(), 2), task.clone(), seed)
}

/// At zero parameters ∇f = 2Σ² for every Q, and the noise of B = 1000 prompts is known.
#[test]
fn noise_at_zero_parameters_has_its_closed_form() {
    let heavy = Covariates::gamma_radial(0.1, 10.0).unwrap();
    let gaussian = || Covariates::gaussian();
    // (law, n, tr Σ, RMS at B = 1000, how well 1000 draws know it)
    let cases = [
        (gaussian(), 20, 5.0, 1.940, 0.03),
        (gaussian(), 5, 5.0, 2.531, 0.03),
        (Covariates::sphere(), 20, 1.0, 0.0627, 0.03),
        // Eighth moments of a heavy tail.
        (heavy, 20, 1.0, 0.370, 0.2),
    ];
    for (law, n, trace, rms, slack) in cases {
        let task = Task::new(5, n, law).unwrap();
        let mut objective = task_objective(&task, 3, 7);
        let zero = vec![0.0; 150];
        let reference = large_batch_gradient(&mut objective, &zero, 100_000).unwrap();
        assert_eq!(reference.samples, 100_000);
        let sample = noise_sample(&mut objective, &zero, 1000, 1000, &reference).unwrap();
        assert!((sample.rms() / rms - 1.0).abs() < slack, "n = {n}: {} {rms}", sample.rms());
        // A hundred parts know the error of their mean to 10 %, a heavy tail less well.
        let error = rms / 10.0;
        assert!((reference.standard_error / error - 1.0).abs() < 0.1 + slack, "{reference:?}");
        let mut exact = vec![0.0; 150];
        for layer in 0..3 {
            for i in 0..5 {
                exact[(2 * layer + 1) * 25 + 6 * i] = 2.0 * (trace / 5.0_f64).powi(2);
            }
        }
        let off: Vec<f64> = reference.grad.iter().zip(&exact).map(|(a, b)| a - b).collect();
        // A norm of 75 coordinates spreads by a tenth, correlated as they are by less than 2.
        assert!(norm(&off) < 2.0 * reference.standard_error, "{}", norm(&off));

        let blocks = Transformer::linear(3, 5).blocks();
        let squares: f64 = blocks.iter().map(|block| sample.block_rms(block).powi(2)).sum();
        // The reference's own error is taken out of the whole and of every block.
        assert!((squares / sample.rms().powi(2) - 1.0).abs() < 1e-12);
        let errors: f64 = reference.standard_errors.iter().map(|e| e * e).sum();
        assert!((errors.sqrt() / reference.standard_error - 1.0).abs() < 1e-12);
        // Coordinates and covariance are those of the draws as they are.
        let squares = squares + errors;
        let std2: f64 = sample.coordinate_std().iter().map(|s| s * s).sum();
        let variances: f64 = sample.covariance().unwrap().values.iter().sum();
        assert!((std2 / squares - 1.0).abs() < 1e-12 && (variances / squares - 1.0).abs() < 1e-12);
        assert_eq!(sample.coordinate(25)[3], sample.vectors[3 * 150 + 25]);
    }
}

/// Noise of single prompts shrinks as 1/√B in mini-batches.
#[test]
fn noise_of_single_prompts_and_of_batches_agree() {
    let mut objective = task_objective(&setting1(), 2, 3);
    let params = Transformer::linear(2, 5).init(0, 0.05);
    let reference = large_batch_gradient(&mut objective, &params, 100_000).unwrap();
    let single = noise_sample(&mut objective, &params, 1, 50_000, &reference).unwrap().rms();
    let batch = noise_sample(&mut objective, &params, 64, 2000, &reference).unwrap().rms();
    // Squared norms of single gradients spread by 4 times their mean: 2 % in 50,000, halved by the
    // root; batches know theirs to 2 % as well.
    assert!((single / 8.0 / batch - 1.0).abs() < 0.06, "{single} {batch}");
}

#[test]
fn gradients_of_single_prompts_average_to_that_of_the_batch() {
    for (depth, dim) in [(1, 2), (3, 5), (2, 7)] {
        let task = Task::new(dim, 11, Covariates::sphere()).unwrap();
        let model = Transformer::linear(depth, dim);
        let mut objective = task_objective(&task, depth, 1);
        let params = model.init(5, 0.4);
        for samples in [1, 17, 100] {
            let singles = objective.sample_gradients(&params, 4, samples).unwrap();
            let p = params.len();
            assert_eq!((singles.losses.len(), singles.grads.len()), (samples, samples * p));
            let mut grad = vec![0.0; p];
            let loss = objective.batch_gradient(&params, 4, samples, &mut grad).unwrap();
            let mut mean = vec![0.0; p];
            for row in singles.grads.chunks_exact(p) {
                mean.iter_mut().zip(row).for_each(|(m, g)| *m += g / samples as f64);
            }
            let off: Vec<f64> = mean.iter().zip(&grad).map(|(a, b)| a - b).collect();
            // Rounding of at most a hundred terms.
            assert!(norm(&off) < 1e-14 * (1.0 + norm(&grad)) * 100.0, "{depth} {dim} {samples}");
            let average = singles.losses.iter().sum::<f64>() / samples as f64;
            assert!((average / loss - 1.0).abs() < 1e-14 * 100.0);
            assert_eq!(objective.sample_losses(&params, 4, samples).unwrap(), singles.losses);
        }
    }
}

#[test]
fn given_prompts_are_their_own_population() {
    // Two samples with gradients ±1: mini-batches of B have noise √(1/B).
    let gradients = SampleGradients { losses: vec![1.0, 3.0], grads: vec![1.0, -1.0] };
    let mut population = Resampled::new(gradients.clone(), Block::whole(1), 5);
    let reference = population.reference();
    assert_eq!((reference.grad[0], reference.loss, reference.standard_error), (0.0, 2.0, 0.0));
    let sample = noise_sample(&mut population, &[0.0], 25, 4000, &reference).unwrap();
    // Squares of 4000 sums of signs: relative error √(2/4000), halved by the root.
    assert!((sample.rms() / 0.2 - 1.0).abs() < 4.5 * 0.5 * (2.0_f64 / 4000.0).sqrt());
    assert_eq!(population.sample_gradients(&[0.0], 9, 7).unwrap(), gradients);
}
