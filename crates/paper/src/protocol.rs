//! The protocol of a reproduction: in full or quick.

/// Length of runs and number of seeds of a reproduction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protocol {
    /// Short runs instead of the settings' own.
    pub quick: bool,
    /// Seeds 0..seeds.
    pub seeds: u64,
}

impl Protocol {
    /// As published: 10,000 steps unless a study says otherwise, 6 seeds.
    pub const PUBLISHED: Protocol = Protocol { quick: false, seeds: 6 };
    /// For a first look: at most 1,000 steps, 3 seeds.
    pub const QUICK: Protocol = Protocol { quick: true, seeds: 3 };

    /// Sentence before everything that a quick look shows, with a space behind; empty otherwise.
    pub fn warning(&self) -> String {
        match self.quick {
            true => format!("QUICK: short runs and {} seeds, nothing to publish. ", self.seeds),
            false => String::new(),
        }
    }
}
