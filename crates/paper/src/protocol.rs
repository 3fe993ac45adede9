//! Protocol of a reproduction: full or quick.

/// Length of runs and number of seeds of a reproduction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protocol {
    /// Whether runs are short.
    pub quick: bool,
    /// Number of seeds, from 0.
    pub seeds: u64,
}

impl Protocol {
    /// As published: 10,000 steps unless a study says otherwise, 6 seeds.
    pub const PUBLISHED: Protocol = Protocol { quick: false, seeds: 6 };
    /// For a first look: at most 1,000 steps, 3 seeds.
    pub const QUICK: Protocol = Protocol { quick: true, seeds: 3 };

    /// Caption prefix for a quick look, with a trailing space; empty otherwise.
    pub fn warning(&self) -> String {
        match self.quick {
            true => format!("QUICK: short runs and {} seeds, nothing to publish. ", self.seeds),
            false => String::new(),
        }
    }
}
