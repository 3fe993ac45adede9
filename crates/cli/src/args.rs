//! The command line.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};

/// A wind tunnel for Transformer optimization.
///
/// Trains small linear Transformers on in-context linear regression, as Ahn et al. (ICLR 2024),
/// keeps every run, and reproduces the paper's figures.
#[derive(Parser, Debug)]
#[command(version, after_help = "Example:\n  windtunnel reproduce fig2")]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

/// Options of every command.
#[derive(ClapArgs, Debug)]
pub struct Global {
    /// Folder of the runs.
    #[arg(long, global = true, value_name = "DIR", default_value = "windtunnel-runs")]
    pub store: PathBuf,
    /// Runs at a time; a single run uses that many threads [default: all cores].
    #[arg(short, long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,
    /// No progress, only results and errors.
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Results as JSON on standard output, for machines.
    #[arg(long, global = true)]
    pub json: bool,
}

/// The commands.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Train one spec, once for each seed.
    #[command(
        after_help = "Example:\n  windtunnel train --set preset=sphere --set optimizer.name=sgd --seeds 0..6"
    )]
    Train(Train),
    /// Reproduce a figure of the paper.
    #[command(after_help = "Example:\n  windtunnel reproduce fig2 --quick --out fig2-quick")]
    Reproduce(Reproduce),
    /// List the runs in the store.
    #[command(after_help = "Example:\n  windtunnel list --store windtunnel-runs")]
    List,
    /// Show one run: spec, how it was made, final numbers.
    #[command(after_help = "Example:\n  windtunnel show 3fa9")]
    Show(Show),
    /// Write the numbers of one run as text.
    #[command(after_help = "Example:\n  windtunnel export 3fa9 --csv > run.csv")]
    Export(Export),
    /// Evaluate given parameters on given prompts, in double precision.
    #[command(after_help = "Example:\n  windtunnel eval --params P.safetensors --prompts Z.npz")]
    Eval(Eval),
    /// Write a commented spec with every default.
    #[command(after_help = "Example:\n  windtunnel init my-spec.toml")]
    Init(Init),
}

/// `train`.
#[derive(ClapArgs, Debug)]
pub struct Train {
    /// Spec file; without one, the paper's Setting 1 with Adam.
    pub spec: Option<PathBuf>,
    /// Change one key, as optimizer.lr=0.05; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Seeds: 3, 0..6 (6 excluded), 0..=5, or 1,4,7 [default: train.seed of the spec].
    #[arg(long, allow_hyphen_values = true)]
    pub seeds: Option<String>,
    #[command(flatten)]
    pub sitting: Sitting,
}

/// `reproduce`.
#[derive(ClapArgs, Debug)]
pub struct Reproduce {
    /// The figure.
    #[arg(value_enum)]
    pub figure: FigureName,
    /// 1,000 steps and 3 seeds in place of 10,000 and 6.
    #[arg(long)]
    pub quick: bool,
    /// Folder of the pictures, tables and page.
    #[arg(long, value_name = "DIR", default_value = "windtunnel-out")]
    pub out: PathBuf,
    #[command(flatten)]
    pub sitting: Sitting,
}

/// Options of commands that compute.
#[derive(ClapArgs, Debug)]
pub struct Sitting {
    /// Seconds between checkpoints of a run.
    #[arg(long, value_name = "S", default_value_t = 2.0, value_parser = seconds, allow_hyphen_values = true)]
    pub checkpoint_seconds: f64,
}

fn seconds(text: &str) -> Result<f64, String> {
    let allowed = || format!("'{text}' is not a number of seconds from 0 to 86400");
    text.parse().ok().filter(|s| (0.0..=86_400.0).contains(s)).ok_or_else(allowed)
}

/// Figures that can be reproduced.
#[derive(clap::ValueEnum, Clone, Copy, Debug)]
pub enum FigureName {
    /// Loss of SGDM and Adam in Settings 1 to 3.
    Fig2,
}

/// `show`.
#[derive(ClapArgs, Debug)]
pub struct Show {
    /// Run, by its id or the start of it.
    pub run: String,
}

/// `export`.
#[derive(ClapArgs, Debug)]
pub struct Export {
    /// Run, by its id or the start of it.
    pub run: String,
    /// Columns run, step, metric, value, separated by commas.
    #[arg(long, required = true)]
    pub csv: bool,
}

/// `eval`.
#[derive(ClapArgs, Debug)]
pub struct Eval {
    /// safetensors file with one tensor `params` [L, 2, d, d]: P then Q, orientation ZᵀQZ.
    #[arg(long, value_name = "FILE")]
    pub params: PathBuf,
    /// npz file with `Z` [B, n+1, d+1] (a token per row, query last, its label 0) and `y` of length B.
    #[arg(long, value_name = "FILE")]
    pub prompts: PathBuf,
}

/// `init`.
#[derive(ClapArgs, Debug)]
pub struct Init {
    /// File to write; never overwritten.
    #[arg(default_value = "spec.toml")]
    pub path: PathBuf,
}
