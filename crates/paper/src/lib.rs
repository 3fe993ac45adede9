//! Reproduction and audit of Ahn et al. (ICLR 2024): lists of runs, pictures and verdicts.
//!
//! ```
//! use windtunnel_lab::inference::Verdict;
//! use windtunnel_paper::Protocol;
//! use windtunnel_paper::evidence::Evidence;
//! use windtunnel_paper::figures::FIGURES;
//!
//! // Figure 2: three settings, two optimizers on each.
//! let study = FIGURES.iter().find(|study| study.name == "fig2").unwrap();
//! assert_eq!((study.settings.len(), study.arms()), (3, vec!["SGDM", "Adam"]));
//!
//! // `gather::gather` computes the runs that a store lacks. Without runs no claim is decided.
//! let evidence = Evidence::new(Protocol::QUICK, Vec::new(), Vec::new());
//! let section = study.assemble(&evidence)?;
//! let undecided = section.findings.iter().map(|finding| finding.verdict());
//! assert!(undecided.eq(study.claims.iter().map(|_| Verdict::NotDistinguishable)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A [`study::Study`] is an entry of a list ([`figures`] of the paper, [`beyond`] it): settings of
//! runs, views of them, and claims about them. A [`setting::Setting`] is data and model, with any
//! number of optimizers that are compared on them, its [`arm::Arm`]s. [`gather`] computes the
//! required results; [`evidence`] holds them; [`section`] turns them into a section of the
//! [`report`], [`audit`] all claims into one table.

pub mod arm;
pub mod audit;
pub mod beyond;
pub mod catalogue;
pub mod claim;
pub mod evidence;
pub mod feature;
pub mod figures;
pub mod finding;
pub mod gather;
pub mod judge;
pub mod noise;
mod paired;
mod palette;
mod protocol;
mod published;
pub mod quantity;
pub mod rates;
pub mod report;
pub mod section;
pub mod setting;
mod settings;
pub mod soundness;
pub mod study;
pub mod terms;
pub mod view;

pub use protocol::Protocol;
