//! Pictures, verdicts and the report.

use std::sync::Mutex;

use windtunnel_figure::table::Table;
use windtunnel_math::parallel::queue;
use windtunnel_paper::audit;
use windtunnel_paper::evidence::Evidence;
use windtunnel_paper::report::{Method, Page, Part};
use windtunnel_paper::section::Section;
use windtunnel_paper::study::Study;
use windtunnel_runs::spec::run_id;

use super::super::describe;
use super::super::folder::{Files, draw, write};
use super::page::page_name;
use super::settings;
use crate::args::{Global, Reproduce};
use crate::error::Error;
use crate::{output, session};

/// What stands where the paper shows real Transformers.
const PLACE: &str = "Left panel of the paper's figure: real Transformers, by Kunstner et al. (2023), \
                     Jiang et al. (2022), Pan and Li (2023) and Zhang et al. (2020). Its place is \
                     kept; windtunnel has not measured any.";

/// Writes all that was found; a study that lacks something is listed and does not stop the others.
pub fn all(
    global: &Global,
    args: &Reproduce,
    studies: &[&'static Study],
    evidence: &Evidence,
) -> Result<(), Error> {
    let slots: Vec<Mutex<Option<Outcome>>> = studies.iter().map(|_| Mutex::new(None)).collect();
    queue(session::jobs(global), studies, |index, study| {
        let outcome = one(args, study, evidence);
        if let Ok(mut slot) = slots[index].lock() {
            *slot = Some(outcome);
        }
    });
    let mut done: Vec<(Section, Files)> = Vec::new();
    let mut failures = Vec::new();
    for (study, slot) in studies.iter().zip(slots) {
        match slot.into_inner().ok().flatten() {
            Some(Ok(Ok(found))) => done.push(found),
            Some(Ok(Err(reason))) => failures.push(format!("{} failed: {reason}", study.name)),
            Some(Err(error)) => return Err(error),
            None => failures.push(format!("{} was not drawn", study.name)),
        }
    }
    let (sections, files): (Vec<Section>, Vec<Files>) = done.into_iter().unzip();
    let audit = audit::table(&sections);
    let report = Report { args, studies, evidence, sections: &sections, files, audit };
    let path = report.write(&failures)?;
    if global.json {
        let verdicts: Vec<_> = sections.iter().map(|section| &section.verdicts).collect();
        match verdicts.as_slice() {
            [only] if studies.len() == 1 => output::json(only)?,
            verdicts => output::json(&verdicts)?,
        }
    } else {
        report.print(&path)?;
    }
    match failures.as_slice() {
        [] => Ok(()),
        failures => Err(Error::Failed(format!(
            "{} of {} figures could not be made; {path} has the rest:\n  {}",
            failures.len(),
            studies.len(),
            failures.join("\n  ")
        ))),
    }
}

/// Written with its files, lacking something, or not to be written.
type Outcome = Result<Result<(Section, Files), String>, Error>;

fn stem(args: &Reproduce, name: &str) -> String {
    if args.quick { format!("{name}-quick") } else { name.to_string() }
}

/// Draws and writes one study.
fn one(args: &Reproduce, study: &Study, evidence: &Evidence) -> Outcome {
    let section = match study.assemble(evidence) {
        Ok(section) => section,
        Err(reason) => return Ok(Err(reason)),
    };
    let stem = stem(args, study.name);
    let mut files = Files::new();
    for picture in &section.pictures {
        let name = format!("{stem}{}", picture.suffix);
        files.extend(draw(&args.out, &name, picture.what, &picture.figure)?);
    }
    let json = serde_json::to_string_pretty(&section.verdicts)
        .map_err(|e| Error::Failed(e.to_string()))?;
    write(&args.out, &format!("{stem}.json"), json.as_bytes())?;
    files.push((format!("{stem}.json"), "the verdicts".into()));
    Ok(Ok((section, files)))
}

struct Report<'a> {
    args: &'a Reproduce,
    studies: &'a [&'static Study],
    evidence: &'a Evidence,
    sections: &'a [Section],
    files: Vec<Files>,
    audit: Table,
}

impl Report<'_> {
    /// Writes the page; returns its path.
    fn write(&self, failures: &[String]) -> Result<String, Error> {
        let title = match self.studies {
            [only] => format!("windtunnel: {}", only.title),
            _ => "windtunnel: audit of Ahn et al. (ICLR 2024)".into(),
        };
        let parts = self.sections.iter().zip(&self.files).map(|(section, files)| Part {
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
            tables: if self.audit.rows.is_empty() { Vec::new() } else { vec![self.audit.clone()] },
            failures: failures.to_vec(),
            parts: parts.collect(),
            methods: self.methods(),
        };
        let stem = stem(self.args, &page_name(self.studies));
        let file = format!("{stem}.html");
        write(&self.args.out, &file, page.html().as_bytes())?;
        let json = serde_json::json!({
            "title": self.audit.title, "head": self.audit.head, "rows": self.audit.rows,
            "failures": failures,
        });
        if self.studies.len() > 1 {
            let text =
                serde_json::to_string_pretty(&json).map_err(|e| Error::Failed(e.to_string()))?;
            write(&self.args.out, &format!("{stem}.json"), text.as_bytes())?;
        }
        Ok(self.args.out.join(file).display().to_string())
    }

    fn summary(&self) -> Vec<String> {
        let quick = self.args.quick.then(|| self.evidence.protocol.warning().trim_end().into());
        let paper = "Linear attention is (maybe) all you need (to understand Transformer \
                     optimization), Ahn, Cheng, Song, Yun, Jadbabaie, Sra, arXiv 2310.01082. Runs of \
                     different optimizers with the same seed see the same initial parameters and \
                     the same prompts, so they are compared in pairs. A verdict is of these models \
                     and data, not of real Transformers.";
        let admitted = (self.studies.len() > 1).then(|| audit::ADMITTED.to_string());
        quick.into_iter().chain([paper.to_string()]).chain(admitted).collect()
    }

    /// The spec of every setting and arm, with the ids of its runs.
    fn methods(&self) -> Vec<Method> {
        let mut methods = Vec::new();
        for setting in settings(self.studies, |study| study.all_settings().collect()) {
            for arm in setting.arms {
                let own = || self.evidence.cells(setting).filter(|cell| cell.arm.name == arm.name);
                let Some(first) = own().next() else { continue };
                let runs: Vec<String> = own()
                    .map(|cell| format!("{} (seed {})", run_id(&cell.spec), cell.spec.train.seed))
                    .collect();
                methods.push(Method {
                    title: format!("{}, {}: {}", setting.name, arm.name, describe(&first.spec)),
                    note: format!("Runs: {}.", runs.join(", ")),
                    text: first.spec.to_toml(),
                });
            }
        }
        methods
    }

    fn print(&self, path: &str) -> Result<(), Error> {
        match self.sections {
            [only] if self.studies.len() == 1 => {
                let summary: String = only.summary.iter().map(|line| format!("{line}\n")).collect();
                let tables: String =
                    only.tables.iter().map(|t| format!("{}\n", t.text())).collect();
                output::print(&format!("{}\n{summary}\n{tables}", only.title))?;
            }
            _ => output::print(&format!("{}\n", self.brief().text()))?,
        }
        output::print(&format!("Figures, data and page: {path}\n"))
    }

    /// The audit without its long columns.
    fn brief(&self) -> Table {
        let rows = self.audit.rows.iter().map(|row| {
            let robust = if row[4].starts_with("FLIPS") { "flips" } else { "" };
            vec![row[0].clone(), row[1].clone(), row[3].clone(), row[2].clone(), robust.into()]
        });
        let head = ["claim", "what is claimed", "verdict", "effect (95 %)", "other conventions"];
        Table::new("Claims", &head, rows.collect())
    }
}
