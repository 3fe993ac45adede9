//! windtunnel: trains the paper's linear Transformers, reproduces its figures, shows the runs.

mod args;
mod commands;
mod error;
mod output;
mod progress;
mod session;
mod tips;

use std::process::ExitCode;

use args::{Args, Command};
use clap::Parser;
use error::Error;

fn main() -> ExitCode {
    let args = Args::try_parse().unwrap_or_else(|error| tips::add(error).exit());
    let result = run(&args);
    if !session::take_last_word() {
        // A signal came first: its handler prints the message and ends the program.
        loop {
            std::thread::park();
        }
    }
    match result {
        Ok(()) | Err(Error::ClosedPipe) => ExitCode::SUCCESS,
        Err(error) => {
            output::say(&format!("error: {error}"));
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(args: &Args) -> Result<(), Error> {
    match &args.command {
        Command::Compare(compare) => commands::compare::run(&args.global, compare),
        Command::Train(train) => commands::train::run(&args.global, train),
        Command::Reproduce(reproduce) => commands::reproduce::run(&args.global, reproduce),
        Command::Measure(measure) => commands::measure::run(&args.global, measure),
        Command::Baselines(baselines) => commands::baselines::run(&args.global, baselines),
        Command::List(list) => commands::list::run(&args.global, list),
        Command::Show(show) => commands::runs::show(&args.global, show),
        Command::Watch(watch) => commands::watch::run(&args.global, watch),
        Command::Export(export) => commands::runs::export(&args.global, export),
        Command::Eval(eval) => commands::eval::run(&args.global, eval),
        Command::Metrics(metrics) => commands::metrics::run(&args.global, metrics),
        Command::Init(init) => commands::init::run(&args.global, init),
    }
}
