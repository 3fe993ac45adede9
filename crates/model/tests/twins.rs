//! Kernels against their token-level twins, central differences and themselves.

// Clippy allows unwrap in tests, but not in the functions that they share.
#![allow(clippy::unwrap_used)]

mod cases;

use cases::{Case, cases};
use windtunnel_math::lanes::Isa;
use windtunnel_math::objective::Objective;
use windtunnel_math::rng::{Key, Purpose};
use windtunnel_model::reference::{self, Tokens};
use windtunnel_model::task::{Batch, Covariates, Form, Task};
use windtunnel_model::{
    Attention, BatchObjective, Corner, Encoder, Evaluator, Mask, Parameterization, Transformer,
};

const ISAS: [Isa; 3] = [Isa::Avx512, Isa::Avx2, Isa::Baseline];

fn relative(a: &[f64], b: &[f64]) -> f64 {
    let norm = |x: &[f64]| x.iter().map(|v| v * v).sum::<f64>().sqrt();
    let difference: Vec<f64> = a.iter().zip(b).map(|(x, y)| x - y).collect();
    norm(&difference) / norm(b).max(f64::MIN_POSITIVE)
}

fn objective(case: &Case, isa: Isa, threads: usize) -> BatchObjective {
    let batch =
        Batch::from_tokens(case.model.form(), case.model.dim, &case.tokens.z, &case.tokens.targets);
    BatchObjective::new(Evaluator::new(case.model, isa, threads), batch)
}

#[test]
fn kernel_equals_token_twin() {
    for case in cases() {
        let Tokens { z, targets } = &case.tokens;
        let expected = reference::loss(&case.model, &case.params, z, targets);
        for isa in ISAS {
            let value = objective(&case, isa, 1).value(&case.params).unwrap();
            // Rounding of about L·(n + d)·d terms of order one.
            assert!((value / expected - 1.0).abs() < 1e-12, "{case} {isa:?}: {value} {expected}");
        }
    }
}

#[test]
fn gradient_equals_central_differences() {
    for case in cases().iter().filter(|case| case.model.dim <= 8) {
        let mut objective = objective(case, Isa::detect(), 1);
        let mut grad = vec![0.0; objective.dim()];
        let value = objective.gradient(&case.params, &mut grad).unwrap();
        assert_eq!(value, objective.value(&case.params).unwrap(), "{case}");
        // Fourth-order differences: error h⁴ f⁽⁵⁾/30 + ε f/h, about 1e-9 at both steps.
        let h = case.step();
        let mut at = |i: usize, delta: f64| {
            let mut params = case.params.clone();
            params[i] += delta;
            objective.value(&params).unwrap()
        };
        let differences: Vec<f64> = (0..grad.len())
            .map(|i| {
                let near = at(i, h) - at(i, -h);
                let far = at(i, 2.0 * h) - at(i, -2.0 * h);
                (8.0 * near - far) / (12.0 * h)
            })
            .collect();
        let off = relative(&differences, &grad);
        assert!(off < 1e-6, "{case}: {off:e}");
    }
}

#[test]
fn hvp_equals_differences_of_gradients() {
    for case in cases() {
        let mut objective = objective(&case, Isa::detect(), 1);
        let p = objective.dim();
        let v: Vec<f64> = (0..p).map(|i| ((i * 7 + 3) % 11) as f64 / 11.0 - 0.4).collect();
        let (mut grad, mut hv) = (vec![0.0; p], vec![0.0; p]);
        let slope = objective.hvp(&case.params, &v, &mut hv).unwrap();
        objective.gradient(&case.params, &mut grad).unwrap();
        let expected: f64 = grad.iter().zip(&v).map(|(g, v)| g * v).sum();
        // The derivative of r² carries the rounding of all its terms.
        assert!((slope - expected).abs() < 1e-11 * (1.0 + expected.abs()), "{case}: {slope}");
        let h = 0.5 * case.step() / v.iter().map(|x| x * x).sum::<f64>().sqrt();
        let mut at = |scale: f64| {
            let moved: Vec<f64> =
                case.params.iter().zip(&v).map(|(p, v)| p + scale * h * v).collect();
            let mut grad = vec![0.0; p];
            objective.gradient(&moved, &mut grad).unwrap();
            grad
        };
        let (a, b, c, d) = (at(1.0), at(-1.0), at(2.0), at(-2.0));
        let differences: Vec<f64> =
            (0..p).map(|i| (8.0 * (a[i] - b[i]) - (c[i] - d[i])) / (12.0 * h)).collect();
        assert!(relative(&differences, &hv) < 1e-6, "{case}: {}", relative(&differences, &hv));
    }
}

#[test]
fn hessian_rows_are_products_with_unit_vectors() {
    for case in cases().iter().filter(|case| case.params.len() <= 400) {
        let mut objective = objective(case, Isa::detect(), 2);
        let p = objective.dim();
        let mut hessian = vec![0.0; p * p];
        objective.hessian(&case.params, &mut hessian).unwrap();
        let largest = hessian.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
        let mut column = vec![0.0; p];
        for k in 0..p {
            let unit: Vec<f64> = (0..p).map(|i| f64::from(u8::from(i == k))).collect();
            objective.hvp(&case.params, &unit, &mut column).unwrap();
            for i in 0..p {
                let slack = 1e-13 * largest * p as f64;
                assert!((hessian[k * p + i] - column[i]).abs() < slack, "{case}: [{k}, {i}]");
                // Half of the rows come from the other half: products are symmetric by themselves.
                assert!((hessian[i * p + k] - column[i]).abs() < slack, "{case}: [{i}, {k}]");
            }
        }
    }
}

#[test]
fn dead_blocks_have_no_gradient_and_all_others_have_one() {
    for case in cases() {
        let mut objective = objective(&case, Isa::detect(), 1);
        let mut grad = vec![1.0; objective.dim()];
        objective.gradient(&case.params, &mut grad).unwrap();
        let blocks = objective.blocks();
        assert!(blocks.windows(2).all(|pair| pair[0].range.end == pair[1].range.start), "{case}");
        assert_eq!(blocks.last().unwrap().range.end, grad.len(), "{case}");
        for block in blocks {
            let zero = grad[block.range].iter().all(|&g| g == 0.0);
            // All of few rectifiers may be off for all of 19 prompts.
            assert!(zero == block.unused || zero && case.has_kinks(), "{case}: {}", block.name);
        }
    }
}

/// A block has a shape where it is a whole matrix, and then as many entries as that.
#[test]
fn whole_matrices_have_their_shapes() {
    for case in cases() {
        let model = objective(&case, Isa::detect(), 1);
        for block in model.blocks() {
            let fragment = block.name.contains('.') && !block.name.ends_with("weight");
            let whole = block.shape.is_some_and(|(rows, columns)| {
                rows * columns == block.range.len() && rows > 0 && columns > 0
            });
            assert!(whole || block.shape.is_none(), "{case}: {block:?}");
            assert!(!(whole && fragment), "{case}: {block:?}");
        }
    }
    let shapes = |model: Transformer| -> Vec<(String, Option<(usize, usize)>)> {
        model.blocks().into_iter().map(|block| (block.name, block.shape)).collect()
    };
    let square = |name: &str, r| (name.to_string(), Some((r, r)));
    let linear = Transformer::linear(2, 3);
    assert_eq!(shapes(linear), ["p1", "q1", "p2", "q2"].map(|name| square(name, 3)));
    let full = Transformer { parameterization: Parameterization::Full(Corner::Free), ..linear };
    let fragment = |name: &str| (name.to_string(), None);
    let last = [fragment("p2.unread"), fragment("p2"), square("q2", 4)];
    assert_eq!(shapes(full), [&[square("p1", 4), square("q1", 4)], &last[..]].concat());
    let fixed = Transformer { parameterization: Parameterization::Full(Corner::Fixed), ..linear };
    assert_eq!(shapes(fixed)[0], fragment("p1"));
    let encoder = shapes(Transformer { encoder: Some(Encoder { hidden: 7 }), ..linear });
    let expected = [
        ("mlp.0.weight".into(), Some((7, 3))),
        ("mlp.0.bias".into(), None),
        ("mlp.2.weight".into(), Some((3, 7))),
        ("mlp.2.bias".into(), None),
    ];
    assert_eq!(encoder[4..], expected);
}

/// Same bits for any number of threads and, with fused multiply-add, any register width.
#[test]
fn bits_depend_on_neither_threads_nor_register_width() {
    let task = Task::new(5, 20, Covariates::sphere()).unwrap();
    let model = Transformer::linear(3, 5);
    let key = Key { seed: 4, purpose: Purpose::HeldOut, step: 0 };
    let params = model.init(1, 0.3);
    let narrow: Vec<f32> = params.iter().map(|&x| x as f32).collect();
    for len in [1, 15, 16, 17, 1000] {
        let mut seen: Vec<(f64, Vec<f32>, f64, Vec<f64>)> = Vec::new();
        for isa in [Isa::Avx512, Isa::Avx2].into_iter().filter(|isa| isa.available()) {
            for threads in [1, 2, 3] {
                let mut evaluator = Evaluator::new(model, isa, threads);
                let (mut grad, mut hv) = (vec![0.0; params.len()], vec![0.0; params.len()]);
                let loss = evaluator.gradient(
                    &narrow,
                    &task.batch(Form::Moments, isa, key, len),
                    &mut grad,
                );
                let mut evaluator = Evaluator::new(model, isa, threads);
                let slope = evaluator.hvp(
                    &params,
                    &params,
                    &task.batch(Form::Moments, isa, key, len),
                    &mut hv,
                );
                seen.push((loss, grad, slope, hv));
            }
        }
        assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{len} prompts");
    }
}

#[test]
fn per_prompt_losses_average_to_the_value() {
    for case in cases() {
        let batch: Batch<f64> = Batch::from_tokens(
            case.model.form(),
            case.model.dim,
            &case.tokens.z,
            &case.tokens.targets,
        );
        let mut evaluator = Evaluator::new(case.model, Isa::detect(), 2);
        let losses = evaluator.losses(&case.params, &batch);
        assert_eq!(losses.len(), case.tokens.targets.len());
        let mean = losses.iter().sum::<f64>() / losses.len() as f64;
        let value = evaluator.value(&case.params, &batch);
        assert!((mean / value - 1.0).abs() < 1e-14 * losses.len() as f64, "{case}");
    }
}

/// Literal losses and gradient norms of drawn models on drawn prompts: draws, kernels and initial
/// parameters of every kind.
#[test]
fn values_are_stable() {
    let encoder = Some(Encoder { hidden: 4 });
    let linear = Transformer::linear(3, 5);
    let full = Parameterization::Full(Corner::Free);
    let models = [
        linear,
        Transformer { parameterization: full, heads: 2, ..linear },
        Transformer { tied: true, ..linear },
        Transformer { attention: Attention::Relu, ..linear },
        Transformer { attention: Attention::Softmax, ..linear },
        Transformer { attention: Attention::Softmax, mask: Mask::Scores, ..linear },
        Transformer { parameterization: full, encoder, ..linear },
    ];
    let pinned: [(f64, f64); 7] = [
        (0.7750281039877623, 0.31776249509714216),
        (1.1439879505029145, 4.576029829406409),
        (0.8428832568596405, 0.5450073287148017),
        (0.8001266789490838, 0.16006567341028244),
        (0.8198343111917785, 0.01338322890789427),
        (0.8197189559171821, 0.013885291062747884),
        (0.813044737215472, 0.6521893012764357),
    ];
    let task = Task::new(5, 20, Covariates::sphere()).unwrap();
    let key = Key { seed: 4, purpose: Purpose::HeldOut, step: 0 };
    for (model, (loss, norm)) in models.into_iter().zip(pinned) {
        let batch = task.batch(model.form(), Isa::detect(), key, 50);
        let mut objective = BatchObjective::new(Evaluator::new(model, Isa::detect(), 1), batch);
        let params = model.init(3, 0.3);
        let mut grad = vec![0.0; params.len()];
        let value = objective.gradient(&params, &mut grad).unwrap();
        let length = grad.iter().map(|g| g * g).sum::<f64>().sqrt();
        // Last bits depend on fused multiply-add, those of single-precision draws among them.
        let off = (value / loss - 1.0).abs().max((length / norm - 1.0).abs());
        assert!(off < 1e-6, "{model:?}: ({value}, {length})");
    }
}
