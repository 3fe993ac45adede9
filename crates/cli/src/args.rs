//! The command line.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{NaiveDate, NaiveDateTime};
use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Args as ClapArgs, Parser, Subcommand};
use windtunnel_measure::instrument::{Instrument, NoisePlan};
use windtunnel_measure::metric::nearest;
use windtunnel_runs::spec::{Document, PRESETS, RunSpec, SpecError, preset_named};

use crate::tips::FigureName;

/// A wind tunnel for Transformer optimization.
///
/// Trains small linear Transformers on in-context linear regression, as Ahn et al. (ICLR 2024),
/// keeps every run, and reproduces the paper's figures.
#[derive(Parser, Debug)]
#[command(version, after_help = "Example:\n  windtunnel reproduce fig2")]
pub struct Args {
    /// The command to run.
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
    /// Compare two specs over paired seeds: which ends with the lower loss, and how sure that is.
    #[command(
        after_help = "Examples:\n  windtunnel compare setting1 setting1 --set-b optimizer.lr=0.01\n  windtunnel compare mine.toml theirs.toml --seeds 0..40"
    )]
    Compare(Compare),
    /// Reproduce figures of the paper, audit its claims, and go beyond it.
    #[command(
        after_help = "Example:\n  windtunnel reproduce fig2 --quick --out fig2-quick\n  windtunnel reproduce all"
    )]
    Reproduce(Reproduce),
    /// Put instruments on runs of the store: noise, curvature, conditioning, smoothness, tails.
    #[command(
        after_help = "Example:\n  windtunnel measure 2315 --at 0,250,750 --with robust-condition,spectrum,noise"
    )]
    Measure(Measure),
    /// Losses that need no training: least squares, ridge, gradient descent and GD++ in context.
    #[command(after_help = "Example:\n  windtunnel baselines --run 2315")]
    Baselines(Baselines),
    /// List the runs in the store.
    #[command(
        after_help = "Example:\n  windtunnel list --where optimizer.name=sgd --where task.dim=5 --since 7d"
    )]
    List(List),
    /// Show one run: spec, how it was made, final numbers.
    #[command(after_help = "Example:\n  windtunnel show 3fa9")]
    Show(Show),
    /// Print the rows of a run while another process trains it, until it is finished.
    #[command(after_help = "Example:\n  windtunnel watch 3fa9")]
    Watch(Watch),
    /// Write the numbers of one run as text.
    #[command(after_help = "Example:\n  windtunnel export 3fa9 --csv > run.csv")]
    Export(Export),
    /// Evaluate given parameters on given prompts, in double precision.
    #[command(after_help = "Example:\n  windtunnel eval --params P.safetensors --prompts Z.npz")]
    Eval(Eval),
    /// List the metrics: names in rows, unit, scale, meaning and what records them.
    #[command(after_help = "Example:\n  windtunnel metrics sharpness grad_noise.b1000.rms")]
    Metrics(Metrics),
    /// Write a commented spec with every default.
    #[command(after_help = "Example:\n  windtunnel init my-spec.toml")]
    Init(Init),
}

/// A spec, by a file, a preset and changes to them.
#[derive(ClapArgs, Debug)]
pub struct Described {
    /// Spec file, or the name of a preset; without one, the paper's Setting 1 with Adam.
    pub spec: Option<PathBuf>,
    /// Preset, as preset = "NAME" in a spec.
    #[arg(long, value_name = "NAME", value_parser = presets())]
    pub preset: Option<String>,
    /// Change one key, as optimizer.lr=0.05; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

impl Described {
    /// The spec: changes over the preset over the file.
    ///
    /// # Errors
    /// A file that cannot be read, a key or value that no spec has.
    pub fn spec(&self) -> Result<RunSpec, SpecError> {
        let mut document = match &self.spec {
            Some(path) => Document::read(path)?,
            None => Document::empty(),
        };
        self.check_presets()?;
        let preset = self.preset.iter().map(|name| format!("preset={name}"));
        for set in preset.chain(self.set.iter().cloned()) {
            document.set(&set)?;
        }
        document.resolve()
    }

    /// Refuses two different presets, because one would be ignored silently.
    fn check_presets(&self) -> Result<(), SpecError> {
        let named = self.spec.as_deref().and_then(preset_named).map(String::from);
        let set = self.set.iter().filter_map(|set| {
            let (key, value) = set.split_once('=')?;
            (key.trim() == "preset").then(|| value.trim().trim_matches('"').to_string())
        });
        let mut chosen = named.into_iter().chain(self.preset.clone()).chain(set);
        let Some(first) = chosen.next() else { return Ok(()) };
        match chosen.find(|other| *other != first) {
            None => Ok(()),
            Some(other) => Err(SpecError::Value {
                key: "preset".into(),
                value: other,
                allowed: format!("`{first}` is chosen already; name one of them"),
            }),
        }
    }
}

fn presets() -> PossibleValuesParser {
    let names = PRESETS.iter().map(|p| PossibleValue::new(p.name).help(p.title));
    names.collect::<Vec<_>>().into()
}

/// Arguments of `train`.
#[derive(ClapArgs, Debug)]
pub struct Train {
    #[command(flatten)]
    pub described: Described,
    /// Seeds: 3, 0..6 (6 excluded), 0..=5, or 1,4,7 [default: train.seed of the spec].
    #[arg(long, allow_hyphen_values = true)]
    pub seeds: Option<String>,
    #[command(flatten)]
    pub checkpoints: CheckpointOptions,
}

/// Arguments of `baselines`.
#[derive(ClapArgs, Debug)]
pub struct Baselines {
    #[command(flatten)]
    pub described: Described,
    /// Runs to compare, whose own spec counts then; ids or the starts of them.
    #[arg(long, value_name = "RUN", conflicts_with_all = ["spec", "preset", "set"], value_delimiter = ',')]
    pub run: Vec<String>,
    /// Draw the held-out losses of the runs with the baselines into this folder.
    #[arg(long, value_name = "DIR", requires = "run")]
    pub out: Option<PathBuf>,
}

/// Arguments of `reproduce`.
#[derive(ClapArgs, Debug)]
pub struct Reproduce {
    /// Figures, studies beyond the paper, or groups of them.
    #[arg(required = true, value_name = "FIGURE", value_parser = FigureName)]
    pub figures: Vec<String>,
    /// A first look: at most 1,000 steps and 3 seeds in place of 10,000 and 20.
    #[arg(long)]
    pub quick: bool,
    /// Number of seeds, in place of 20 (6 or 10 where runs are slow) or, with --quick, 3.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub seeds: Option<u64>,
    /// Seeds from 1000 K on in place of 0: other initial parameters, prompts and held-out batches.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub family: Option<u64>,
    /// Repeats everything with family K of seeds, and reports how far the two agree.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub replicate: Option<u64>,
    /// Folder of the pictures, tables and page.
    #[arg(long, value_name = "DIR", default_value = "windtunnel-out")]
    pub out: PathBuf,
    #[command(flatten)]
    pub checkpoints: CheckpointOptions,
}

/// Options of commands that compute.
#[derive(ClapArgs, Debug)]
pub struct CheckpointOptions {
    /// Seconds between checkpoints of a run.
    #[arg(long, value_name = "S", default_value_t = 2.0, value_parser = seconds, allow_hyphen_values = true)]
    pub checkpoint_seconds: f64,
}

fn seconds(text: &str) -> Result<f64, String> {
    let allowed = || format!("'{text}' is not a number of seconds from 0 to 86400");
    text.parse().ok().filter(|s| (0.0..=86_400.0).contains(s)).ok_or_else(allowed)
}

/// Arguments of `compare`.
#[derive(ClapArgs, Debug)]
pub struct Compare {
    /// First spec: a file, the name of a preset, or a run of the store.
    pub a: PathBuf,
    /// Spec that it is compared with.
    pub b: PathBuf,
    /// Change one key of both, as train.steps=2000; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Change one key of A; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set_a: Vec<String>,
    /// Change one key of B; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set_b: Vec<String>,
    /// Seeds of the pairs.
    #[arg(long, value_name = "SEEDS", default_value = "0..20")]
    pub seeds: String,
    #[command(flatten)]
    pub checkpoints: CheckpointOptions,
}

/// Arguments of `measure`.
#[derive(ClapArgs, Debug)]
pub struct Measure {
    /// Runs, by their ids or the starts of them.
    #[arg(required = true)]
    pub runs: Vec<String>,
    /// Steps, separated by commas [default: the last one].
    #[arg(long, value_name = "STEPS", value_delimiter = ',')]
    pub at: Vec<u64>,
    #[command(flatten)]
    pub with: With,
    /// Write pictures, tables and a page into this folder.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Sizes of the noise instruments without options: batch, draws, reference, prompts.
const DEFAULTS: (u32, u32, u32, u32) = (1000, 10_000, 100_000, 10_000);

/// Instruments and their sizes.
#[derive(ClapArgs, Debug)]
pub struct With {
    /// Instruments, separated by commas: spectrum, robust-condition, directional-smoothness,
    /// generalized-smoothness, stability, heterogeneity, noise, loss-tails, update-geometry,
    /// estimators; or all.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = instrument)]
    pub with: Vec<Choice>,
    /// Mini-batch sizes of the noise instrument, separated by commas.
    #[arg(long, value_name = "B", value_delimiter = ',', default_values_t = [DEFAULTS.0],
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub batch_sizes: Vec<u32>,
    /// Mini-batch gradients of each size.
    #[arg(long, value_name = "N", default_value_t = DEFAULTS.1,
          value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    pub draws: u32,
    /// Prompts of the large-batch gradient that noise is measured against, 2 or more: their spread
    /// is its error.
    #[arg(long, value_name = "N", default_value_t = DEFAULTS.2,
          value_parser = clap::value_parser!(u32).range(2..=1_000_000_000))]
    pub reference: u32,
    /// Prompts whose losses are looked at one by one.
    #[arg(long, value_name = "N", default_value_t = DEFAULTS.3,
          value_parser = clap::value_parser!(u32).range(10..=1_000_000))]
    pub loss_prompts: u32,
}

/// The value of `--with` for every instrument.
const ALL: &str = "all";

/// The instruments of one name of `--with`; `all` stands for every instrument.
fn instrument(name: &str) -> Result<Choice, String> {
    if name == ALL {
        return Ok(Choice(Instrument::ALL.to_vec()));
    }
    let found = Instrument::ALL.into_iter().find(|i| i.name() == name.replace('-', "_"));
    found.map(|instrument| Choice(vec![instrument])).ok_or_else(|| {
        let names = Instrument::ALL.map(|i| i.name().replace('_', "-"));
        let near = nearest(&name.replace('_', "-"), names.iter().map(String::as_str));
        let near = near.map_or(String::new(), |near| format!("; did you mean '{near}'?"));
        format!("'{name}' is none of {}, {ALL}{near}", names.join(", "))
    })
}

/// Instruments that one name of `--with` selects.
#[derive(Clone, Debug)]
pub struct Choice(Vec<Instrument>);

impl With {
    /// The default instruments and sizes.
    pub fn defaults() -> With {
        With {
            with: Vec::new(),
            batch_sizes: vec![DEFAULTS.0],
            draws: DEFAULTS.1,
            reference: DEFAULTS.2,
            loss_prompts: DEFAULTS.3,
        }
    }

    /// The instruments, each once, in the order in which they measure.
    pub fn instruments(&self) -> Vec<Instrument> {
        let chosen =
            |instrument: &Instrument| self.with.iter().any(|choice| choice.0.contains(instrument));
        Instrument::ALL.into_iter().filter(chosen).collect()
    }

    /// The sizes of the noise instruments.
    pub fn plan(&self) -> NoisePlan {
        NoisePlan {
            batch_sizes: self.batch_sizes.iter().map(|&b| b as usize).collect(),
            draws: self.draws as usize,
            reference: self.reference as usize,
            prompts: self.loss_prompts as usize,
        }
    }
}

/// Arguments of `list`.
#[derive(ClapArgs, Debug)]
pub struct List {
    /// Only runs whose spec has this value, as optimizer.name=sgd; may be repeated.
    #[arg(long = "where", value_name = "KEY=VALUE")]
    pub conditions: Vec<String>,
    /// Only runs that ended since then: 2026-11-20, 2026-11-20T18:30 (UTC), or 90s, 30m, 2h, 7d, 4w ago.
    #[arg(long, value_name = "WHEN", value_parser = since, allow_hyphen_values = true)]
    pub since: Option<u64>,
    /// Every run on a line of its own, those of learning-rate searches too.
    #[arg(long)]
    pub all: bool,
}

/// Seconds from 1970 to a date, or to a time before now.
fn since(text: &str) -> Result<u64, String> {
    let seconds = span(text).map(|span| now().saturating_sub(span)).or_else(|| date(text));
    seconds.ok_or_else(|| {
        format!("'{text}' is neither a date (2026-11-20, 2026-11-20T18:30) nor a span (90s, 30m, 2h, 7d, 4w)")
    })
}

/// Seconds in a span of time such as `2h`.
fn span(text: &str) -> Option<u64> {
    let unit = match text.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        'w' => 7 * 86_400,
        _ => return None,
    };
    text[..text.len() - 1].parse::<u64>().ok()?.checked_mul(unit)
}

/// Seconds from 1970 to a date in UTC, with or without a time.
fn date(text: &str) -> Option<u64> {
    let text = text.strip_suffix('Z').unwrap_or(text).replacen('T', " ", 1);
    let day = NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok().map(NaiveDateTime::from);
    let formats = ["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"];
    let time = formats.iter().find_map(|f| NaiveDateTime::parse_from_str(&text, f).ok());
    u64::try_from(day.or(time)?.and_utc().timestamp()).ok()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Arguments of `show`.
#[derive(ClapArgs, Debug)]
pub struct Show {
    /// Run, by its id or the start of it.
    pub run: String,
}

/// Arguments of `watch`.
#[derive(ClapArgs, Debug)]
pub struct Watch {
    /// Run, by its id or the start of it; a whole id may be of a run that has not begun.
    pub run: String,
}

/// Arguments of `export`.
#[derive(ClapArgs, Debug)]
pub struct Export {
    /// Run, by its id or the start of it.
    pub run: String,
    /// Columns run, step, metric, value, separated by commas.
    #[arg(long, required = true)]
    pub csv: bool,
}

/// Arguments of `windtunnel metrics`.
#[derive(ClapArgs, Debug)]
pub struct Metrics {
    /// Metrics [default: all].
    #[arg(value_name = "METRIC")]
    pub names: Vec<String>,
}

/// Arguments of `eval`.
#[derive(ClapArgs, Debug)]
pub struct Eval {
    #[command(flatten)]
    pub with: With,
    /// Spec, or preset, whose `model` section the parameters belong to; without one, the sparse linear
    /// model.
    #[arg(long, value_name = "SPEC")]
    pub spec: Option<PathBuf>,
    /// safetensors file with `params` [L, 2, d, d], P then Q, orientation ZᵀQZ; [L, H, 2, ·, ·] with
    /// heads, d+1 rows if full, and the encoder's `mlp.0.weight` … as PyTorch names them.
    #[arg(long, value_name = "FILE")]
    pub params: PathBuf,
    /// npz file with `Z` [B, n+1, d+1] (a token per row, query last, its label 0) and `y` of length B:
    /// real numbers of any type and order, as many as take at most 2 GiB of memory.
    #[arg(long, value_name = "FILE")]
    pub prompts: PathBuf,
    /// safetensors file to write the gradient to, under the names and shapes of the parameters; none
    /// of the files above.
    #[arg(long, value_name = "FILE")]
    pub grad: Option<PathBuf>,
}

/// Arguments of `init`.
#[derive(ClapArgs, Debug)]
pub struct Init {
    /// File to write; never overwritten.
    #[arg(default_value = "spec.toml")]
    pub path: PathBuf,
}
