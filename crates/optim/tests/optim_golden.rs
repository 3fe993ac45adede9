//! Every recipe follows `torch.optim` for 50 steps in f64.
//!
//! Reference: `scripts/golden/optim.py`, which states the cases.

// Clippy's leave for tests does not reach the functions they share.
#![allow(clippy::unwrap_used)]

use serde_json::Value;
use windtunnel_optim::{Adam, AdamW, Atom, Optimizer, Sgd};

/// A step rounds about ten times here and ten times in PyTorch, which groups
/// the same operations differently (η m / denominator, (1 − ηλ) θ first).
const ROUNDINGS_PER_STEP: f64 = 20.0;

#[test]
fn recipes_follow_torch() {
    let given = read("gradients.json");
    let start = floats(&given["start"]);
    let gradients: Vec<_> = list(&given["gradients"]).iter().map(floats).collect();
    let traces = read("traces.json");
    let steps: Vec<_> = list(&traces["steps"]).iter().map(integer).collect();
    let cases = list(&traces["cases"]);
    assert!(cases.len() >= 20 && gradients.len() == 50, "golden files are cut short");
    for case in cases {
        let expected: Vec<_> = list(&case["params"]).iter().map(floats).collect();
        assert_eq!(expected.len(), steps.len(), "{case}");
        let path = run(&atoms(case), &start, &gradients);
        let mut scale: Vec<f64> = start.iter().map(|x| x.abs()).collect();
        for (&step, expected) in steps.iter().zip(&expected) {
            raise(&mut scale, expected);
            let label = format!("{} at step {step}", label(case));
            compare(&label, &path[step - 1], expected, &scale, step);
        }
    }
}

/// Parameters after each step.
fn run(atoms: &[Atom], start: &[f64], gradients: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let mut optimizer = Optimizer::new(atoms, start.len());
    let mut params = start.to_vec();
    let path = gradients.iter().map(|gradient| {
        optimizer.step(&mut params, &mut gradient.clone());
        params.clone()
    });
    path.collect()
}

/// Rounding errors are relative to the largest magnitude that a parameter has
/// passed through, not to where it happens to be, which may be near 0.
fn compare(label: &str, found: &[f64], expected: &[f64], scale: &[f64], step: usize) {
    let tolerance = ROUNDINGS_PER_STEP * step as f64 * f64::EPSILON / 2.0;
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        let deviation = (found - expected).abs() / scale[i];
        assert!(
            deviation <= tolerance,
            "{label}, parameter {i}: {found:e}, torch {expected:e}, \
             deviation {deviation:e} > {tolerance:e}"
        );
    }
}

fn raise(scale: &mut [f64], values: &[f64]) {
    for (scale, value) in scale.iter_mut().zip(values) {
        *scale = scale.max(value.abs());
    }
}

/// The case's atoms: torch's options over our defaults, so that the defaults
/// are compared too.
fn atoms(case: &Value) -> Vec<Atom> {
    let clip = case["clip_norm"].as_f64();
    let mut atoms: Vec<_> =
        clip.map(|max_norm| Atom::ClipByGlobalNorm { max_norm }).into_iter().collect();
    let options = case["options"].as_object().expect("options by name");
    atoms.extend(match case["optimizer"].as_str().expect("a name") {
        "sgd" => sgd(options).atoms(),
        "adam" => adam(options).atoms(),
        "adamw" => adamw(options).atoms(),
        other => panic!("unknown optimizer {other}"),
    });
    atoms
}

type Options = serde_json::Map<String, Value>;

fn sgd(options: &Options) -> Sgd {
    let mut sgd = Sgd::default();
    for (key, value) in options {
        match key.as_str() {
            "lr" => sgd.lr = float(value),
            "momentum" => sgd.momentum = float(value),
            "dampening" => sgd.dampening = float(value),
            "nesterov" => sgd.nesterov = value.as_bool().expect("a bool"),
            "weight_decay" => sgd.weight_decay = float(value),
            other => panic!("unknown option {other}"),
        }
    }
    sgd
}

fn adam(options: &Options) -> Adam {
    let mut adam = Adam::default();
    for (key, value) in options {
        match key.as_str() {
            "lr" => adam.lr = float(value),
            "betas" => (adam.beta1, adam.beta2) = (float(&value[0]), float(&value[1])),
            "eps" => adam.eps = float(value),
            "weight_decay" => adam.weight_decay = float(value),
            "amsgrad" => adam.amsgrad = value.as_bool().expect("a bool"),
            other => panic!("unknown option {other}"),
        }
    }
    adam
}

fn adamw(options: &Options) -> AdamW {
    let mut adamw = AdamW::default();
    for (key, value) in options {
        match key.as_str() {
            "lr" => adamw.lr = float(value),
            "betas" => (adamw.beta1, adamw.beta2) = (float(&value[0]), float(&value[1])),
            "eps" => adamw.eps = float(value),
            "weight_decay" => adamw.weight_decay = float(value),
            "amsgrad" => adamw.amsgrad = value.as_bool().expect("a bool"),
            other => panic!("unknown option {other}"),
        }
    }
    adamw
}

fn label(case: &Value) -> String {
    format!("{} {} clip_norm {}", case["optimizer"], case["options"], case["clip_norm"])
}

fn read(file: &str) -> Value {
    let path = format!("{}/tests/golden/optim/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn floats(value: &Value) -> Vec<f64> {
    list(value).iter().map(float).collect()
}

fn float(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

fn integer(value: &Value) -> usize {
    value.as_u64().expect("a step") as usize
}
