//! Self-contained HTML pages: verdicts, figures, and the full specs behind them. They need no
//! network. A small script makes figures interactive; everything is visible without it.

mod audit;
mod forest;

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
    /// Paragraphs below it.
    pub summary: Vec<String>,
    /// Whether verdicts have no colour, because the runs were too few or too short for one.
    pub quick: bool,
    /// Sections whose claims are drawn in a forest plot before everything else.
    pub claims: &'a [Section],
    /// Tables after it.
    pub tables: Vec<Table>,
    /// Sentences about missing parts, with the reason.
    pub failures: Vec<String>,
    /// Parts, with a table of contents if there are several.
    pub parts: Vec<PagePart<'a>>,
    /// Specs and runs behind it.
    pub methods: Vec<Listing>,
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
    pub figures: Vec<&'a Figure>,
    /// Tables below them.
    pub tables: Vec<Table>,
    /// Files beside the page: names and descriptions.
    pub files: Vec<(String, String)>,
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

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

impl Page<'_> {
    /// The page as one HTML document.
    pub fn html(&self) -> String {
        let title = escape(self.title);
        let contents = if self.parts.len() > 1 { self.contents() } else { String::new() };
        let failures: String = self
            .failures
            .iter()
            .map(|failure| format!("<p class=\"failed\">{}</p>\n", escape(failure)))
            .collect();
        let parts: String = self.parts.iter().map(PagePart::html).collect();
        let has_claims = self.claims.iter().any(|section| !section.findings.is_empty());
        let forest = if has_claims { forest::html(self.claims) } else { String::new() };
        let class = if self.quick { " class=\"quick\"" } else { "" };
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\">\
             <meta name=\"color-scheme\" content=\"light dark\"><link rel=\"icon\" href=\"data:,\">\
             <title>{title}</title><style>{STYLE}</style></head><body{class}>\n{contents}<main>\n\
             <h1>{title}</h1>\n{}{failures}{forest}{}{parts}{}</main>\n<script>{SCRIPT}</script>\n\
             </body></html>\n",
            paragraphs(&self.summary),
            tables(&self.tables),
            self.methods(),
        )
    }

    fn contents(&self) -> String {
        let link = |part: &PagePart| {
            format!("<a href=\"#{}\">{}</a>", escape(part.id), escape(part.title))
        };
        let links: String = self.parts.iter().map(link).collect();
        format!(
            "<nav><details><summary>Contents</summary>{links}<a href=\"#methods\">Methods</a></details></nav>\n"
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
        let figures: String = self.figures.iter().map(|figure| drawn(figure)).collect();
        let files: String = self
            .files
            .iter()
            .map(|(name, what)| {
                format!("<li><a href=\"{0}\">{0}</a>: {1}</li>", escape(name), escape(what))
            })
            .collect();
        let files = match files.as_str() {
            "" => String::new(),
            files => format!("<details><summary>Data</summary><ul>{files}</ul></details>\n"),
        };
        format!(
            "<section id=\"{}\">{heading}{}{place}{figures}{}{files}</section>\n",
            escape(self.id),
            paragraphs(&self.summary),
            tables(&self.tables)
        )
    }
}

fn paragraphs(lines: &[String]) -> String {
    lines.iter().map(|line| format!("<p>{}</p>\n", escape(line))).collect()
}

/// Tables with coloured verdicts.
fn tables(tables: &[Table]) -> String {
    let mark = |html: String, verdict: Verdict| {
        let cell = format!("<td>{}</td>", verdict.text());
        let class = format!("<td class=\"{}\">{}</td>", verdict.text(), verdict.text());
        html.replace(&cell, &class)
    };
    let table = |table: &Table| {
        let html = mark(mark(table.html(), Verdict::Supported), Verdict::Contradicted);
        format!("<div class=\"scroll\">{html}</div>\n")
    };
    tables.iter().map(table).collect()
}

/// The figure and, if it has a logarithmic axis of y, its linear version for the script.
fn drawn(figure: &Figure) -> String {
    let plain = format!("<div class=\"drawn\">{}</div>", figure.inline_svg());
    let linear = linear(figure).map_or(String::new(), |figure| {
        format!("<div class=\"linear\" hidden>{}</div>", figure.inline_svg())
    });
    format!("<figure>{plain}{linear}</figure>\n")
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
