//! Terms of a page: a link at their first occurrence, and their meanings at the end.

use windtunnel_figure::table::escape;

use crate::terms::{TERMS, Term};

/// Elements in whose text nothing is explained: drawings, links, headings, code.
const SKIPPED: [&str; 9] = ["svg", "a", "h1", "h2", "nav", "pre", "summary", "button", "caption"];

/// HTML with a link at the first occurrence of every term, and the list of these terms; empty if
/// none occurs.
pub(super) fn explain(html: &str) -> (String, String) {
    let mut known = [false; TERMS.len()];
    let mut text = String::with_capacity(html.len());
    let mut inside: Vec<&str> = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        let (words, tag) = rest.split_at(start);
        text += &linked(words, inside.is_empty(), &mut known);
        let end = tag.find('>').map_or(tag.len(), |end| end + 1);
        let (tag, after) = tag.split_at(end);
        follow(tag, &mut inside);
        text += tag;
        rest = after;
    }
    text += &linked(rest, inside.is_empty(), &mut known);
    let used: Vec<usize> = (0..TERMS.len()).filter(|k| known[*k]).collect();
    let list: String = used.iter().map(|k| entry(*k, &TERMS[*k])).collect();
    match used.is_empty() {
        true => (text, String::new()),
        false => (
            text,
            format!(
                "<section class=\"terms\" id=\"terms\"><h2>Terms</h2><dl>{list}</dl></section>\n"
            ),
        ),
    }
}

/// Keeps the open elements of [`SKIPPED`], from a tag.
fn follow<'a>(tag: &'a str, inside: &mut Vec<&'a str>) {
    let name = tag.trim_start_matches(['<', '/']);
    let name = name.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    if !SKIPPED.contains(&name) {
        return;
    }
    if tag.starts_with("</") {
        if let Some(at) = inside.iter().rposition(|open| *open == name) {
            inside.truncate(at);
        }
    } else {
        inside.push(name);
    }
}

/// Text with links at the terms that were not met before.
fn linked(text: &str, explains: bool, known: &mut [bool; TERMS.len()]) -> String {
    if !explains || text.trim().is_empty() {
        return text.into();
    }
    let mut places: Vec<(usize, &str, usize)> = Vec::new();
    for (k, term) in TERMS.iter().enumerate().filter(|(k, _)| !known[*k]) {
        let of = |spelling: &&'static str| Some((find(text, spelling)?, *spelling, k));
        places.extend(term.spellings.iter().filter_map(of).min_by_key(|(at, ..)| *at));
    }
    // Of two terms that overlap the longer one stays.
    places.sort_by_key(|(at, spelling, _)| (*at, usize::MAX - spelling.len()));
    let (mut linked, mut end) = (String::new(), 0);
    for (at, spelling, k) in places.into_iter() {
        if at < end {
            continue;
        }
        let meaning = escape(TERMS[k].meaning);
        linked += &text[end..at];
        linked +=
            &format!("<a class=\"term\" href=\"#term-{k}\" title=\"{meaning}\">{spelling}</a>");
        end = at + spelling.len();
        known[k] = true;
    }
    linked + &text[end..]
}

/// Place of a spelling that is no part of a longer word.
fn find(text: &str, spelling: &str) -> Option<usize> {
    let is_letter = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '-');
    text.match_indices(spelling).map(|(at, _)| at).find(|&at| {
        let (before, after) = (&text[..at], &text[at + spelling.len()..]);
        !is_letter(before.chars().next_back()) && !is_letter(after.chars().next())
    })
}

fn entry(k: usize, term: &Term) -> String {
    format!(
        "<dt id=\"term-{k}\">{}</dt><dd>{} <small>{}</small></dd>\n",
        escape(term.name),
        escape(term.meaning),
        source(term.source)
    )
}

/// A source, its page of the documentation as a link.
fn source(source: &str) -> String {
    let Some(at) = source.find("docs/") else { return escape(source) };
    let (before, page) = source.split_at(at);
    let repository = env!("CARGO_PKG_REPOSITORY");
    format!("{}<a href=\"{repository}/blob/main/{page}\">{page}</a>", escape(before))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_is_explained_where_it_first_occurs() {
        let (html, list) = explain("<p>SGDM and SGDM.</p><p>SGDM</p>");
        assert_eq!(html.matches("class=\"term\"").count(), 1);
        assert!(
            html.starts_with("<p><a class=\"term\"") && html.ends_with("and SGDM.</p><p>SGDM</p>")
        );
        assert!(list.contains("momentum") && list.contains("/blob/main/docs/optimizers.md\">"));
    }

    #[test]
    fn drawings_links_and_other_words_are_left_alone() {
        for html in ["<svg><text>SGDM</text></svg>", "<a href=\"#x\">SGDM</a>", "<p>SGDMs</p>", ""]
        {
            assert_eq!(explain(html), (html.into(), String::new()));
        }
        // The longer of two terms at one place; text after a skipped element is text again.
        let (html, _) =
            explain("<h2>gap</h2><p>robust condition number, <b>geometric mean</b></p>");
        assert_eq!(html.matches("class=\"term\"").count(), 2, "{html}");
    }

    #[test]
    fn terms_are_sorted_and_found_by_their_spellings() {
        let sorted = |a: &Term, b: &Term| a.name.to_lowercase() <= b.name.to_lowercase();
        assert!(TERMS.windows(2).all(|pair| sorted(&pair[0], &pair[1])));
        for term in &TERMS {
            for spelling in term.spellings {
                let (_, list) = explain(spelling);
                assert!(list.contains(&escape(term.meaning)), "{spelling}");
            }
        }
    }
}
