//! `[optimizer]`: keys, defaults and ranges, back to the canonical form, and lines of the template;
//! all from the declarations of the optimizers.

use toml::{Table, Value};
use windtunnel_optim::{
    Config, Definition, LearningRate, Parameter, Range, RateSchedule, Value as Number, definitions,
};

use super::limits::MAX_STEPS;
use super::reader::Section;
use super::{Preset, SpecError};

/// Name of the optimizer of a spec that names none.
const DEFAULT: &str = "adam";

/// `[optimizer]` of a document, of a run of `steps` steps.
pub(super) fn optimizer(
    mut section: Section,
    preset: &Preset,
    steps: u64,
) -> Result<Config, SpecError> {
    let definition = definition(&mut section)?;
    let rate = learning_rate(&mut section, preset.lr(definition), steps)?;
    let clip_norm = clipping(&mut section, "clip_norm", Some(preset.clip_norm))?;
    let clip_value = clipping(&mut section, "clip_value", None)?;
    let mut values = Vec::new();
    for parameter in definition.parameters {
        if let Some(value) = section.take(parameter.key) {
            let number = number(parameter, &value).filter(|number| parameter.accepts(*number));
            let wrong = || section.error(parameter.key, &value, &parameter.allowed());
            values.push((parameter.key, number.ok_or_else(wrong)?));
        }
    }
    let config = Config::new(definition)
        .with_rate(rate)
        .with_clip_norm(clip_norm)
        .with_clip_value(clip_value);
    let config = config.with_all(&values);
    let config = config.map_err(|e| section.error(&e.key, e.value, &e.allowed))?;
    section.finish()?;
    Ok(config)
}

/// The optimizer that the spec names, in the version that is registered.
fn definition(section: &mut Section) -> Result<&'static Definition, SpecError> {
    let all = definitions();
    let names: Vec<&'static str> = all.iter().map(|definition| definition.name).collect();
    let outside = section.peek("version").cloned();
    if let (Some(Value::String(name)), Some(version)) = (section.peek("name"), &outside)
        && !names.contains(&name.as_str())
    {
        let allowed = format!(
            "it is an optimizer from outside windtunnel, in version {version}, which this program \
             does not have; use the program that registers it"
        );
        return Err(section.error("name", format!("\"{name}\""), &allowed));
    }
    let name = section.choice("name", DEFAULT, &names)?;
    let definition = all.into_iter().find(|definition| definition.name == name);
    let definition = definition.unwrap_or(Definition::of::<windtunnel_optim::Adam>());
    if let Some(version) = definition.version
        && let Some(found) = section.take("version")
        && written(&found) != version
    {
        let allowed = format!(
            "expected \"{version}\", the version of `{name}` in this program; run it with the program \
             that registers the other, or remove the key to make a new run with this one"
        );
        return Err(section.error("version", found, &allowed));
    }
    Ok(definition)
}

/// A version as it was written: `--set optimizer.version=1` is a number to TOML.
fn written(version: &Value) -> String {
    version.as_str().map_or_else(|| version.to_string(), Into::into)
}

fn learning_rate(
    section: &mut Section,
    default: f64,
    steps: u64,
) -> Result<LearningRate, SpecError> {
    let lr = section.number("lr", default, Range::Positive)?;
    let schedule = schedule(section, steps)?;
    let warmup = section.integer("warmup_steps", 0, 0..=MAX_STEPS)?;
    if warmup > steps {
        let allowed = format!(
            "expected at most train.steps = {steps}: in a longer warm-up the rate never reaches \
             optimizer.lr; shorten the warm-up or train longer"
        );
        return Err(section.error("warmup_steps", warmup, &allowed));
    }
    Ok(LearningRate::constant(lr).with_warmup(warmup).with_schedule(schedule))
}

fn clipping(
    section: &mut Section,
    key: &'static str,
    default: Option<f64>,
) -> Result<Option<f64>, SpecError> {
    match section.take(key) {
        None => Ok(default),
        Some(Value::String(off)) if off == "off" => Ok(None),
        Some(value) => section
            .check(key, &value, Range::Positive)
            .map(Some)
            .map_err(|_| section.error(key, &value, "expected a finite number > 0, or \"off\"")),
    }
}

/// A value as the parameter takes it, if it is of its kind.
fn number(parameter: &Parameter, value: &Value) -> Option<Number> {
    let float = |value: &Value| value.as_float().or(value.as_integer().map(|n| n as f64));
    match parameter.default {
        Number::Number(_) => float(value).map(Number::Number),
        Number::Integer(_) => {
            value.as_integer().and_then(|n| u64::try_from(n).ok()).map(Number::Integer)
        }
        Number::Flag(_) => value.as_bool().map(Number::Flag),
        Number::Pair(_) => match value.as_array()?.as_slice() {
            [first, second] => Some(Number::Pair([float(first)?, float(second)?])),
            _ => None,
        },
        Number::Choice(_) => {
            let written = value.as_str()?;
            parameter.choices.iter().find(|name| **name == written).copied().map(Number::Choice)
        }
    }
}

const CONSTANT: &str = "constant";
const COSINE: &str = "cosine";
const INVERSE_SQUARE_ROOT: &str = "inverse_sqrt";
const STABLE_THEN_DECAY: &str = "stable_then_decay";
const STEPS: &str = "steps";
/// Keys of single schedules.
const SCHEDULE_KEYS: [(&str, &str); 3] =
    [("lr_decay_share", STABLE_THEN_DECAY), ("lr_step_size", STEPS), ("lr_step_factor", STEPS)];

fn schedule(section: &mut Section, steps: u64) -> Result<RateSchedule, SpecError> {
    let all = [CONSTANT, COSINE, INVERSE_SQUARE_ROOT, STABLE_THEN_DECAY, STEPS];
    let name = section.choice("lr_schedule", CONSTANT, &all)?;
    for (key, owner) in SCHEDULE_KEYS {
        if let Some(value) = section.peek(key).filter(|_| owner != name).cloned() {
            let allowed = format!(
                "it goes with optimizer.lr_schedule = \"{owner}\", and here it is \"{name}\"; remove \
                 one, or change the other"
            );
            return Err(section.error(key, value, &allowed));
        }
    }
    Ok(match name {
        COSINE => RateSchedule::Cosine { steps },
        INVERSE_SQUARE_ROOT => RateSchedule::InverseSquareRoot,
        STABLE_THEN_DECAY => {
            let share = section.number("lr_decay_share", 0.2, Range::Positive)?;
            if share > 1.0 {
                let allowed = "expected a share of the run's steps, above 0 and at most 1";
                return Err(section.error("lr_decay_share", share, allowed));
            }
            RateSchedule::StableThenDecay { steps, share }
        }
        STEPS => RateSchedule::Steps {
            size: section.integer("lr_step_size", steps.div_ceil(3).max(1), 1..=MAX_STEPS)?,
            factor: section.number("lr_step_factor", 0.1, Range::Positive)?,
        },
        _ => RateSchedule::Constant,
    })
}

/// The canonical table. A constant learning rate, no clipping by value and the version of a built-in
/// optimizer are not in it, so that runs from before there were others keep their names.
pub(super) fn table(config: &Config) -> Table {
    let definition = config.definition();
    let clip = config.clip_norm().map_or_else(|| "off".into(), Value::Float);
    let entry = |(parameter, number): (&Parameter, Number)| {
        let value = match number {
            Number::Number(x) => x.into(),
            Number::Pair(pair) => pair.to_vec().into(),
            Number::Integer(n) => integer(n),
            Number::Flag(on) => on.into(),
            Number::Choice(name) => name.into(),
        };
        (parameter.key.to_string(), value)
    };
    let mut table: Table = config.values().iter().map(entry).collect();
    table.insert("name".into(), definition.name.into());
    table.insert("lr".into(), config.lr().into());
    table.insert("clip_norm".into(), clip);
    if let Some(value) = config.clip_value() {
        table.insert("clip_value".into(), value.into());
    }
    if let Some(version) = definition.version {
        table.insert("version".into(), version.into());
    }
    let rate = config.rate();
    if rate.warmup() > 0 {
        table.insert("warmup_steps".into(), integer(rate.warmup()));
    }
    let name = match rate.schedule() {
        RateSchedule::Constant => return table,
        RateSchedule::Cosine { .. } => COSINE,
        RateSchedule::InverseSquareRoot => INVERSE_SQUARE_ROOT,
        RateSchedule::StableThenDecay { share, .. } => {
            table.insert("lr_decay_share".into(), share.into());
            STABLE_THEN_DECAY
        }
        RateSchedule::Steps { size, factor } => {
            table.insert("lr_step_size".into(), integer(size));
            table.insert("lr_step_factor".into(), factor.into());
            STEPS
        }
    };
    table.insert("lr_schedule".into(), name.into());
    table
}

fn integer(n: u64) -> Value {
    Value::Integer(i64::try_from(n).unwrap_or(i64::MAX))
}

/// Every key of every optimizer, with `optimizer.` before it.
pub(super) fn keys() -> impl Iterator<Item = String> {
    let shared = windtunnel_optim::SHARED_KEYS.into_iter();
    let own = definitions().into_iter().flat_map(|d| d.parameters).map(|parameter| parameter.key);
    let mut keys: Vec<&str> = Vec::new();
    for key in shared.chain(own) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys.into_iter().map(|key| format!("optimizer.{key}"))
}

/// Key, default, optimizers and meaning of every hyper-parameter, for the template. Those with the
/// same default and meaning are one, with the names of all their optimizers.
pub(super) fn documented() -> Vec<(&'static str, String, String, String)> {
    let mut lines: Vec<(&'static Parameter, Vec<&str>)> = Vec::new();
    for definition in definitions() {
        for parameter in definition.parameters {
            match lines.iter_mut().find(|(other, _)| {
                let same = |p: &Parameter| (p.key, p.default, p.meaning);
                same(other) == same(parameter)
            }) {
                Some((_, names)) => names.push(definition.name),
                None => lines.push((parameter, vec![definition.name])),
            }
        }
    }
    let line = |(parameter, names): (&'static Parameter, Vec<&str>)| {
        let Parameter { key, default, pytorch, meaning, .. } = parameter;
        let pytorch = pytorch.map_or(String::new(), |value| format!(" (PyTorch's: {value})"));
        (*key, default.to_string(), names.join(", "), format!("{meaning}{pytorch}"))
    };
    lines.into_iter().map(line).collect()
}

/// The names of all optimizers, with what each is.
pub(super) fn names() -> Vec<(&'static str, &'static str)> {
    definitions().into_iter().map(|definition| (definition.name, definition.summary)).collect()
}
