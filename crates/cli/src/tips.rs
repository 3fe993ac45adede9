//! Tips for command lines that cannot be parsed.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, StyledStr, TypedValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, Error};
use windtunnel_measure::metric::nearest;
use windtunnel_paper::catalogue::{GROUPS, studies};
use windtunnel_runs::spec::{PRESETS, key_of};

/// Adds the intended key of a spec to the error about an unknown option of `train` or `baselines`.
pub fn add(mut error: Error) -> Error {
    let arguments: Vec<String> =
        std::env::args_os().map(|a| a.to_string_lossy().into_owned()).collect();
    if error.kind() == ErrorKind::UnknownArgument
        && let Some(ContextValue::String(option)) = error.get(ContextKind::InvalidArg)
        && let Some(tip) = key_tip(option, &arguments)
    {
        let tip = ContextValue::StyledStrs(vec![StyledStr::from(tip)]);
        // One tip is enough; the suggestion of clap only has a similar spelling.
        error.remove(ContextKind::SuggestedArg);
        error.insert(ContextKind::Suggested, tip);
    }
    if error.kind() == ErrorKind::InvalidSubcommand
        && let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand)
        && let Some(tip) = command_tip(word)
    {
        error.remove(ContextKind::SuggestedSubcommand);
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![StyledStr::from(tip)]));
    }
    error
}

/// Tip for a word that belongs to another command: `fig2` as `reproduce fig2`, `sphere` as `train
/// sphere`.
fn command_tip(word: &str) -> Option<String> {
    if names().any(|(name, _)| name == word) {
        return Some(format!("figures and studies are made by 'windtunnel reproduce {word}'"));
    }
    if PRESETS.iter().any(|preset| preset.name == word) {
        return Some(format!("a preset is trained by 'windtunnel train {word}'"));
    }
    let figure = meant(word);
    (!figure.is_empty() && word.chars().any(|c| c.is_ascii_digit()))
        .then(|| format!("figures are made by 'windtunnel reproduce'{figure}"))
}

/// Tip for a key that is written as an option: `--lr 0.05` as `--set optimizer.lr=0.05`.
fn key_tip(option: &str, arguments: &[String]) -> Option<String> {
    let command = arguments.iter().find(|a| ["train", "baselines"].contains(&a.as_str()))?;
    let word = option.strip_prefix("--")?;
    let value = arguments.iter().enumerate().find_map(|(k, argument)| {
        let rest = argument.strip_prefix(option)?;
        match rest.strip_prefix('=') {
            Some(value) => Some(value.to_string()),
            None if rest.is_empty() => {
                arguments.get(k + 1).filter(|a| !a.starts_with('-')).cloned()
            }
            None => None,
        }
    });
    let value = value.as_deref().unwrap_or("VALUE");
    if word == "seed" && command == "train" {
        return Some(format!("a seed is given with '--seeds {value}'"));
    }
    let key = key_of(word)?;
    Some(format!("keys of a spec are given with '--set {key}={value}'"))
}

/// Parser of the names of figures and studies.
#[derive(Clone, Copy, Debug)]
pub struct FigureName;

impl TypedValueParser for FigureName {
    type Value = String;

    fn parse_ref(&self, _: &Command, _: Option<&Arg>, value: &OsStr) -> Result<String, Error> {
        let text = value.to_string_lossy();
        if names().any(|(name, _)| name == text) {
            return Ok(text.into_owned());
        }
        let known: Vec<&str> = names().map(|(name, _)| name).collect();
        let message = format!(
            "there is no figure '{text}'{}\n  known: {}\n\nFor more information, try '--help'.\n",
            meant(&text),
            known.join(", ")
        );
        Err(Error::raw(ErrorKind::InvalidValue, message))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(names().map(|(name, title)| PossibleValue::new(name).help(title))))
    }
}

fn names() -> impl Iterator<Item = (&'static str, &'static str)> {
    studies().map(|study| (study.name, study.title)).chain(GROUPS)
}

/// Advice on the intended figure: the one with the number in the text, the table, or the most
/// similar name.
fn meant(text: &str) -> String {
    let plain: String = text.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    let digits_at = plain.find(|c: char| c.is_ascii_digit()).unwrap_or(plain.len());
    let (word, rest) = plain.split_at(digits_at);
    let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
    if ["table", "tables", "tab"].contains(&word) {
        return ": did you mean 'table'? The paper has one, its Figure 4".into();
    }
    match number.parse::<u32>() {
        Ok(1) if is_figure(word) => {
            ": Figure 1 of the paper shows losses of real Transformers and CNNs, \
                                     copied from Kunstner et al. (2023), which windtunnel does not \
                                     train; 'fig2' is its counterpart for linear Transformers"
                .into()
        }
        Ok(number) if is_figure(word) => {
            let name = format!("fig{number}");
            match names().any(|(known, _)| known == name) {
                true => format!(": did you mean '{name}'?"),
                false => ": the figures of the paper that can be reproduced are 2 to 15".into(),
            }
        }
        _ => nearest(&plain, names().map(|(name, _)| name))
            .map_or(String::new(), |near| format!(": did you mean '{near}'?")),
    }
}

fn is_figure(word: &str) -> bool {
    ["", "f", "fig", "figs", "figure", "figures"].contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_however_they_are_written() {
        for text in [
            "figure2", "Fig. 2", "2", "fig02", "FIG2", "figure 2", "Figure_2", "fig.2", "f2",
            "fig2a",
        ] {
            assert_eq!(meant(text), ": did you mean 'fig2'?", "{text}");
        }
        for text in ["table1", "Table 1", "tab.1", "tables"] {
            assert!(meant(text).contains("'table'"), "{text}");
        }
        assert!(meant("fig1").contains("Kunstner") && meant("1").contains("fig2"));
        assert!(meant("fig16").contains("2 to 15") && meant("fig0").contains("2 to 15"));
        assert!(meant("99999999999999999999").is_empty() && meant("").is_empty());
        assert!(meant("heads").is_empty() && meant("noize").contains("'noise'"));
    }

    #[test]
    fn options_of_other_tools_become_keys() {
        let tip = |line: &str, option: &str| {
            let arguments: Vec<String> = line.split(' ').map(Into::into).collect();
            key_tip(option, &arguments).unwrap_or_default()
        };
        assert!(tip("w train --lr 0.05", "--lr").ends_with("'--set optimizer.lr=0.05'"));
        assert!(tip("w train --lr=0.05 -q", "--lr").ends_with("'--set optimizer.lr=0.05'"));
        assert!(tip("w train --learning-rate", "--learning-rate").ends_with("lr=VALUE'"));
        assert!(tip("w train --batch-size 9", "--batch-size").contains("train.batch_size=9"));
        assert!(tip("w train --seed 3", "--seed").ends_with("'--seeds 3'"));
        assert!(tip("w baselines --seed 3", "--seed").ends_with("'--set train.seed=3'"));
        assert_eq!(tip("w list --lr 3", "--lr") + &tip("w train --nothing 1", "--nothing"), "");
    }
}
