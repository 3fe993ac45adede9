//! Generated rows and noise of runs, and requirements that every section made of them must meet.

use serde_json::Value;
use windtunnel_measure::landscape::Convention;
use windtunnel_paper::audit;
use windtunnel_paper::noise::{InitialNoise, MissingReason, Statistics};
use windtunnel_paper::report::{Page, PagePart};
use windtunnel_paper::section::Section;
use windtunnel_paper::setting::Cell;
use windtunnel_runs::store::Row;

use crate::words::assert_worded;

/// Steps of every run.
pub const STEPS: u64 = 1250;

/// Fault of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    None,
    /// No rows after step 750.
    Diverged,
    /// Every value is this number.
    Is(f64),
    /// No rows at all but losses.
    Unmeasured,
    /// The error of the noise reference is larger than the noise.
    Poor,
    /// No rows.
    Empty,
}

/// A number in 0.5..1.5 that depends on all arguments.
pub fn wave(setting: usize, arm: &str, seed: u64, step: u64, metric: usize) -> f64 {
    let mixed = 1.0 + setting as f64 + 3.0 * seed as f64 + 0.01 * step as f64 + 7.0 * metric as f64;
    let phase = match arm {
        "SGDM" => 1.0,
        "Adam" => 1.7,
        other => 2.0 + 0.01 * other.bytes().map(f64::from).sum::<f64>(),
    };
    1.0 + 0.5 * (mixed * phase).sin()
}

fn metrics() -> Vec<String> {
    let plain = [
        "held_out_loss",
        "held_out_median",
        "held_out_top_share",
        "loss.median_of_means",
        "robust_condition_number",
        "directional_smoothness",
        "held_out_grad_norm",
        "hessian_norm",
        "path_smoothness",
        "js_distance",
        "grad_noise.b1000.gaussian_ratio.max",
        "grad_noise.b1000.gaussian_ratio.q999",
        "grad_noise.b1000.rms",
        "grad_noise.reference_error",
    ];
    let conventions = Convention::all().map(|c| format!("robust_condition_number.{}", c.name()));
    plain.into_iter().map(String::from).chain(conventions).collect()
}

/// Rows of every metric that a study reads.
pub fn rows(setting: usize, cell: &Cell, fault: Fault) -> Vec<Row> {
    let last = if fault == Fault::Diverged { 750 } else { STEPS };
    let mut rows = Vec::new();
    for step in (0..=STEPS).step_by(125).filter(|step| *step <= last && fault != Fault::Empty) {
        for (k, metric) in metrics().iter().enumerate() {
            let value = match fault {
                Fault::Unmeasured if !metric.starts_with("held_out_loss") => continue,
                _ if fault == Fault::Poor && metric.ends_with("reference_error") => 1e3,
                Fault::Is(value) => value,
                // A twentieth of the noise at most.
                _ if metric.ends_with("reference_error") => 0.02,
                _ => wave(setting, cell.arm.name, cell.spec.train.seed, step, k),
            };
            rows.push(Row::new(step, metric, value));
        }
    }
    rows
}

/// Noise at initialization of a seed.
pub fn noise(seed: u64, fault: Fault) -> InitialNoise {
    let draws = 40;
    let missing = InitialNoise {
        seed,
        batch_size: 32,
        draws,
        reference: 3200,
        overflowed: draws,
        statistics: Statistics::missing(MissingReason::Overflow),
        norms: Vec::new(),
        gaussian: Vec::new(),
    };
    let x = match fault {
        Fault::None => 1.0 + seed as f64,
        Fault::Is(x) if x.is_finite() && x >= 0.0 => x,
        _ => return missing,
    };
    let known = if x > 0.0 { Ok(x) } else { Err(MissingReason::Zero) };
    let norms = |x: f64| (1..=draws).map(|k| x * k as f64 / draws as f64).collect::<Vec<f64>>();
    InitialNoise {
        overflowed: 0,
        statistics: Statistics {
            rms: Ok(x),
            kurtosis: known,
            gaussian_kurtosis: known,
            q999: known,
            largest: known,
            coordinate_kurtosis: known,
            single: Err(MissingReason::SinglePrompt),
        },
        norms: if seed == 1 { norms(x) } else { Vec::new() },
        gaussian: if seed == 1 { norms(x) } else { Vec::new() },
        ..missing
    }
}

/// Asserts that every `null` has a reason beside it.
fn assert_reasoned(value: &Value, case: &str) {
    match value {
        Value::Object(fields) => {
            let missing = fields.values().any(Value::is_null);
            let reason = fields.get("reason").and_then(Value::as_str);
            assert!(!missing || reason.is_some_and(|r| !r.is_empty()), "{case}: {fields:?}");
            let known = fields.values().filter(|value| !value.is_null());
            known.for_each(|value| assert_reasoned(value, case));
        }
        Value::Array(values) => values.iter().for_each(|value| assert_reasoned(value, case)),
        Value::String(text) => assert_worded(text, case),
        Value::Null => panic!("{case}: a bare null"),
        Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Page of a section.
pub fn page(section: &Section) -> String {
    let part = PagePart {
        id: section.name,
        title: section.title,
        summary: section.summary.clone(),
        figures: section.pictures.iter().map(|picture| (&picture.figure).into()).collect(),
        tables: section.tables.clone(),
        details: section.details.clone(),
        ..PagePart::default()
    };
    Page { title: "generated", parts: vec![part], ..Page::default() }.html()
}

/// Asserts that no text of a section has a bare NaN or infinity, and nothing is missing without a
/// reason.
pub fn assert_whole(section: Section, case: &str) {
    let page = page(&section);
    assert_worded(page.split("<script>").next().unwrap(), case);
    assert_reasoned(&section.verdicts, case);
    for picture in &section.pictures {
        assert_worded(&picture.figure.svg(), case);
    }
    let audit = audit::table(&[section]);
    assert_worded(&audit.text(), case);
}
