//! Every optimizer follows `torch.optim` for 50 steps in f64.
//!
//! Reference: `scripts/golden/optim.py`, which states the cases.

// Clippy allows unwrap in tests, but not in the functions that they share.
#![allow(clippy::unwrap_used)]

use serde_json::Value;
use windtunnel_optim::{Adam, AdamW, Block, Config, Optimizer, Sgd};

/// A step rounds about ten times here and ten times in PyTorch, which groups
/// the same operations differently (η m / denominator, (1 − ηλ) θ first).
const ROUNDINGS_PER_STEP: f64 = 20.0;

#[test]
fn optimizers_follow_torch() {
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
        let path = run(&config(case), &start, &gradients);
        let mut scale: Vec<f64> = start.iter().map(|x| x.abs()).collect();
        for (&step, expected) in steps.iter().zip(&expected) {
            raise(&mut scale, expected);
            let label = format!("{} at step {step}", label(case));
            compare(&label, &path[step - 1], expected, &scale, step);
        }
    }
}

/// Parameters after each step.
fn run(config: &Config, start: &[f64], gradients: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let mut optimizer = Optimizer::new(config, &Block::whole(start.len()));
    let mut params = start.to_vec();
    let path = gradients.iter().map(|gradient| {
        optimizer.step(&mut params, &mut gradient.clone()).unwrap();
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

/// The case's optimizer: torch's options over what we declare as torch's defaults, so that these
/// are compared too.
fn config(case: &Value) -> Config {
    let config = match case["optimizer"].as_str().expect("a name") {
        "sgd" => Config::pytorch::<Sgd>(),
        "adam" => Config::pytorch::<Adam>(),
        "adamw" => Config::pytorch::<AdamW>(),
        other => panic!("unknown optimizer {other}"),
    };
    let mut config = config.with_clip_norm(case["clip_norm"].as_f64());
    let mut options = Vec::new();
    for (key, value) in case["options"].as_object().expect("options by name") {
        match value {
            Value::Number(lr) if key == "lr" => config = config.with_lr(lr.as_f64().unwrap()),
            Value::Bool(on) => options.push((key.as_str(), (*on).into())),
            Value::Array(pair) => options.push((key, [float(&pair[0]), float(&pair[1])].into())),
            number => options.push((key, float(number).into())),
        }
    }
    config.with_all(&options).expect("options that we have")
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
