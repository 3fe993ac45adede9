//! Self-contained HTML pages: figure, verdicts, and the full specs behind them. No network.

use crate::figure::Figure;
use crate::table::{Table, escape};

/// What goes on one page.
pub struct Page<'a> {
    /// Title.
    pub title: &'a str,
    /// Paragraphs above the figure.
    pub summary: Vec<String>,
    /// Figures, inlined as SVG.
    pub figures: Vec<&'a Figure>,
    /// Tables below it.
    pub tables: Vec<Table>,
    /// Files beside the page: name and what they hold.
    pub files: Vec<(String, String)>,
    /// Full specs: a heading and the TOML text each.
    pub specs: Vec<(String, String)>,
}

const STYLE: &str = "\
body{font:16px/1.5 system-ui,sans-serif;max-width:75rem;margin:2rem auto;padding:0 1rem;color:#111}\
figure{margin:1.5rem 0}h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}svg{width:100%;height:auto}\
table{border-collapse:collapse;margin:1.5rem 0;font-variant-numeric:tabular-nums}\
caption{text-align:left;font-weight:600;padding-bottom:.4rem}\
th,td{padding:.25rem .9rem .25rem 0;text-align:left;border-bottom:1px solid #ddd}\
pre{background:#f6f6f6;padding:.8rem;overflow:auto;font-size:.85rem}\
@media print{details{display:block}body{max-width:none}}";

impl Page<'_> {
    /// The page as one HTML document.
    pub fn html(&self) -> String {
        let summary: String =
            self.summary.iter().map(|p| format!("<p>{}</p>", escape(p))).collect();
        let tables: String = self.tables.iter().map(Table::html).collect();
        let figures: String = self
            .figures
            .iter()
            .map(|figure| format!("<figure>{}</figure>\n", inline_svg(&figure.svg())))
            .collect();
        let files: String = self
            .files
            .iter()
            .map(|(name, what)| {
                format!("<li><a href=\"{0}\">{0}</a>: {1}</li>", escape(name), escape(what))
            })
            .collect();
        let specs: String = self
            .specs
            .iter()
            .map(|(name, toml)| {
                let (name, toml) = (escape(name), escape(toml));
                format!("<details><summary>{name}</summary><pre>{toml}</pre></details>")
            })
            .collect();
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\">\
             <title>{title}</title><style>{STYLE}</style></head><body>\n<h1>{title}</h1>{summary}\n\
             {tables}\n{figures}\n<h2>Data</h2><ul>{files}</ul>\n<h2>Specs</h2>{specs}\n</body></html>\n",
            title = escape(self.title),
        )
    }
}

/// An SVG document without its XML prologue, which HTML does not allow inside a page.
fn inline_svg(svg: &str) -> &str {
    svg.find("<svg").map_or(svg, |start| &svg[start..])
}
