//! Self-contained HTML pages: verdicts, figures, and the full specs behind them. They need no
//! network. A small script makes figures interactive; everything is visible without it.

mod audit;
mod explain;
mod forest;
mod matrix;

pub use audit::{Audit, Files};

use windtunnel_figure::table::{Table, escape};
use windtunnel_figure::{Figure, Panel, Scale};
use windtunnel_lab::inference::Verdict;

use crate::section::Section;

/// Contents of one page.
#[derive(Default)]
pub struct Page<'a> {
    /// Title.
    pub title: &'a str,
    /// Sentences below it that answer first.
    pub answer: Vec<String>,
    /// Paragraphs below them.
    pub summary: Vec<String>,
    /// Whether verdicts have no colour, because the runs were too few or too short for one.
    pub quick: bool,
    /// Sections whose claims are drawn in a forest plot before everything else.
    pub claims: &'a [Section],
    /// Tables after it, folded.
    pub tables: Vec<Table>,
    /// Sentences about missing parts, with the reason.
    pub failures: Vec<String>,
    /// Parts, with a table of contents if there are several.
    pub parts: Vec<PagePart<'a>>,
    /// Specs and runs behind it.
    pub methods: Vec<Listing>,
    /// Sentence on a page of unfinished work, which loads itself again; none on a finished one.
    pub unfinished: Option<String>,
}

/// A part of a page: pictures with what belongs to them.
#[derive(Default)]
pub struct PagePart<'a> {
    /// Anchor; letters, digits and dashes.
    pub id: &'a str,
    /// Heading; none when empty.
    pub title: &'a str,
    /// Paragraphs above the figures.
    pub summary: Vec<String>,
    /// Text that is shown on the left in place of a figure.
    pub place: Option<&'a str>,
    /// Figures, inlined as SVG.
    pub figures: Vec<PageFigure<'a>>,
    /// Links to parts that have a figure or table of this one already: anchors and sentences.
    pub elsewhere: Vec<(&'a str, String)>,
    /// Tables below them.
    pub tables: Vec<Table>,
    /// Tables for those who want all numbers, folded.
    pub details: Vec<Table>,
    /// Files beside the page: names and descriptions.
    pub files: Vec<(String, String)>,
}

/// A figure with the files that it was written to.
pub struct PageFigure<'a> {
    /// The figure.
    pub figure: &'a Figure,
    /// Names of the files beside the page, one for each format.
    pub files: Vec<String>,
}

/// A heading with a text, such as the spec of a run.
pub struct Listing {
    /// Heading.
    pub title: String,
    /// Remark, such as the ids of its runs.
    pub note: String,
    /// The text, unchanged.
    pub text: String,
}

/// Rows above which a table is folded.
const LONG: usize = 12;
/// Seconds after which a page of unfinished work loads itself again.
const RELOAD: u32 = 10;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

impl Page<'_> {
    /// The page as one HTML document.
    pub fn html(&self) -> String {
        let title = escape(self.title);
        let contents = if self.parts.len() > 1 { self.contents() } else { String::new() };
        let said = |class: &str, sentences: &[String]| -> String {
            let line = |line: &String| format!("<p class=\"{class}\">{}</p>\n", escape(line));
            sentences.iter().map(line).collect()
        };
        let unfinished: Vec<String> = self.unfinished.iter().cloned().collect();
        let reload = match self.unfinished {
            Some(_) => format!("<meta http-equiv=\"refresh\" content=\"{RELOAD}\">"),
            None => String::new(),
        };
        let before = [
            said("unfinished", &unfinished),
            said("answer", &self.answer),
            said("failed", &self.failures),
        ];
        let parts: String = self.parts.iter().map(PagePart::html).collect();
        let has_claims = self.claims.iter().any(|section| !section.findings.is_empty());
        let forest = if has_claims { forest::html(self.claims) } else { String::new() };
        let class = if self.quick { " class=\"quick\"" } else { "" };
        let folded: String = self.tables.iter().map(folded).collect();
        let (body, terms) = explain::explain(&format!(
            "{}{}{forest}{folded}{parts}",
            before.concat(),
            paragraphs(&self.summary)
        ));
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\">\
             <meta name=\"color-scheme\" content=\"light dark\"><link rel=\"icon\" href=\"data:,\">\
             {reload}<title>{title}</title><style>{STYLE}</style></head><body{class}>\n{contents}<main>\n\
             <h1>{title}</h1>\n{body}{terms}{}</main>\n<script>{SCRIPT}</script>\n</body></html>\n",
            self.methods(),
        )
    }

    fn contents(&self) -> String {
        let link = |part: &PagePart| {
            format!("<a href=\"#{}\">{}</a>", escape(part.id), escape(part.title))
        };
        let links: String = self.parts.iter().map(link).collect();
        format!(
            "<nav aria-label=\"Contents\"><details><summary>Contents</summary>{links}\
             <a href=\"#terms\">Terms</a><a href=\"#methods\">Methods</a></details></nav>\n"
        )
    }

    fn methods(&self) -> String {
        if self.methods.is_empty() {
            return String::new();
        }
        let method = |Listing { title, note, text }: &Listing| {
            format!(
                "<details><summary>{}</summary><p>{}</p><pre>{}</pre></details>\n",
                escape(title),
                escape(note),
                escape(text)
            )
        };
        let methods: String = self.methods.iter().map(method).collect();
        format!("<section class=\"methods\" id=\"methods\"><h2>Methods</h2>{methods}</section>\n")
    }
}

impl PagePart<'_> {
    fn html(&self) -> String {
        let heading = match self.title {
            "" => String::new(),
            title => format!("<h2>{}</h2>\n", escape(title)),
        };
        let place = self.place.map_or(String::new(), |place| {
            format!("<aside class=\"place\">{}</aside>\n", escape(place))
        });
        let figures: String = self.figures.iter().map(PageFigure::html).collect();
        let link = |(anchor, sentence): &(&str, String)| {
            format!("<p><a href=\"#{}\">{}</a></p>\n", escape(anchor), escape(sentence))
        };
        let elsewhere: String = self.elsewhere.iter().map(link).collect();
        let details: String = self.details.iter().map(folded).collect();
        let files: String = self
            .files
            .iter()
            .map(|(name, what)| {
                format!("<li><a href=\"{0}\">{0}</a>: {1}</li>", escape(name), escape(what))
            })
            .collect();
        let files = match files.as_str() {
            "" => String::new(),
            files => format!("<ul class=\"files\">{files}</ul>\n"),
        };
        format!(
            "<section id=\"{}\">{heading}{}{place}{figures}{}{elsewhere}{details}{files}</section>\n",
            escape(self.id),
            paragraphs(&self.summary),
            tables(&self.tables)
        )
    }
}

fn paragraphs(lines: &[String]) -> String {
    lines.iter().map(|line| format!("<p>{}</p>\n", escape(line))).collect()
}

/// Tables, the long ones folded.
fn tables(tables: &[Table]) -> String {
    let shown = |table: &Table| match table.rows.len() {
        0..=LONG => scrolled(table),
        _ => folded(table),
    };
    tables.iter().map(shown).collect()
}

/// A table with coloured verdicts.
fn scrolled(table: &Table) -> String {
    let mark = |html: String, verdict: Verdict| {
        let cell = format!("<td>{}</td>", verdict.text());
        let class = format!("<td class=\"{}\">{}</td>", verdict.text(), verdict.text());
        html.replace(&cell, &class)
    };
    let html = mark(mark(table.html(), Verdict::Supported), Verdict::Contradicted);
    format!("<div class=\"scroll\">{html}</div>\n")
}

/// A table behind its title.
fn folded(table: &Table) -> String {
    let title = escape(&table.title);
    let bare = Table { title: String::new(), ..table.clone() };
    format!("<details><summary>{title}</summary>{}</details>\n", scrolled(&bare))
}

impl PageFigure<'_> {
    /// The figure with its files and, if it has a logarithmic axis of y, its linear version for the
    /// script.
    fn html(&self) -> String {
        let plain = format!("<div class=\"drawn\">{}</div>", self.figure.inline_svg());
        let linear = linear(self.figure).map_or(String::new(), |figure| {
            format!("<div class=\"linear\" hidden>{}</div>", figure.inline_svg())
        });
        let link = |name: &String| {
            let format = name.rsplit('.').next().unwrap_or_default().to_uppercase();
            format!(" <a href=\"{}\">{}</a>", escape(name), escape(&format))
        };
        let files: String = self.files.iter().map(link).collect();
        let files = match files.as_str() {
            "" => String::new(),
            files => format!("<figcaption>This figure as{files}</figcaption>"),
        };
        format!("<figure>{plain}{linear}{files}</figure>\n")
    }
}

impl<'a> From<&'a Figure> for PageFigure<'a> {
    fn from(figure: &'a Figure) -> PageFigure<'a> {
        PageFigure { figure, files: Vec::new() }
    }
}

/// The figure on linear axes of y, without single members; `None` if it is linear already.
fn linear(figure: &Figure) -> Option<Figure> {
    let curved = |panel: &Panel| panel.y_scale != Scale::Linear && panel.heat_map.is_none();
    if !figure.panels.iter().any(curved) {
        return None;
    }
    let mut linear = figure.clone();
    for panel in &mut linear.panels {
        panel.y_scale = Scale::Linear;
        panel.series.iter_mut().for_each(|series| series.members.clear());
    }
    Some(linear)
}
