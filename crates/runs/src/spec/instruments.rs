//! `[instruments]`: the instruments that measure while a run trains, and their schedules.

use toml::{Table, Value};
use windtunnel_measure::instrument::{Instrument, NoisePlan};
use windtunnel_train::Schedule;

use super::limits::{MAX_BATCH, MAX_STEPS};
use super::reader::Section;
use super::{InstrumentPreset, InstrumentsSpec, PRESETS_OF_INSTRUMENTS, SpecError};

/// Largest number of draws of a noise study; each holds a gradient.
const MAX_DRAWS: usize = 1_000_000;
/// Largest number of prompts of the large-batch gradient.
const MAX_REFERENCE: usize = 1_000_000_000;
const SCHEDULE: &str = "expected a number of steps (250: every 250th), { every = 250 }, \
                        { per_decade = 4 } (steps 1, 2, 3, 6, 10, ...), { at = [0, 750] } (ascending) \
                        or \"off\"";
/// Largest number of steps that a schedule lists.
const MAX_LISTED: usize = 1000;

/// `[instruments]` of a document.
pub(super) fn instruments(mut section: Section) -> Result<InstrumentsSpec, SpecError> {
    let names: Vec<&'static str> = PRESETS_OF_INSTRUMENTS.iter().map(|p| p.name).collect();
    let chosen = section.choice("preset", names[0], &names)?;
    let preset = PRESETS_OF_INSTRUMENTS.iter().find(|p| p.name == chosen);
    let preset = preset.unwrap_or(&PRESETS_OF_INSTRUMENTS[0]);
    let mut schedules = Vec::new();
    for instrument in Instrument::ALL {
        let schedule = match section.take(instrument.name()) {
            None => preset.schedule(instrument),
            Some(value) => schedule(&section, instrument.name(), &value)?,
        };
        schedules.extend(schedule.map(|schedule| (instrument, schedule)));
    }
    let defaults = preset.plan();
    let plan = NoisePlan {
        batch_sizes: batch_sizes(&mut section, &defaults.batch_sizes)?,
        draws: section.integer("noise_draws", defaults.draws as u64, 2..=MAX_DRAWS as u64)?
            as usize,
        reference: section.size("noise_reference", defaults.reference, MAX_REFERENCE)?,
        prompts: section.integer("loss_prompts", defaults.prompts as u64, 10..=MAX_DRAWS as u64)?
            as usize,
    };
    section.finish()?;
    Ok(InstrumentsSpec { schedules, plan })
}

fn schedule(section: &Section, name: &str, value: &Value) -> Result<Option<Schedule>, SpecError> {
    let wrong = || section.error(name, value, SCHEDULE);
    let number = |value: &Value, most: u64| {
        let number = value.as_integer().and_then(|i| u64::try_from(i).ok());
        number.filter(|n| (1..=most).contains(n)).ok_or_else(wrong)
    };
    match value {
        Value::String(off) if off == "off" => Ok(None),
        Value::Integer(_) => Ok(Some(Schedule::Every(number(value, MAX_STEPS)?))),
        Value::Table(table) if table.len() == 1 => match table.iter().next() {
            Some((key, value)) if key == "every" => {
                Ok(Some(Schedule::Every(number(value, MAX_STEPS)?)))
            }
            Some((key, value)) if key == "per_decade" => {
                Ok(Some(Schedule::PerDecade(number(value, 1000)? as u32)))
            }
            Some((key, value)) if key == "at" => listed(value).ok_or_else(wrong).map(Some),
            _ => Err(wrong()),
        },
        _ => Err(wrong()),
    }
}

/// A schedule of ascending steps.
fn listed(value: &Value) -> Option<Schedule> {
    let step = |value: &Value| {
        let step = value.as_integer().and_then(|i| u64::try_from(i).ok());
        step.filter(|step| *step <= MAX_STEPS)
    };
    let steps: Vec<u64> = value.as_array()?.iter().map(step).collect::<Option<_>>()?;
    let ascending = steps.windows(2).all(|pair| pair[0] < pair[1]);
    let fits = (1..=MAX_LISTED).contains(&steps.len()) && ascending;
    fits.then_some(Schedule::At(steps))
}

fn batch_sizes(section: &mut Section, defaults: &[usize]) -> Result<Vec<usize>, SpecError> {
    let Some(value) = section.take("noise_batch_sizes") else { return Ok(defaults.to_vec()) };
    let size = |value: &Value| {
        let size = value.as_integer().and_then(|i| usize::try_from(i).ok());
        size.filter(|size| (1..=MAX_BATCH).contains(size))
    };
    let sizes: Option<Vec<usize>> =
        value.as_array().and_then(|list| list.iter().map(size).collect());
    sizes.filter(|sizes| !sizes.is_empty() && sizes.len() <= 20).ok_or_else(|| {
        let allowed = format!(
            "expected a list of 1 to 20 mini-batch sizes from 1 to {MAX_BATCH}, as [1, 1000]"
        );
        section.error("noise_batch_sizes", &value, &allowed)
    })
}

impl InstrumentsSpec {
    /// The canonical table; nothing if nothing is measured, so that a run without instruments keeps
    /// the id it had before there were any.
    pub(super) fn table(&self) -> Option<Table> {
        if self.schedules.is_empty() {
            return None;
        }
        let number = |n: u64| Value::Integer(i64::try_from(n).unwrap_or(i64::MAX));
        let one = |key: &str, n: u64| Value::Table(Table::from_iter([(key.into(), number(n))]));
        let mut table: Table = self
            .schedules
            .iter()
            .map(|(instrument, schedule)| {
                let value = match schedule {
                    Schedule::Every(every) => one("every", *every),
                    Schedule::PerDecade(k) => one("per_decade", u64::from(*k)),
                    Schedule::At(steps) => {
                        let steps: Vec<Value> = steps.iter().map(|&step| number(step)).collect();
                        Value::Table(Table::from_iter([("at".into(), steps.into())]))
                    }
                };
                (instrument.name().into(), value)
            })
            .collect();
        let NoisePlan { batch_sizes, draws, reference, prompts } = &self.plan;
        let sizes: Vec<Value> = batch_sizes.iter().map(|&size| number(size as u64)).collect();
        table.insert("noise_batch_sizes".into(), sizes.into());
        table.insert("noise_draws".into(), number(*draws as u64));
        table.insert("noise_reference".into(), number(*reference as u64));
        table.insert("loss_prompts".into(), number(*prompts as u64));
        Some(table)
    }
}

/// A choice of instruments with a name.
impl InstrumentPreset {
    fn schedule(&self, instrument: Instrument) -> Option<Schedule> {
        let found = self.schedules.iter().find(|(own, _)| *own == instrument);
        found.map(|(_, schedule)| schedule.clone())
    }

    fn plan(&self) -> NoisePlan {
        NoisePlan {
            batch_sizes: self.noise_batch_sizes.to_vec(),
            draws: self.noise_draws,
            reference: self.noise_reference,
            prompts: 10_000,
        }
    }
}
