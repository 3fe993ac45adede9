//! The page of an audit: sections of studies, all claims in one table, and how the runs were made.

use windtunnel_lab::describe::describe;
use windtunnel_runs::spec::{Document, RunSpec, run_id};

use super::{Listing, Page, PageFigure, PagePart};
use crate::audit;
use crate::evidence::Evidence;
use crate::gather::settings;
use crate::section::Section;
use crate::study::Study;

/// Text in place of the paper's panels with real Transformers.
const PLACE: &str = "Left panel of the paper's figure: real Transformers, by Kunstner et al. (2023), \
                     Jiang et al. (2022), Pan and Li (2023) and Zhang et al. (2020). Its place is \
                     kept; windtunnel has not measured any.";

/// Files of a section.
#[derive(Default)]
pub struct Files {
    /// Names of those of each of its pictures, one for each format.
    pub pictures: Vec<Vec<String>>,
    /// Names of the others, with descriptions.
    pub others: Vec<(String, String)>,
}

/// Data of the page and tables of an audit.
pub struct Audit<'a> {
    /// The requested studies.
    pub studies: &'a [&'static Study],
    /// Data of their settings.
    pub evidence: &'a Evidence,
    /// Sections of the studies that could be assembled.
    pub sections: &'a [Section],
    /// Files beside the page, section by section.
    pub files: &'a [Files],
    /// Sentences about the studies that could not.
    pub failures: &'a [String],
    /// Sentence about what is still computed; `None` if nothing is.
    pub unfinished: Option<String>,
}

/// Link to the section that has a picture or a table already.
fn seen<'a>(other: &Section, what: &str) -> (&'a str, String) {
    (other.name, format!("{}: the same as under \"{}\".", capitalized(what), other.title))
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}

/// The keys of a spec that differ from the defaults, as a spec of its own; all keys where these
/// would be another spec, because the default of one depends on another.
fn own_keys(spec: &RunSpec) -> String {
    let table = |spec: &RunSpec| spec.to_toml().parse::<toml::Table>().unwrap_or_default();
    let base = Document::empty().resolve().map(|base| table(&base)).unwrap_or_default();
    let short = differing(&table(spec), &base).to_string();
    let resolved = Document::parse("", &short).and_then(|document| document.resolve());
    match resolved {
        Ok(same) if same.to_toml() == spec.to_toml() => short,
        _ => spec.to_toml(),
    }
}

/// The entries of a table that another does not have.
fn differing(own: &toml::Table, base: &toml::Table) -> toml::Table {
    let entry = |(key, value): (&String, &toml::Value)| {
        let value = match (value, base.get(key)) {
            (toml::Value::Table(own), Some(toml::Value::Table(base))) => {
                let inner = differing(own, base);
                (!inner.is_empty()).then_some(toml::Value::Table(inner))
            }
            (value, other) => (other != Some(value)).then(|| value.clone()),
        };
        Some((key.clone(), value?))
    };
    own.iter().filter_map(entry).collect()
}

impl Audit<'_> {
    /// The page as one HTML document.
    pub fn html(&self) -> String {
        let title = match self.studies {
            [only] => format!("windtunnel: {}", only.title),
            _ => "windtunnel: audit of Ahn et al. (ICLR 2024)".into(),
        };
        let page = Page {
            title: &title,
            answer: self.evidence.protocol.limits().into_iter().chain(self.headline()).collect(),
            summary: self.summary(),
            quick: self.evidence.protocol.quick,
            claims: self.sections,
            tables: audit::composites(self.sections).into_iter().collect(),
            failures: self.failures.to_vec(),
            parts: self.parts(),
            methods: self.methods(),
            unfinished: self.unfinished.clone(),
        };
        page.html()
    }

    /// The sections; a picture or a table that an earlier one has is a link to it.
    fn parts(&self) -> Vec<PagePart<'_>> {
        let mut parts = Vec::new();
        for (k, (section, files)) in self.sections.iter().zip(self.files).enumerate() {
            let earlier = &self.sections[..k];
            let mut part = PagePart {
                id: section.name,
                title: section.title,
                summary: section.summary.clone(),
                place: section.real.then_some(PLACE),
                details: section.details.clone(),
                files: files.others.clone(),
                ..PagePart::default()
            };
            let unlisted = Vec::new();
            for (k, picture) in section.pictures.iter().enumerate() {
                // By their numbers, of which NaN equals NaN.
                let numbers = picture.figure.csv();
                let is_same = |other: &&Section| {
                    let own = other.pictures.iter().filter(|own| own.suffix == picture.suffix);
                    own.map(|own| own.figure.csv()).any(|own| own == numbers)
                };
                match earlier.iter().find(is_same) {
                    Some(other) => part.elsewhere.push(seen(other, picture.what)),
                    None => {
                        let files = files.pictures.get(k).unwrap_or(&unlisted).clone();
                        part.figures.push(PageFigure { figure: &picture.figure, files });
                    }
                }
            }
            for table in &section.tables {
                match earlier.iter().find(|other| other.tables.contains(table)) {
                    Some(other) => part.elsewhere.push(seen(other, &table.title)),
                    None => part.tables.push(table.clone()),
                }
            }
            parts.push(part);
        }
        parts
    }

    fn headline(&self) -> Vec<String> {
        audit::headline(self.sections)
    }

    fn summary(&self) -> Vec<String> {
        let paper = "Linear attention is (maybe) all you need (to understand Transformer \
                     optimization), Ahn, Cheng, Song, Yun, Jadbabaie, Sra, arXiv 2310.01082. A \
                     verdict is of these models and data, not of real Transformers.";
        // The same sentence in every section that has one.
        let mut intervals = self.sections.iter().map(|section| section.intervals);
        let intervals = intervals.find(|sentence| !sentence.is_empty()).map(String::from);
        let admitted = (self.studies.len() > 1).then(|| audit::ADMITTED.to_string());
        intervals.into_iter().chain([paper.to_string()]).chain(admitted).collect()
    }

    /// The spec of every setting and optimizer, with the ids of its runs.
    fn methods(&self) -> Vec<Listing> {
        let mut methods = Vec::new();
        for setting in settings(self.studies, |study| study.all_settings().collect()) {
            for arm in setting.arms {
                let own = || self.evidence.cells(setting).filter(|cell| cell.arm.name == arm.name);
                let Some(first) = own().next() else { continue };
                let runs: Vec<String> = own()
                    .map(|cell| format!("{} (seed {})", run_id(&cell.spec), cell.spec.train.seed))
                    .collect();
                methods.push(Listing {
                    title: format!("{}, {}: {}", setting.name, arm.name, describe(&first.spec)),
                    note: format!(
                        "What differs from the defaults, which `windtunnel init` lists; as a file it trains \
                         the first of the runs. Runs: {}.",
                        runs.join(", ")
                    ),
                    text: own_keys(&first.spec),
                });
            }
        }
        methods
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spec_is_shown_by_what_it_changes_and_means_the_same() {
        for sets in [&[][..], &["preset=setting3"], &["optimizer.name=sgd", "train.seed=3"]] {
            let mut document = Document::empty();
            sets.iter().for_each(|set| document.set(set).unwrap());
            let spec = document.resolve().unwrap();
            let short = own_keys(&spec);
            assert!(short.len() < spec.to_toml().len() / 2, "{short}");
            let again = Document::parse("", &short).unwrap().resolve().unwrap();
            assert_eq!(run_id(&again), run_id(&spec), "{short}");
        }
    }
}
