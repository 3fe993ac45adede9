//! Rust sources as tokens: the names that a file imports, the paths it uses, the modules it
//! declares. Code under `#[cfg(test)]` is left out; comments and strings are no code.

use std::collections::BTreeSet;
use std::iter::Peekable;
use std::vec::IntoIter;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Module of a file, as far as its own text shows.
#[derive(Debug, Default)]
pub struct Source {
    /// `use` declarations.
    pub imports: Vec<Import>,
    /// Other paths of at least two names: `crate::a::b`, `a::B`.
    pub paths: Vec<Vec<String>>,
    /// Names that it defines, those within functions too.
    pub defined: BTreeSet<String>,
    /// Types and traits that are `pub` without restriction.
    pub types: BTreeSet<String>,
    /// Modules that it declares.
    pub modules: Vec<Module>,
    /// All tokens as text, for searching: `std::fs::read(…)` is `std::fs::read(`.
    pub text: String,
}

/// A name that a `use` declaration brings into scope.
#[derive(Clone, Debug, PartialEq)]
pub struct Import {
    /// The full path; its last part is `*` for all names of a module.
    pub path: Vec<String>,
    /// The name in scope.
    pub name: String,
    /// Whether it is a re-export: `pub use`, `pub(crate) use`.
    pub is_public: bool,
}

/// A module that is declared.
#[derive(Debug)]
pub struct Module {
    pub name: String,
    /// Whether it is only for tests.
    pub is_test: bool,
    /// The text between its braces; `None` if it is a file of its own.
    pub inline: Option<Source>,
}

/// Keywords before the name of an item.
const KEYWORDS: [&str; 8] = ["fn", "struct", "enum", "trait", "const", "static", "type", "union"];

/// Those of types and traits.
const TYPES: [&str; 5] = ["struct", "enum", "trait", "type", "union"];

type Tokens = Peekable<IntoIter<TokenTree>>;

impl Source {
    /// Reads the text of a file.
    pub fn parse(text: &str) -> Source {
        let tokens: TokenStream = text.parse().expect("a file that compiles");
        let mut source = Source::default();
        source.read(tokens);
        source
    }

    fn read(&mut self, tokens: TokenStream) {
        let mut tokens = tokens.into_iter().collect::<Vec<_>>().into_iter().peekable();
        let (mut is_test, mut is_public, mut is_open) = (false, false, false);
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Punct(hash) if hash.as_char() == '#' => {
                    // An attribute belongs to the next item; inner ones have a `!`.
                    if matches!(tokens.peek(), Some(TokenTree::Punct(p)) if p.as_char() == '!') {
                        tokens.next();
                    }
                    if let Some(TokenTree::Group(group)) = tokens.peek()
                        && group.delimiter() == Delimiter::Bracket
                    {
                        let text = group.stream().to_string().replace(' ', "");
                        is_test |= text == "cfg(test)";
                        tokens.next();
                    }
                }
                TokenTree::Ident(word) if word == "pub" => {
                    is_public = true;
                    is_open = !matches!(tokens.peek(), Some(TokenTree::Group(_)));
                    if !is_open {
                        tokens.next();
                    }
                }
                TokenTree::Ident(word) if word == "mod" && is_name(tokens.peek()) => {
                    self.module(&mut tokens, is_test);
                    (is_test, is_public) = (false, false);
                }
                _ if is_test => {
                    skip_item(token, &mut tokens);
                    (is_test, is_public) = (false, false);
                }
                TokenTree::Ident(word) if word == "use" => {
                    self.import(&mut tokens, &[], is_public);
                    is_public = false;
                }
                TokenTree::Ident(word) => {
                    let is_open = std::mem::take(&mut is_public) && is_open;
                    if let Some(TokenTree::Ident(name)) = tokens.peek()
                        && KEYWORDS.iter().any(|keyword| word == keyword)
                    {
                        self.defined.insert(name.to_string());
                        if is_open && TYPES.iter().any(|keyword| word == keyword) {
                            self.types.insert(name.to_string());
                        }
                    }
                    self.path(word.to_string(), &mut tokens);
                }
                TokenTree::Group(group) => {
                    is_public = false;
                    self.group(&group);
                }
                TokenTree::Punct(punct) => self.text.push(punct.as_char()),
                TokenTree::Literal(_) => self.text.push_str("\"\""),
            }
        }
    }

    fn group(&mut self, group: &proc_macro2::Group) {
        let (open, close) = match group.delimiter() {
            Delimiter::Parenthesis => ("(", ")"),
            Delimiter::Brace => ("{", "}"),
            Delimiter::Bracket => ("[", "]"),
            Delimiter::None => ("", ""),
        };
        self.text.push_str(open);
        self.read(group.stream());
        self.text.push_str(close);
    }

    fn module(&mut self, tokens: &mut Tokens, is_test: bool) {
        let name = word(tokens).unwrap_or_default();
        let inline = match tokens.next() {
            Some(TokenTree::Group(group)) => {
                let mut inline = Source::default();
                inline.read(group.stream());
                if !is_test {
                    self.text += &inline.text;
                    self.types.append(&mut inline.types);
                }
                Some(inline)
            }
            _ => None,
        };
        self.modules.push(Module { name, is_test, inline });
    }

    /// Reads one tree of a `use` declaration after `prefix`, with the separator behind it.
    fn import(&mut self, tokens: &mut Tokens, prefix: &[String], is_public: bool) {
        let mut path = prefix.to_vec();
        let mut name = None;
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Ident(ident) if ident == "as" => name = word(tokens),
                TokenTree::Ident(ident) => path.push(ident.to_string()),
                TokenTree::Group(group) => {
                    let mut inner = group.stream().into_iter().collect::<Vec<_>>();
                    // Every tree ends with a comma.
                    inner.extend(",".parse::<TokenStream>().unwrap());
                    let mut inner = inner.into_iter().peekable();
                    while inner.peek().is_some() {
                        self.import(&mut inner, &path, is_public);
                    }
                    path.clear();
                }
                TokenTree::Punct(punct) => match punct.as_char() {
                    '*' => path.push("*".into()),
                    ',' | ';' => break,
                    _ => {}
                },
                TokenTree::Literal(_) => {}
            }
        }
        self.text += &format!(" {} ", path.join("::"));
        if path.len() <= prefix.len() {
            return;
        }
        if path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        let name = name.or(path.last().cloned()).unwrap_or_default();
        self.imports.push(Import { path, name, is_public });
    }

    /// Reads the rest of a path after its first name.
    fn path(&mut self, first: String, tokens: &mut Tokens) {
        let mut path = vec![first];
        while is_punct(tokens.peek(), ':') {
            tokens.next();
            if !is_punct(tokens.peek(), ':') {
                self.text += &format!(" {}:", path.join("::"));
                self.keep(path);
                return;
            }
            tokens.next();
            match word(tokens) {
                Some(word) => path.push(word),
                None => break,
            }
        }
        self.text += &format!(" {}", path.join("::"));
        self.keep(path);
    }

    fn keep(&mut self, path: Vec<String>) {
        if path.len() > 1 {
            self.paths.push(path);
        }
    }
}

/// Skips the rest of an item that begins with `first`: to its braces or its semicolon.
fn skip_item(first: TokenTree, tokens: &mut Tokens) {
    let mut token = Some(first);
    while let Some(now) = token {
        match now {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => return,
            TokenTree::Punct(punct) if punct.as_char() == ';' => return,
            _ => token = tokens.next(),
        }
    }
}

fn word(tokens: &mut Tokens) -> Option<String> {
    match tokens.peek() {
        Some(TokenTree::Ident(word)) => {
            let word = word.to_string();
            tokens.next();
            Some(word)
        }
        _ => None,
    }
}

fn is_name(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Ident(_)))
}

fn is_punct(token: Option<&TokenTree>, punct: char) -> bool {
    matches!(token, Some(TokenTree::Punct(p)) if p.as_char() == punct)
}
