//! Runs of the store, checked. Every command reads runs here and nowhere else.
//!
//! The store checks bytes: that they are those that were written, and to which run they belong
//! ([`Binding`]). Here the spec must be the one that the run is named after, and the metadata those
//! of a run of that spec.

mod follow;
mod meta;
mod state;

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

pub use follow::{Activity, Followed, Follower};
pub use meta::{Meta, Outcome};
pub use state::{Stored, checkpoint, restore, tensors};

use crate::spec::{Document, MultiplyAdd, NUMERICS_VERSION, RunSpec, SpecError, run_id_of_text};
use crate::store::{
    Binding, Checkpoint, Contents, Damage, Error, META, Record, Row, RunId, SPEC, STATE, Store,
    Tensor,
};

/// A run of the store.
#[derive(Clone, Debug)]
pub struct Run {
    /// Id of the run.
    pub id: RunId,
    /// Spec of the run.
    pub spec: RunSpec,
    /// The spec as it is stored, in TOML.
    pub spec_toml: String,
    /// Progress of the run.
    pub stage: Stage,
    /// Multiply-add of the run, as far as it is known.
    pub multiply_add: Option<MultiplyAdd>,
    /// Observations, in the order in which they were made.
    pub rows: Vec<Row>,
    tensors: Vec<Tensor>,
    binding: Binding,
    folder: PathBuf,
}

/// Progress of a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// The run has ended.
    Ended(Meta),
    /// The run is at work, or stopped and ready to resume.
    Partial {
        /// Number of steps done at the last checkpoint.
        step: u64,
        /// Seconds of work up to there.
        wall_seconds: f64,
    },
}

impl Run {
    /// The run `id`, from its folder or else its latest checkpoint.
    ///
    /// # Errors
    /// If there is neither, or a file is unreadable, damaged, another run's or of another version.
    pub fn load(store: &Store, id: &RunId) -> Result<Run, Error> {
        match store.load(id)? {
            Contents::Finished { record, binding } => Run::ended(store, id, record, binding),
            Contents::Partial(checkpoint) => {
                let path = store.checkpoint_path(id);
                let damage = |reason| Error::Checkpoint(Damage { path, reason });
                Run::partial(store, id, checkpoint).map_err(damage)
            }
        }
    }

    /// The run `id`, which must have ended.
    ///
    /// # Errors
    /// If it has not, as [`Run::load`], or as [`Run::check_numerics`].
    pub fn finished(store: &Store, id: &RunId) -> Result<(Run, Meta), Error> {
        let run = Run::load(store, id)?;
        run.check_numerics()?;
        match run.stage.clone() {
            Stage::Ended(meta) => Ok((run, meta)),
            Stage::Partial { .. } => Err(store.not_finished(id)),
        }
    }

    fn ended(store: &Store, id: &RunId, record: Record, binding: Binding) -> Result<Run, Error> {
        let Record { spec_toml, meta, rows, tensors, .. } = record;
        let folder = store.run_folder(id);
        let of_meta = |reason| Error::Damaged { path: folder.join(META), reason };
        let meta = Meta::read(meta).map_err(of_meta)?;
        let spec = named_spec(id, &spec_toml, &meta, &folder)?;
        meta.check(&spec).map_err(of_meta)?;
        if binding == Binding::Unsealed {
            meta.check_rows(&spec, &rows).map_err(of_meta)?;
        }
        // Other optimizers that only looked on may overflow.
        let own = |tensor: &&Tensor| !tensor.name().starts_with(windtunnel_train::SHADOW);
        if !meta.diverged() && !tensors.iter().filter(own).all(Tensor::is_finite) {
            let reason = "its optimizer overflowed and never moved again: such a run has diverged";
            return Err(Error::OtherVersion { path: folder.join(STATE), reason: reason.into() });
        }
        let multiply_add = meta.made_with();
        let (id, stage) = (id.clone(), Stage::Ended(meta));
        Ok(Run { id, spec, spec_toml, stage, multiply_add, rows, tensors, binding, folder })
    }

    fn partial(store: &Store, id: &RunId, checkpoint: Checkpoint) -> Result<Run, String> {
        let spec = checkpoint_spec(id, &checkpoint)?;
        let Checkpoint { step, wall_seconds, spec_toml, rows, tensors } = checkpoint;
        Ok(Run {
            id: id.clone(),
            spec,
            stage: Stage::Partial { step, wall_seconds },
            multiply_add: named_by(id, numerics(&spec_toml), &spec_toml),
            spec_toml,
            rows,
            tensors,
            binding: Binding::Sealed,
            folder: store.run_folder(id),
        })
    }

    /// Updates made; for a diverged run the step at which it did.
    pub fn step(&self) -> u64 {
        match &self.stage {
            Stage::Ended(meta) => meta.step,
            Stage::Partial { step, .. } => *step,
        }
    }

    /// Whether it ended with non-finite numbers.
    pub fn diverged(&self) -> bool {
        matches!(&self.stage, Stage::Ended(meta) if meta.diverged())
    }

    /// `finished`, `diverged` or `partial`.
    pub fn outcome(&self) -> &'static str {
        match &self.stage {
            Stage::Ended(meta) => meta.outcome.name(),
            Stage::Partial { .. } => "partial",
        }
    }

    /// Metadata of the run.
    pub fn meta(&self) -> Value {
        match &self.stage {
            Stage::Ended(meta) => json!(meta),
            Stage::Partial { step, wall_seconds } => {
                json!({ "outcome": self.outcome(), "step": step, "wall_seconds": wall_seconds })
            }
        }
    }

    /// The last state of the run.
    ///
    /// The state of a run without hashes must have the held-out loss that was recorded at its step.
    ///
    /// # Errors
    /// If it is another run's, or of a version whose numbers cannot be computed again.
    pub fn state(&self) -> Result<Checkpoint, Error> {
        self.check_numerics()?;
        let state = Checkpoint {
            step: self.step(),
            tensors: self.tensors.clone(),
            rows: self.rows.clone(),
            ..Checkpoint::default()
        };
        if let (Stage::Ended(meta), Binding::Unsealed) = (&self.stage, self.binding)
            && !meta.diverged()
        {
            state::check(&self.spec, self.multiply_add, &state)
                .map_err(|reason| Error::Damaged { path: self.folder.join(STATE), reason })?;
        }
        Ok(state)
    }

    /// Fails if the run was made by another version of the arithmetic, or with another multiply-add
    /// than its id says: its numbers can be read, but must not be compared with numbers that are
    /// computed now.
    ///
    /// # Errors
    /// [`Error::OtherVersion`] with the difference.
    pub fn check_numerics(&self) -> Result<(), Error> {
        let Stage::Ended(meta) = &self.stage else { return Ok(()) };
        let Meta { numerics, version, isa, .. } = meta;
        let (named, made) = (meta.named_after(), meta.made_with().unwrap_or(meta.named_after()));
        let current = self.spec.numerics();
        let reason = if *numerics != current {
            format!("version {version} with arithmetic {numerics}, this one has {current}")
        } else if made != named {
            format!(
                "version {version} on {isa} made it with {} multiply-add, but its id is that of a run \
                 with {} multiply-add",
                made.name(),
                named.name()
            )
        } else {
            return Ok(());
        };
        Err(Error::OtherVersion { path: self.folder.join(META), reason })
    }
}

/// The multiply-add of the run `id` of a spec's text under a version of the arithmetic; none if it
/// is not such a run.
fn named_by(id: &RunId, numerics: u32, text: &str) -> Option<MultiplyAdd> {
    MultiplyAdd::ALL.into_iter().find(|&kind| run_id_of_text(numerics, kind, text) == *id)
}

/// Version of the arithmetic that makes the numbers of a stored spec now; that of most if the text is
/// of another version.
fn numerics(text: &str) -> u32 {
    stored_spec(text).map_or(NUMERICS_VERSION, |spec| spec.numerics())
}

/// The spec in the folder of run `id`, which is named after its text and the arithmetic in `meta`.
fn named_spec(id: &RunId, text: &str, meta: &Meta, folder: &Path) -> Result<RunSpec, Error> {
    let (made, multiply_add) = (meta.numerics, meta.named_after());
    let damaged = |name: &str, reason| Err(Error::Damaged { path: folder.join(name), reason });
    match (named_by(id, made, text), named_by(id, numerics(text), text)) {
        (Some(named), _) if named == multiply_add => {}
        (Some(_), _) => {
            let found = multiply_add.name();
            return damaged(META, format!("multiply_add = {found} is not the run's"));
        }
        (None, Some(_)) => {
            return damaged(META, format!("numerics = {made} is not the run's"));
        }
        (None, None) => {
            return damaged(SPEC, format!("it is not the spec that run {id} is named after"));
        }
    }
    let other = |reason| Error::OtherVersion { path: folder.join(SPEC), reason };
    let spec = stored_spec(text).map_err(|error| other(error.to_string()))?;
    match made == spec.numerics() && spec.to_toml() != text {
        true => Err(other("this one writes another text for the same spec".into())),
        false => Ok(spec),
    }
}

/// The spec of a checkpoint of run `id`.
///
/// # Errors
/// If it is not the spec that the run is named after.
pub fn checkpoint_spec(id: &RunId, checkpoint: &Checkpoint) -> Result<RunSpec, String> {
    let Checkpoint { spec_toml, step, .. } = checkpoint;
    let named = |numerics| named_by(id, numerics, spec_toml).is_some();
    let current = numerics(spec_toml);
    if !named(current) {
        return Err(match (0..current).find(|&numerics| named(numerics)) {
            Some(older) => format!("it is of arithmetic {older}, this is {current}"),
            None => "its spec is not the one that the run is named after".into(),
        });
    }
    let spec = stored_spec(spec_toml).map_err(|error| error.to_string())?;
    match spec.train.steps {
        steps if *step > steps => Err(format!("it is at step {step} of {steps}")),
        _ => Ok(spec),
    }
}

/// A spec that was read back from the store.
fn stored_spec(text: &str) -> Result<RunSpec, SpecError> {
    Document::parse("the stored spec", text)?.resolve()
}

/// The keys of `meta.json`.
pub fn object(meta: &Meta) -> Map<String, Value> {
    match json!(meta) {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
