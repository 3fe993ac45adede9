//! `[model]`: keys, defaults and ranges, and back to the canonical form.

use toml::{Table, Value};
use windtunnel_model::{Attention, Corner, Encoder, Mask, Parameterization, Transformer};
use windtunnel_optim::Range;

use super::reader::Section;
use super::{ModelSpec, Preset, SpecError};

const MAX_DEPTH: usize = 1024;
const MAX_HEADS: usize = 64;
const MAX_HIDDEN: usize = 1024;
/// Width of the hidden layer of the authors' `Transformer_MLP`.
const HIDDEN: usize = 30;

/// The model that `section` describes, for prompts of dimension `dim`.
pub(super) fn model(
    mut section: Section,
    preset: &Preset,
    dim: usize,
) -> Result<ModelSpec, SpecError> {
    let defaults = preset.model(dim);
    let depth = section.size("depth", defaults.depth, MAX_DEPTH)?;
    let heads = section.size("heads", defaults.heads, MAX_HEADS)?;
    let init_std = section.number("init_std", preset.init_std, Range::NonNegative)?;
    let attentions: Vec<_> = Attention::ALL.iter().map(|a| (a.name(), *a)).collect();
    let attention = chosen(&mut section, "attention", &attentions, defaults.attention)?;
    let mask = chosen(&mut section, "mask", &MASKS, defaults.mask)?;
    // Both masks are the same where nothing is normalized: one spec has one id.
    let mask = if attention.is_normalized() { mask } else { Mask::Values };
    let (sparse, free) = match defaults.parameterization {
        Parameterization::Sparse => (true, Corner::Free),
        Parameterization::Full(corner) => (false, corner),
    };
    let parameterization = match chosen(
        &mut section,
        "parameterization",
        &[("sparse", true), ("full", false)],
        sparse,
    )? {
        true => Parameterization::Sparse,
        false => Parameterization::Full(chosen(&mut section, "corner", &CORNERS, free)?),
    };
    let tied = section.flag("tied", defaults.tied)?;
    let has_encoder = defaults.encoder.is_some();
    let encoder =
        match chosen(&mut section, "encoder", &[("none", false), ("mlp", true)], has_encoder)? {
            true => Some(Encoder { hidden: section.size("encoder_hidden", HIDDEN, MAX_HIDDEN)? }),
            false => None,
        };
    section.finish()?;
    let transformer =
        Transformer { depth, dim, heads, attention, mask, parameterization, tied, encoder };
    Ok(ModelSpec { transformer, init_std })
}

const MASKS: [(&str, Mask); 2] = [("values", Mask::Values), ("scores", Mask::Scores)];
const CORNERS: [(&str, Corner); 2] = [("free", Corner::Free), ("fixed", Corner::Fixed)];

/// One of `choices` by its name.
fn chosen<T: Copy + PartialEq>(
    section: &mut Section,
    key: &'static str,
    choices: &[(&'static str, T)],
    default: T,
) -> Result<T, SpecError> {
    let names: Vec<&'static str> = choices.iter().map(|(name, _)| *name).collect();
    let name = section.choice(key, name(choices, default), &names)?;
    Ok(choices.iter().find(|choice| choice.0 == name).map_or(default, |choice| choice.1))
}

fn name<T: PartialEq>(choices: &[(&'static str, T)], value: T) -> &'static str {
    choices.iter().find(|choice| choice.1 == value).map_or("", |choice| choice.0)
}

impl ModelSpec {
    /// The canonical table; keys of models beyond the sparse linear one are there only where they
    /// differ from its own.
    pub(super) fn table(&self) -> Table {
        let model = &self.transformer;
        let plain = Transformer::linear(model.depth, model.dim);
        let mut table = Table::from_iter([
            ("depth".to_string(), integer(model.depth)),
            ("init_std".to_string(), self.init_std.into()),
        ]);
        let mut differs = |key: &str, differs: bool, value: Value| {
            if differs {
                table.insert(key.into(), value);
            }
        };
        differs("heads", model.heads != plain.heads, integer(model.heads));
        let attention = model.attention;
        differs("attention", attention != plain.attention, attention.name().into());
        differs("mask", attention.is_normalized(), name(&MASKS, model.mask).into());
        if let Parameterization::Full(corner) = model.parameterization {
            differs("parameterization", true, "full".into());
            differs("corner", true, name(&CORNERS, corner).into());
        }
        differs("tied", model.tied, true.into());
        if let Some(Encoder { hidden }) = model.encoder {
            differs("encoder", true, "mlp".into());
            differs("encoder_hidden", true, integer(hidden));
        }
        table
    }
}

fn integer(x: usize) -> Value {
    Value::Integer(i64::try_from(x).unwrap_or(i64::MAX))
}

/// Description of a model beyond L, in half a line: empty for the paper's.
pub fn describe_model(model: &Transformer) -> String {
    let mut words = Vec::new();
    if model.attention != Attention::Linear {
        words.push(model.attention.name().to_string());
    }
    if model.attention.is_normalized() && model.mask == Mask::Scores {
        words.push("mask=scores".into());
    }
    match model.parameterization {
        Parameterization::Sparse => {}
        Parameterization::Full(Corner::Free) => words.push("full".into()),
        Parameterization::Full(Corner::Fixed) => words.push("full corner=fixed".into()),
    }
    if model.heads > 1 {
        words.push(format!("H={}", model.heads));
    }
    if model.tied {
        words.push("tied".into());
    }
    if let Some(Encoder { hidden }) = model.encoder {
        words.push(format!("mlp({hidden})"));
    }
    words.iter().map(|word| format!(" {word}")).collect()
}
