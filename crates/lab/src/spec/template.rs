//! A commented spec with every default, for `windtunnel init`.

use windtunnel_core::task::Family;

/// Line of the file that stands for the kinds of covariates.
const KINDS: &str = "# <kinds>\n";
/// Where comments start.
const COLUMN: usize = 28;

/// The template: a file, and lines on every family of covariates.
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
    include_str!("template.toml").replace(KINDS, &kinds)
}

fn line(key: &str, value: String, of: &str, summary: &str) -> String {
    let setting = format!("# {key} = {value}");
    format!("{setting:COLUMN$}# {of}{summary}\n")
}
