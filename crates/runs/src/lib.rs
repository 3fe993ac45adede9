//! Runs of windtunnel: what determines one, and where it is kept.
//!
//! A spec is a TOML document, in which every key has a default and a range. It resolves to a
//! [`spec::RunSpec`], whose hash is the id of the run in a store:
//!
//! ```
//! use windtunnel_runs::spec::{Document, run_id};
//! use windtunnel_runs::store::Store;
//!
//! let mut document = Document::parse("my.toml", "preset = \"sphere\"\n[train]\nsteps = 500\n")?;
//! document.set("optimizer.name=sgd")?;
//! let spec = document.resolve()?;
//! assert_eq!((spec.train.steps, spec.optimizer.name()), (500, "sgd"));
//!
//! // A seed makes another run; a default that is written out makes none.
//! document.set("task.context_len=20")?;
//! assert_eq!(run_id(&document.resolve()?), run_id(&spec));
//! assert_ne!(run_id(&spec.with_seed(1)), run_id(&spec));
//!
//! document.set("optimizer.lr=-1")?;
//! let error = document.resolve().unwrap_err().to_string();
//! assert_eq!(error, "optimizer.lr = -1 is not allowed: expected a finite number > 0");
//!
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path();
//! let store = Store::open(folder)?;
//! assert!(store.finished(&run_id(&spec))?.is_none());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `windtunnel-lab` computes runs. [`spec`] has the keys and their checks, [`store`] the folder of the
//! runs, [`stored`] the checked reading of one, [`exchange`] data from outside.

pub mod exchange;
pub mod spec;
pub mod store;
pub mod stored;
