//! `[task]`: the law of the prompts.

use toml::Value;
use windtunnel_model::task::family::{self, Default, Parameter};
use windtunnel_model::task::{
    Covariance, Covariates, Family, Labels, MAX_CONTEXT_LEN, MAX_DIM, MAX_HIDDEN, Mlp, Size, Task,
    TaskError, WStar,
};
use windtunnel_optim::Range;

use super::limits::MAX_SEED;
use super::reader::Section;
use super::{CovarianceSpec, CovariatesSpec, Preset, SpecError, TaskSpec};

/// Seed of the paper's network.
const LABELS_SEED: u64 = 7;

/// `[task]` of a document.
pub(super) fn task(mut section: Section, preset: &Preset) -> Result<TaskSpec, SpecError> {
    let dim = section.size("dim", preset.dim, MAX_DIM)?;
    let context_len = section.size("context_len", preset.context_len, MAX_CONTEXT_LEN)?;
    let noise_std = section.number("noise_std", 0.0, Range::NonNegative)?;
    let inner = section.section("covariates", Some("kind"))?;
    let (covariates, law) = self::covariates(inner, preset, dim)?;
    let w_star = match section.choice("w_star", "standard", &["standard", "inverse_covariance"])? {
        "standard" => WStar::Standard,
        _ => WStar::InverseCovariance,
    };
    let distractors = section.integer("distractors", 0, 0..=dim as u64 - 1)? as usize;
    let labels = labels(&mut section, preset, dim)?;
    // Numbers were checked key by key; only what they are together can be wrong.
    let task = Task::new(dim, context_len, law)
        .and_then(|task| task.with_noise(noise_std))
        .and_then(|task| task.with_w_star(w_star))
        .and_then(|task| task.with_distractors(distractors))
        .and_then(|task| task.with_labels(labels))
        .map_err(|error| together(&section, dim, &covariates, distractors, &error))?;
    section.finish()?;
    Ok(TaskSpec { covariates, task })
}

/// The error of keys that do not go together.
fn together(
    section: &Section,
    dim: usize,
    covariates: &CovariatesSpec,
    distractors: usize,
    error: &TaskError,
) -> SpecError {
    match error {
        TaskError::NoSecondMoment(name) => {
            let keys = covariates.family.parameters().iter().zip(covariates.family.values());
            let keys: Vec<String> =
                keys.map(|(p, v)| format!("task.covariates.{} = {v}", p.key)).collect();
            let allowed = format!(
                "{name} with {} has an infinite second moment; change that, or write \"off\"",
                keys.join(" and ")
            );
            section.error("covariates.match", "\"second_moment\"", &allowed)
        }
        TaskError::Singular => {
            let allowed = format!("{error}; raise the smallest eigenvalue of the covariance");
            section.error("w_star", "\"inverse_covariance\"", &allowed)
        }
        TaskError::DistractorsOfNetwork => {
            let allowed = "a network reads every feature; write 0, or task.labels = \"linear\"";
            section.error("distractors", distractors, allowed)
        }
        _ => {
            let allowed = format!("expected {dim} by {dim}, because task.dim = {dim}");
            section.error("covariates.covariance", error, &allowed)
        }
    }
}

fn labels(section: &mut Section, preset: &Preset, dim: usize) -> Result<Labels, SpecError> {
    if section.choice("labels", preset.labels, &["linear", "mlp"])? == "linear" {
        return Ok(Labels::Linear);
    }
    let seed = section.integer("labels_seed", LABELS_SEED, 0..=MAX_SEED)?;
    let hidden = section.size("labels_hidden", 2 * dim, MAX_HIDDEN)?;
    Ok(Labels::Mlp(Mlp::new(dim, hidden, seed)))
}

fn covariates(
    mut section: Section,
    preset: &Preset,
    dim: usize,
) -> Result<(CovariatesSpec, Covariates), SpecError> {
    let names: Vec<&'static str> = Family::ALL.iter().map(|family| family.name).collect();
    let kind = section.choice("kind", preset.covariates, &names)?;
    let family = family(&mut section, kind)?;
    let (spec, covariance) = covariance(&mut section, dim)?;
    let size = match section.choice("match", "off", &["off", "second_moment"])? {
        "off" => Size::Own,
        _ => Size::SecondMoment,
    };
    section.finish()?;
    let law = Covariates::from(family.clone()).with_covariance(covariance).with_size(size);
    Ok((CovariatesSpec { family, covariance: spec, size }, law))
}

/// The family `kind` with the keys that it declares.
fn family(section: &mut Section, kind: &str) -> Result<Family, SpecError> {
    let registered = Family::ALL.iter().find(|family| family.name == kind);
    let registered = registered.unwrap_or(&Family::ALL[0]);
    let values = registered.parameters.iter().map(|parameter| value(section, parameter));
    let values: Vec<family::Value> = values.collect::<Result<_, _>>()?;
    registered.build(&values).map_err(|e| section.error(e.key, e.value, e.allowed))
}

fn value(section: &mut Section, parameter: &Parameter) -> Result<family::Value, SpecError> {
    let key = parameter.key;
    let Some(value) = section.take(key) else { return Ok(parameter.default.value()) };
    match parameter.default {
        Default::Number(_) => {
            section.check(key, &value, Range::Positive).map(family::Value::Number)
        }
        Default::List(example) => {
            let list = value.as_array().filter(|list| !list.is_empty()).ok_or_else(|| {
                let allowed = format!("expected a list of finite numbers > 0, as {example:?}");
                section.error(key, &value, &allowed)
            })?;
            let numbers = list.iter().map(|x| section.check(key, x, Range::Positive));
            numbers.collect::<Result<_, _>>().map(family::Value::List)
        }
    }
}

const COVARIANCE: &str = "expected \"identity\", a list of variances, a list of rows (symmetric, \
                          positive definite), { spectrum = [...], rotation_seed = 0 } or { power_law = 1.0 }";

fn covariance(
    section: &mut Section,
    dim: usize,
) -> Result<(CovarianceSpec, Covariance), SpecError> {
    let value = section.take("covariance").unwrap_or_else(|| "identity".into());
    let numbers = |list: &[Value]| -> Result<Vec<f64>, SpecError> {
        list.iter().map(|x| section.check("covariance", x, Range::Positive)).collect()
    };
    let signed = |list: &[Value]| -> Option<Vec<f64>> {
        let number = |x: &Value| x.as_float().or_else(|| x.as_integer().map(|i| i as f64));
        list.iter().map(number).collect()
    };
    let wrong = || section.error("covariance", &value, COVARIANCE);
    let spec = match &value {
        Value::String(name) if name == "identity" => CovarianceSpec::Identity,
        Value::Array(list) if list.iter().any(Value::is_array) => {
            let row = |row: &Value| row.as_array().and_then(|row| signed(row)).ok_or_else(wrong);
            CovarianceSpec::Full(list.iter().map(row).collect::<Result<_, _>>()?)
        }
        Value::Array(list) => CovarianceSpec::Diagonal(numbers(list)?),
        Value::Table(table) => {
            let mut inner = section.below("covariance", table.clone());
            let rotated = table.contains_key("rotation_seed");
            let rotation_seed = inner.integer("rotation_seed", 0, 0..=MAX_SEED)?;
            let spec = if table.contains_key("power_law") {
                let alpha = inner.number("power_law", 0.0, Range::NonNegative)?;
                CovarianceSpec::PowerLaw { alpha, rotation_seed: rotated.then_some(rotation_seed) }
            } else {
                let spectrum = inner.take("spectrum").ok_or_else(wrong)?;
                let spectrum = numbers(spectrum.as_array().ok_or_else(wrong)?)?;
                CovarianceSpec::Rotated { spectrum, rotation_seed }
            };
            // One of them, not both.
            inner.finish().map_err(|_| wrong())?;
            spec
        }
        _ => return Err(wrong()),
    };
    let built = match &spec {
        CovarianceSpec::Identity => Ok(Covariance::identity()),
        CovarianceSpec::Diagonal(variances) => Covariance::diagonal(variances),
        CovarianceSpec::Full(rows) => Covariance::full(rows),
        CovarianceSpec::Rotated { spectrum, rotation_seed } => {
            Covariance::rotated(spectrum, *rotation_seed)
        }
        CovarianceSpec::PowerLaw { alpha, rotation_seed } => {
            Covariance::power_law(dim, *alpha, *rotation_seed)
        }
    };
    let covariance = built
        .map_err(|error| section.error("covariance", &value, &format!("{error}; {COVARIANCE}")))?;
    Ok((spec, covariance))
}
