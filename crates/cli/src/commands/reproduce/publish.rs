//! Output of `reproduce`: pictures, verdicts and the report.

use std::sync::Mutex;

use windtunnel_figure::table::{Table, paragraph};
use windtunnel_math::parallel::queue;
use windtunnel_paper::audit;
use windtunnel_paper::catalogue::page_name;
use windtunnel_paper::evidence::Evidence;
use windtunnel_paper::finding::Finding;
use windtunnel_paper::judge::judge;
use windtunnel_paper::report::{Audit, Files};
use windtunnel_paper::section::Section;
use windtunnel_paper::study::Study;

use super::super::folder::{draw, write};
use crate::args::{Global, Reproduce};
use crate::error::Error;
use crate::{output, session};

/// Writes all results. A study that lacks something is listed and does not stop the others.
pub fn all(
    global: &Global,
    args: &Reproduce,
    studies: &[&'static Study],
    (evidence, replication): (&Evidence, Option<&Evidence>),
) -> Result<(), Error> {
    let findings = judge(studies, evidence, replication);
    let findings: Vec<_> = studies.iter().zip(findings).collect();
    let slots: Vec<Mutex<Option<Outcome>>> = studies.iter().map(|_| Mutex::new(None)).collect();
    queue(session::jobs(global), &findings, |index, (study, findings)| {
        let outcome = one(args, study, evidence, findings.clone());
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
    let table = audit::table(&sections);
    let report = Audit {
        studies,
        evidence,
        sections: &sections,
        files: &files,
        failures: &failures,
        unfinished: None,
    };
    let path = save(args, &report, &table)?;
    if global.json {
        let verdicts: Vec<_> = sections.iter().map(|section| &section.verdicts).collect();
        match verdicts.as_slice() {
            [only] if studies.len() == 1 => output::json(only)?,
            verdicts => output::json(&verdicts)?,
        }
    } else {
        print(&report, &path)?;
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

/// Result for one study: a section with its files, a missing part, or a write error.
type Outcome = Result<Result<(Section, Files), String>, Error>;

/// Beginning of the names of the files of a study or a page.
pub(super) fn stem(args: &Reproduce, name: &str) -> String {
    let quick = if args.quick { "-quick" } else { "" };
    let seeds = args.seeds.map_or(String::new(), |seeds| format!("-seeds{seeds}"));
    let family = args.family.map_or(String::new(), |family| format!("-family{family}"));
    let again = args.replicate.map_or(String::new(), |family| format!("-again{family}"));
    format!("{name}{quick}{seeds}{family}{again}")
}

/// Draws and writes one study.
fn one(
    args: &Reproduce,
    study: &Study,
    evidence: &Evidence,
    findings: Result<Vec<Finding>, String>,
) -> Outcome {
    let section = match findings {
        Ok(findings) => study.section(evidence, findings),
        Err(reason) => return Ok(Err(reason)),
    };
    let stem = stem(args, study.name);
    let mut files = Files::default();
    for picture in &section.pictures {
        let name = format!("{stem}{}", picture.suffix);
        files.pictures.push(draw(&args.out, &name, &picture.figure)?);
    }
    let json = serde_json::to_string_pretty(&section.verdicts)
        .map_err(|e| Error::Failed(e.to_string()))?;
    write(&args.out, &format!("{stem}.json"), json.as_bytes())?;
    files.others.push((format!("{stem}.json"), "the verdicts and all tables, for machines".into()));
    Ok(Ok((section, files)))
}

/// Writes the page and the table of all claims; returns the path of the page.
fn save(args: &Reproduce, report: &Audit, table: &Table) -> Result<String, Error> {
    let stem = stem(args, &page_name(report.studies));
    let file = format!("{stem}.html");
    write(&args.out, &file, report.html().as_bytes())?;
    let json = serde_json::json!({
        "title": table.title, "head": table.head, "rows": table.rows, "failures": report.failures,
    });
    if report.studies.len() > 1 {
        let text = serde_json::to_string_pretty(&json).map_err(|e| Error::Failed(e.to_string()))?;
        write(&args.out, &format!("{stem}.json"), text.as_bytes())?;
    }
    Ok(args.out.join(file).display().to_string())
}

/// Prints the answer, the claims and, of a single study, its tables.
fn print(report: &Audit, path: &str) -> Result<(), Error> {
    let quick = report.evidence.protocol.warning();
    let answer = audit::headline(report.sections);
    let mut text: String = [quick].iter().chain(&answer).map(|line| paragraph(line)).collect();
    text += &format!("\n{}\n", audit::brief(report.sections).text());
    if let ([only], 1) = (report.sections, report.studies.len()) {
        let remarks = only.summary.iter().map(|line| paragraph(line));
        let tables = only.tables.iter().map(|table| format!("\n{}", table.text()));
        text.extend(remarks.chain(tables).chain(["\n".into()]));
    }
    output::print(&format!("{text}Figures, data and page: {path}\n"))
}
