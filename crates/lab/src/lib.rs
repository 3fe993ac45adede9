//! The laboratory of windtunnel: many runs at once, and what is measured and drawn of them.
//!
//! ```
//! use std::sync::atomic::AtomicBool;
//!
//! use windtunnel_lab::ending::{LOSS, last};
//! use windtunnel_lab::laboratory::Lab;
//! use windtunnel_lab::local::LocalExecutor;
//! use windtunnel_lab::plan::Plan;
//! use windtunnel_lab::progress::Silent;
//! use windtunnel_lab::training::{Options, Status};
//! use windtunnel_runs::spec::{Document, run_id};
//! use windtunnel_runs::store::Store;
//! use windtunnel_runs::stored::Run;
//!
//! let mut document = Document::empty();
//! document.set("train.steps=50")?;
//! let spec = document.resolve()?;
//! let plan = Plan::of_runs("three seeds", (0..3).map(|seed| spec.with_seed(seed)));
//!
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path();
//! let executor = LocalExecutor::new(Store::open(folder)?, Options::default());
//! let stop = AtomicBool::new(false);
//! let lab = Lab { executor: &executor, progress: &Silent, stop: &stop };
//! // What the store has is not computed again.
//! assert_eq!(lab.execute(&plan)?, vec![Status::Stored; 3]);
//!
//! let run = Run::load(lab.store(), &run_id(&spec))?;
//! let (loss, _) = last(&run, &LOSS);
//! assert!(0.0 < loss && loss < 5.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A [`plan`] lists the results to compute: runs, studies of noise, fits of baselines. An
//! [`executor`] brings them into a store, in one process ([`local`]) or elsewhere, and reports to
//! [`progress`]. A [`search`] for learning rates is a plan that grows. Instruments [`measure`]
//! stored runs again, and their results are drawn ([`measured`], [`chart`]). [`inference`] judges
//! differences between runs. Parameters of another
//! program are evaluated ([`evaluation`]).

pub mod baseline;
mod cached;
pub mod chart;
pub mod comparison;
pub mod cost;
pub mod describe;
pub mod ending;
pub mod evaluation;
pub mod executor;
pub mod inference;
pub mod initial_noise;
pub mod laboratory;
pub mod local;
pub mod measure;
pub mod measured;
pub mod plan;
pub mod progress;
pub mod rows;
pub mod search;
pub mod theory;
pub mod training;
