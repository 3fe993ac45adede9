//! A commented spec with every default, for `windtunnel init`.

use windtunnel_model::Attention;
use windtunnel_model::task::Family;

use super::optimizer;

/// Lines of the file that stand for the kinds of covariates, the variants of attention, the
/// optimizers and their hyper-parameters.
const KINDS: &str = "# <kinds>\n";
const ATTENTIONS: &str = "# <attentions>\n";
const OPTIMIZERS: &str = "# <optimizers>\n";
const PARAMETERS: &str = "# <parameters>\n";
/// Column at which comments start.
const COLUMN: usize = 28;

/// The template: a file, and lines on every family of covariates, attention and optimizer.
pub fn template() -> String {
    let kinds: String = Family::ALL
        .iter()
        .flat_map(|family| {
            let kind = line("kind", format!("\"{}\"", family.name), "", family.summary);
            let keys = family.parameters.iter().map(|parameter| {
                let value = parameter.default.value().to_string();
                line(parameter.key, value, &format!("{}: ", family.name), parameter.summary)
            });
            std::iter::once(kind).chain(keys)
        })
        .collect();
    let attentions: String = Attention::ALL
        .iter()
        .map(|a| line("attention", format!("\"{}\"", a.name()), "", a.summary()))
        .collect();
    let optimizers: String = optimizer::names()
        .into_iter()
        .map(|(name, summary)| line("name", format!("\"{name}\""), "", summary))
        .collect();
    let parameters: String = optimizer::documented()
        .into_iter()
        .map(|(key, value, names, meaning)| line(key, value, &format!("{names}: "), &meaning))
        .collect();
    include_str!("template.toml")
        .replace(KINDS, &kinds)
        .replace(ATTENTIONS, &attentions)
        .replace(OPTIMIZERS, &optimizers)
        .replace(PARAMETERS, &parameters)
}

fn line(key: &str, value: String, of: &str, summary: &str) -> String {
    // What reaches beyond the column keeps one space.
    let setting = format!("# {key} = {value} ");
    format!("{setting:COLUMN$}# {of}{summary}\n")
}
