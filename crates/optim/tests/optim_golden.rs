//! Every optimizer follows the library whose convention it states for 50 steps in f64.
//!
//! References: `scripts/golden/optim.py` for sgd, adam and adamw of `torch.optim`, and
//! `scripts/golden/zoo.py` for all others; both state their cases.

// Clippy allows unwrap in tests, but not in the functions that they share.
#![allow(clippy::unwrap_used)]

use serde_json::Value;
use windtunnel_optim::{Adam, AdamW, Block, Config, Optimizer, Sgd, definitions, named};

/// A step rounds about ten times here and ten times in PyTorch, which groups
/// the same operations differently (η m / denominator, (1 − ηλ) θ first).
const ROUNDINGS_PER_STEP: f64 = 20.0;
/// Of the others, whose libraries round elsewhere: of the largest magnitude of a parameter.
const ZOO: f64 = 1e-10;

#[test]
fn optimizers_follow_torch() {
    let given = read("optim/gradients.json");
    let start = floats(&given["start"]);
    let gradients: Vec<_> = list(&given["gradients"]).iter().map(floats).collect();
    let traces = read("optim/traces.json");
    let steps: Vec<_> = list(&traces["steps"]).iter().map(integer).collect();
    let cases = list(&traces["cases"]);
    assert!(cases.len() >= 20 && gradients.len() == 50, "golden files are cut short");
    for case in cases {
        let expected: Vec<_> = list(&case["params"]).iter().map(floats).collect();
        assert_eq!(expected.len(), steps.len(), "{case}");
        let path = run(&config(case), &Block::whole(start.len()), &start, &gradients);
        let mut scale: Vec<f64> = start.iter().map(|x| x.abs()).collect();
        for (&step, expected) in steps.iter().zip(&expected) {
            raise(&mut scale, expected);
            let label = format!("{} at step {step}", label(case));
            let tolerance = ROUNDINGS_PER_STEP * step as f64 * f64::EPSILON / 2.0;
            compare(&label, &path[step - 1], expected, &scale, tolerance);
        }
    }
}

#[test]
fn the_zoo_follows_its_libraries() {
    let given = read("zoo/gradients.json");
    let start = floats(&given["start"]);
    let gradients: Vec<_> = list(&given["gradients"]).iter().map(floats).collect();
    let blocks = blocks(&given["shapes"]);
    let traces = read("zoo/traces.json");
    let steps: Vec<_> = list(&traces["steps"]).iter().map(integer).collect();
    let cases = list(&traces["cases"]);
    for case in cases {
        let expected: Vec<_> = list(&case["params"]).iter().map(floats).collect();
        assert_eq!(expected.len(), steps.len(), "{case}");
        let name = case["optimizer"].as_str().expect("a name");
        let config = with_options(Config::new(named(name).expect(name)), &case["options"]);
        let path = run(&config, &blocks, &start, &gradients);
        let mut scale: Vec<f64> = start.iter().map(|x| x.abs()).collect();
        for (&step, expected) in steps.iter().zip(&expected) {
            raise(&mut scale, expected);
            let label = format!("{name} {} at step {step}, {}", case["options"], case["library"]);
            compare(&label, &path[step - 1], expected, &scale, ZOO);
        }
    }
    for definition in definitions() {
        let own = |case: &&Value| case["optimizer"] == definition.name;
        let torch = ["sgd", "adam", "adamw"].contains(&definition.name);
        let count = cases.iter().filter(own).count();
        assert!(torch || count >= 1, "{} has no trace", definition.name);
    }
}

/// Blocks of these shapes, one after the other.
fn blocks(shapes: &Value) -> Vec<Block> {
    let mut end = 0;
    let block = |(k, shape): (usize, &Value)| {
        let shape: Vec<usize> = list(shape).iter().map(integer).collect();
        let start = end;
        end += shape.iter().product::<usize>();
        let matrix = if let [rows, columns] = shape[..] { Some((rows, columns)) } else { None };
        Block { name: format!("block{k}"), range: start..end, shape: matrix, unused: false }
    };
    list(shapes).iter().enumerate().map(block).collect()
}

/// Parameters after each step.
fn run(config: &Config, blocks: &[Block], start: &[f64], gradients: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let mut optimizer = Optimizer::new(config, blocks);
    let mut params = start.to_vec();
    let path = gradients.iter().map(|gradient| {
        optimizer.step(&mut params, &mut gradient.clone()).unwrap();
        params.clone()
    });
    path.collect()
}

/// Rounding errors are relative to the largest magnitude that a parameter has
/// passed through, not to where it happens to be, which may be near 0.
fn compare(label: &str, found: &[f64], expected: &[f64], scale: &[f64], tolerance: f64) {
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        let deviation = (found - expected).abs() / scale[i];
        assert!(
            deviation <= tolerance,
            "{label}, parameter {i}: {found:e}, expected {expected:e}, \
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
    with_options(config.with_clip_norm(case["clip_norm"].as_f64()), &case["options"])
}

fn with_options(mut config: Config, given: &Value) -> Config {
    let mut options = Vec::new();
    for (key, value) in given.as_object().expect("options by name") {
        match value {
            Value::Number(lr) if key == "lr" => config = config.with_lr(lr.as_f64().unwrap()),
            Value::Bool(on) => options.push((key.as_str(), (*on).into())),
            Value::String(name) => {
                let own = config.definition().parameters.iter().find(|own| own.key == key);
                let choices = own.expect("a parameter that we have").choices;
                let choice = choices.iter().find(|choice| *choice == name).expect("a choice");
                options.push((key.as_str(), windtunnel_optim::Value::Choice(choice)));
            }
            Value::Array(pair) => options.push((key, [float(&pair[0]), float(&pair[1])].into())),
            count if key == "ns_steps" => options.push((key, count.as_u64().unwrap().into())),
            number => options.push((key, float(number).into())),
        }
    }
    config.with_all(&options).expect("options that we have")
}

fn label(case: &Value) -> String {
    format!("{} {} clip_norm {}", case["optimizer"], case["options"], case["clip_norm"])
}

fn read(file: &str) -> Value {
    let path = format!("{}/tests/golden/{file}", env!("CARGO_MANIFEST_DIR"));
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
