//! The windtunnel side of `scripts/bench`. It speaks the protocol of `bench/peers/protocol.py`: a
//! JSON request per line on standard input, a JSON answer per line on standard output.

mod peak;
mod problem;
mod workload;

use std::collections::HashMap;
use std::error::Error;
use std::io::{self, BufRead, Write};

use serde::Deserialize;
use serde_json::{Value, json};
use windtunnel_math::lanes::Isa;

use problem::Problem;
use workload::{Job, LAWS, Workload};

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
enum Request {
    Info {},
    /// Draws a problem on which all sides must agree, and writes it to a file.
    Problem {
        file: String,
        dim: usize,
        context_len: usize,
        depth: usize,
        batch: usize,
        seed: u64,
    },
    /// Computes loss, gradient and Hessian of the problem in a file.
    Check {
        file: String,
    },
    /// Measures the multiply-adds of one core: two operations each, per second.
    Peak {},
    /// Measures bytes that one core reads from memory, per second.
    Bandwidth {},
    /// Measures seconds per call.
    Time {
        #[serde(flatten)]
        workload: Workload,
        calls: usize,
    },
}

struct Side {
    isa: Isa,
    jobs: HashMap<Workload, Job>,
}

impl Side {
    fn answer(&mut self, line: &str) -> Result<Value, String> {
        let request = serde_json::from_str(line).map_err(|error| error.to_string())?;
        match request {
            Request::Info {} => Ok(json!({
                "name": "windtunnel",
                "version": env!("CARGO_PKG_VERSION"),
                "isa": self.isa.name(),
                "widest": Isa::detect().name(),
                "forms": ["gram"],
                "laws": LAWS,
            })),
            Request::Problem { file, dim, context_len, depth, batch, seed } => {
                Problem::draw(dim, context_len, depth, batch, seed)?.write(&file)?;
                Ok(json!({}))
            }
            Request::Check { file } => {
                let problem = Problem::read(&file)?;
                let twin = json!({ "loss": problem.solve_by_tokens() });
                Ok(json!({ "gram": problem.solve(self.isa)?, "twin": twin }))
            }
            Request::Peak {} => Ok(json!({ "flops": peak::fma_peak(self.isa, 2000) })),
            Request::Bandwidth {} => Ok(json!({ "bytes": peak::read_bandwidth(self.isa) })),
            Request::Time { workload, calls } => {
                if !self.jobs.contains_key(&workload) {
                    let mut job = Job::new(&workload, self.isa)?;
                    job.seconds_per_call(calls);
                    self.jobs.insert(workload.clone(), job);
                }
                let job = self.jobs.get_mut(&workload).ok_or("no such job")?;
                Ok(json!({ "seconds": job.seconds_per_call(calls) }))
            }
        }
    }
}

/// The instruction set named by the only argument, by default the widest.
fn chosen() -> Result<Isa, String> {
    let Some(name) = std::env::args().nth(1) else { return Ok(Isa::detect()) };
    let here = Isa::ALL.into_iter().filter(|isa| isa.available());
    let names: Vec<&str> = here.clone().map(Isa::name).collect();
    here.into_iter()
        .find(|isa| isa.name() == name)
        .ok_or_else(|| format!("no instruction set {name:?} here; there are {}", names.join(", ")))
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut side = Side { isa: chosen()?, jobs: HashMap::new() };
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let answer = side.answer(&line?).unwrap_or_else(|error| json!({ "error": error }));
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}
