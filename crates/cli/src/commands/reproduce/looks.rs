//! Pages of unfinished work: first looks, in the place of the page that will have the result.

use windtunnel_paper::catalogue::page_name;
use windtunnel_paper::evidence::Evidence;
use windtunnel_paper::judge::judge;
use windtunnel_paper::report::{Audit, Files};
use windtunnel_paper::study::Study;

use super::super::folder::write;
use super::publish::stem;
use crate::args::{Global, Reproduce};
use crate::error::Error;
use crate::output;

/// Writer of pages of unfinished work. It writes nothing else, so that no file of numbers or
/// pictures is mistaken for a result.
pub struct Looks<'a> {
    global: &'a Global,
    args: &'a Reproduce,
    studies: &'a [&'static Study],
    said: bool,
    error: Option<Error>,
}

impl<'a> Looks<'a> {
    /// Pages of these studies; none was written so far.
    pub fn new(
        global: &'a Global,
        args: &'a Reproduce,
        studies: &'a [&'static Study],
    ) -> Looks<'a> {
        Looks { global, args, studies, said: false, error: None }
    }

    /// Writes the page of the evidence so far, of these studies.
    pub fn show(&mut self, studies: &[&'static Study], evidence: &Evidence) {
        let (mut sections, mut failures) = (Vec::new(), Vec::new());
        for (study, findings) in studies.iter().zip(judge(studies, evidence, None)) {
            match findings {
                Ok(findings) => sections.push(study.section(evidence, findings)),
                Err(reason) => failures.push(format!("{} failed: {reason}", study.name)),
            }
        }
        let files: Vec<Files> = sections.iter().map(|_| Files::default()).collect();
        let page = Audit {
            studies,
            evidence,
            sections: &sections,
            files: &files,
            failures: &failures,
            unfinished: Some(sentence(evidence, self.studies.len() - studies.len())),
        };
        let file = format!("{}.html", stem(self.args, &page_name(self.studies)));
        if let Err(error) = write(&self.args.out, &file, page.html().as_bytes()) {
            self.error = Some(error);
        } else if !self.said && !self.global.quiet && !self.global.json {
            self.said = true;
            output::say(&format!("A first look: {}", self.args.out.join(file).display()));
        }
    }

    /// The last error of writing, if there was one.
    pub fn end(self) -> Result<(), Error> {
        self.error.map_or(Ok(()), Err)
    }
}

/// Sentence on an unfinished page that lacks so many studies.
fn sentence(evidence: &Evidence, missing: usize) -> String {
    let first = match evidence.protocol.seeds {
        Some(seeds) if !evidence.protocol.quick => format!("the first {seeds} seeds"),
        _ => "short runs".into(),
    };
    let missing = match missing {
        0 => String::new(),
        n => format!(" {n} studies, whose learning rates are searched for first, follow."),
    };
    format!(
        "Unfinished: this page shows {first}.{missing} It loads itself again while the other runs \
         are computed; where they were interrupted, the same command goes on."
    )
}
