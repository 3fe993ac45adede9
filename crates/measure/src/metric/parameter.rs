//! Parameters in the names of metrics.

use std::fmt;

use windtunnel_math::objective::Block;

use super::Part;
use crate::landscape::Convention;
use crate::stats::Alternative;

/// A parameter that can be read back from its text.
pub(super) trait Parameter: Sized {
    /// Allowed values, as text.
    const ALLOWED: &'static str;

    /// The parameter with this text, or none if no parameter has it.
    fn read(text: &str) -> Option<Self>;
}

/// The values of the parameters of `pattern` in `text`, if it follows the pattern. All but the last
/// end where the text after them begins for the first time.
pub(super) fn values<'a>(pattern: &str, text: &'a str) -> Option<Vec<&'a str>> {
    let mut pieces = pattern.split('{');
    let mut rest = text.strip_prefix(pieces.next()?)?;
    let mut values = Vec::new();
    for piece in pieces {
        let (_, literal) = piece.split_once('}')?;
        let end = if literal.is_empty() { rest.len() } else { rest.find(literal)? };
        values.push(&rest[..end]);
        rest = &rest[end + literal.len()..];
    }
    rest.is_empty().then_some(values)
}

/// The whole number from 1 with this text.
pub(super) fn positive(text: &str) -> Option<usize> {
    usize::read(text).filter(|number| *number > 0)
}

impl Parameter for usize {
    const ALLOWED: &'static str = "a whole number from 0";

    fn read(text: &str) -> Option<usize> {
        text.parse().ok()
    }
}

/// Name of a block or an optimizer as part of a metric's name.
///
/// A name that means something else there, such as `lo` or `neg_grad`, or that is empty, gets an
/// underscore behind it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Label(String);

impl Label {
    /// The label of a name.
    pub fn new(name: &str) -> Label {
        let taken = name.is_empty()
            || name == "neg_grad"
            || name == "hutchinson.lower.all"
            || Part::ALL.iter().any(|part| part.suffix() == name)
            || Convention::all().any(|convention| convention.name() == name);
        Label(if taken { format!("{name}_") } else { name.into() })
    }

    /// The text of the label.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Label {
    fn from(name: &str) -> Label {
        Label::new(name)
    }
}

impl From<&Block> for Label {
    fn from(block: &Block) -> Label {
        Label::new(&block.name)
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Parameter for Label {
    const ALLOWED: &'static str = "the name of a matrix or of an optimizer";

    fn read(text: &str) -> Option<Label> {
        Some(Label::new(text)).filter(|label| label.0 == text)
    }
}

/// Names of two blocks, with a dot between them. They are one text, because names have dots too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair(String);

impl Pair {
    /// The pair of these blocks.
    pub fn new(a: &Block, b: &Block) -> Pair {
        Pair(format!("{}.{}", a.name, b.name))
    }
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Parameter for Pair {
    const ALLOWED: &'static str = "the names of two matrices with a dot between them";

    fn read(text: &str) -> Option<Pair> {
        text.contains('.').then(|| Pair(text.into()))
    }
}

/// A convention of the robust condition number other than the paper's, which has no parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OtherConvention(Convention);

impl OtherConvention {
    /// The convention, unless it is the paper's.
    pub fn new(convention: Convention) -> Option<OtherConvention> {
        (convention != Convention::PAPER).then_some(OtherConvention(convention))
    }
}

impl fmt::Display for OtherConvention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.name())
    }
}

impl Parameter for OtherConvention {
    const ALLOWED: &'static str = "`diag` or `eigen`, `lower` or `midpoint`, `all` or `live`, with dots \
                                   between them; `diag.lower.all` is the name without a convention";

    fn read(text: &str) -> Option<OtherConvention> {
        Convention::all().filter_map(OtherConvention::new).find(|own| own.0.name() == text)
    }
}

/// Alternative distribution that the power law is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rival(pub Alternative);

impl fmt::Display for Rival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Alternative::Lognormal => "lognormal",
            Alternative::StretchedExponential => "stretched_exponential",
            Alternative::Exponential => "exponential",
        })
    }
}

impl Parameter for Rival {
    const ALLOWED: &'static str = "`lognormal`, `stretched_exponential` or `exponential`";

    fn read(text: &str) -> Option<Rival> {
        let all =
            [Alternative::Lognormal, Alternative::StretchedExponential, Alternative::Exponential];
        all.map(Rival).into_iter().find(|rival| rival.to_string() == text)
    }
}

/// Percentage of a quantile of the losses, two digits in names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Percent {
    /// 5 %.
    P05 = 5,
    /// 25 %.
    P25 = 25,
    /// 50 %, the median.
    P50 = 50,
    /// 75 %.
    P75 = 75,
    /// 95 %.
    P95 = 95,
    /// 99 %.
    P99 = 99,
}

impl Percent {
    /// All percentages, ascending.
    pub const ALL: [Percent; 6] =
        [Percent::P05, Percent::P25, Percent::P50, Percent::P75, Percent::P95, Percent::P99];

    /// The percentage as a number, from 0 to 100.
    pub const fn value(self) -> u8 {
        self as u8
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}", self.value())
    }
}

impl Parameter for Percent {
    const ALLOWED: &'static str = "05, 25, 50, 75, 95 or 99";

    fn read(text: &str) -> Option<Percent> {
        Percent::ALL.into_iter().find(|percent| percent.to_string() == text)
    }
}
