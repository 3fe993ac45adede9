//! The page of an audit: sections of studies, all claims in one table, and how the runs were made.

use windtunnel_figure::table::Table;
use windtunnel_lab::describe::describe;
use windtunnel_runs::spec::run_id;

use super::{Listing, Page, PagePart};
use crate::audit;
use crate::evidence::Evidence;
use crate::gather::settings;
use crate::section::Section;
use crate::study::Study;

/// Text in place of the paper's panels with real Transformers.
const PLACE: &str = "Left panel of the paper's figure: real Transformers, by Kunstner et al. (2023), \
                     Jiang et al. (2022), Pan and Li (2023) and Zhang et al. (2020). Its place is \
                     kept; windtunnel has not measured any.";

/// Names of the files of a section, with descriptions.
pub type Files = Vec<(String, String)>;

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
}

impl Audit<'_> {
    /// The page as one HTML document; `table` contains all claims.
    pub fn html(&self, table: &Table) -> String {
        let title = match self.studies {
            [only] => format!("windtunnel: {}", only.title),
            _ => "windtunnel: audit of Ahn et al. (ICLR 2024)".into(),
        };
        let parts = self.sections.iter().zip(self.files).map(|(section, files)| PagePart {
            id: section.name,
            title: section.title,
            summary: section.summary.clone(),
            place: section.real.then_some(PLACE),
            figures: section.pictures.iter().map(|picture| &picture.figure).collect(),
            tables: section.tables.clone(),
            files: files.clone(),
        });
        let page = Page {
            title: &title,
            summary: self.summary(),
            tables: if table.rows.is_empty() { Vec::new() } else { vec![table.clone()] },
            failures: self.failures.to_vec(),
            parts: parts.collect(),
            methods: self.methods(),
        };
        page.html()
    }

    fn summary(&self) -> Vec<String> {
        let protocol = self.evidence.protocol;
        let quick = protocol.quick.then(|| protocol.warning().trim_end().into());
        let paper = "Linear attention is (maybe) all you need (to understand Transformer \
                     optimization), Ahn, Cheng, Song, Yun, Jadbabaie, Sra, arXiv 2310.01082. Runs of \
                     different optimizers with the same seed see the same initial parameters and \
                     the same prompts, so they are compared in pairs. A verdict is of these models \
                     and data, not of real Transformers.";
        let headline = audit::headline(self.sections);
        let admitted = (self.studies.len() > 1).then(|| audit::ADMITTED.to_string());
        let all = quick.into_iter().chain(headline).chain([paper.to_string()]);
        all.chain(admitted).collect()
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
                    note: format!("Runs: {}.", runs.join(", ")),
                    text: first.spec.to_toml(),
                });
            }
        }
        methods
    }
}
