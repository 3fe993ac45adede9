//! Protocol of a reproduction: full or quick, and the family of its random streams.

/// Seeds of a quick look.
pub const QUICK_SEEDS: u64 = 3;

/// Length and random streams of the runs of a reproduction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protocol {
    /// Whether runs are short.
    pub quick: bool,
    /// Number of seeds, in place of that of every setting.
    pub seeds: Option<u64>,
    /// Family of seeds: runs of different families share no random stream.
    pub family: u64,
}

/// Seeds of a family.
const FAMILY: u64 = 1000;

impl Protocol {
    /// The published protocol: 10,000 steps unless a study says otherwise.
    pub const PUBLISHED: Protocol = Protocol { quick: false, seeds: None, family: 0 };
    /// The protocol of a quick look: at most 1,000 steps, three seeds.
    pub const QUICK: Protocol = Protocol { quick: true, seeds: None, family: 0 };

    /// The same with other random streams throughout.
    #[must_use]
    pub fn of_family(self, family: u64) -> Protocol {
        Protocol { family, ..self }
    }

    /// The seed of a run, from its number within the family.
    pub fn seed(&self, number: u64) -> u64 {
        self.family * FAMILY + number
    }

    /// Seed of the held-out batch that all runs share; `None` for that of the spec.
    pub(super) fn eval_seed(&self) -> Option<u64> {
        (self.family > 0).then(|| self.family * FAMILY)
    }

    /// Sentences about the limits of a quick look; `None` for a full one.
    pub(super) fn limits(&self) -> Option<String> {
        let seeds = self.seeds.unwrap_or(QUICK_SEEDS);
        self.quick.then(|| {
            format!(
                "This is a quick look: {seeds} seeds, and runs of a tenth of the published length or \
                 less. Claims about the end of training are judged before it, and only large effects \
                 are told apart, so that no verdict here has a colour; without --quick the same \
                 command measures what can be published."
            )
        })
    }

    /// Caption prefix for a quick look, with a trailing space; empty otherwise.
    pub fn warning(&self) -> String {
        match self.quick {
            true => {
                let seeds = self.seeds.unwrap_or(QUICK_SEEDS);
                format!("QUICK: short runs and {seeds} seeds, nothing to publish. ")
            }
            false => String::new(),
        }
    }
}
