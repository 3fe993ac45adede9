//! Files of the store with flipped, lost or foreign bytes: an error, or the written data.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use tempfile::TempDir;
use windtunnel_lab::executor::Executor;
use windtunnel_lab::local::LocalExecutor;
use windtunnel_lab::plan::Plan;
use windtunnel_lab::progress::Silent;
use windtunnel_lab::training::{Options, Status};
use windtunnel_runs::spec::{Document, RunSpec, run_id};
use windtunnel_runs::store::{Checkpoint, Error, Record, Resume, RunId, Store};
use windtunnel_runs::stored::Run;

use super::dice::Dice;

const DAMAGES: usize = 150;

fn spec(seed: u64) -> RunSpec {
    let mut document = Document::empty();
    let sets = ["train.steps=3", "train.batch_size=32", "eval.batch_size=16", "eval.every=1"];
    for set in sets.map(String::from).into_iter().chain([format!("train.seed={seed}")]) {
        document.set(&set).unwrap();
    }
    document.resolve().unwrap()
}

/// A store with two runs that differ in the seed.
fn store() -> (TempDir, Store, [RunId; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("store")).unwrap();
    let specs = [spec(0), spec(1)];
    let local = LocalExecutor::new(store.clone(), Options { jobs: 1, ..Options::default() });
    let plan = Plan::of_runs("runs", specs.clone());
    let statuses = local.execute(&plan, &Silent, &AtomicBool::new(false)).unwrap();
    assert_eq!(statuses, [Status::Stored, Status::Stored]);
    (folder, store, [run_id(&specs[0]), run_id(&specs[1])])
}

fn files(store: &Store, id: &RunId) -> Vec<PathBuf> {
    let folder = store.finished(id).unwrap().unwrap().folder().to_owned();
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    files
}

/// All of a run as text, in which NaN equals NaN.
fn read(store: &Store, id: &RunId) -> Result<String, Error> {
    let run = Run::load(store, id)?;
    Ok(format!("{run:?} {:?}", run.state()?))
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().into()
}

#[test]
fn a_damaged_file_of_a_run_is_refused_or_read_as_it_was() {
    let (_folder, store, [id, other]) = store();
    let whole = read(&store, &id).unwrap();
    let mut dice = Dice::new(4);
    for (path, foreign) in files(&store, &id).iter().zip(files(&store, &other)) {
        let (bytes, foreign) = (fs::read(path).unwrap(), fs::read(foreign).unwrap());
        let mut refused = 0;
        for case in 0..DAMAGES {
            let damaged = match case {
                0 => Vec::new(),
                1 => foreign.clone(),
                _ => dice.damaged(&bytes, &foreign),
            };
            fs::write(path, &damaged).unwrap();
            match read(&store, &id) {
                Ok(same) if same == whole => {}
                Ok(_) => panic!("{}: {case}: other contents, and no error", name(path)),
                Err(error) => {
                    assert!(error.to_string().contains(&name(path)), "{error}");
                    refused += 1;
                }
            }
        }
        // A replacement by the same bytes, for instance, is no damage.
        assert!(refused > DAMAGES / 2, "{}: {refused} refused", name(path));
        fs::write(path, bytes).unwrap();
        assert_eq!(read(&store, &id).unwrap(), whole);
    }
}

#[test]
fn a_damaged_checkpoint_is_refused_or_read_as_it_was() {
    let (_folder, store, [id, other]) = store();
    let (fresh, mut dice) = (run_id(&spec(2)), Dice::new(5));
    let saved = |of: &RunId, to: &RunId| {
        let Record { spec_toml, rows, tensors, .. } = store.run(of).unwrap();
        let checkpoint = Checkpoint { step: 3, wall_seconds: 0.5, spec_toml, rows, tensors };
        store.save_checkpoint(to, &checkpoint).unwrap();
        let path = store.root().join("partial").join(format!("{to}.ckpt"));
        (path.clone(), fs::read(path).unwrap())
    };
    let (_, foreign) = saved(&other, &run_id(&spec(3)));
    let (path, bytes) = saved(&id, &fresh);
    let Resume::From(whole) = store.checkpoint(&fresh).unwrap() else { panic!("not read") };
    let mut refused = 0;
    for case in 0..4 * DAMAGES {
        let damaged = match case {
            0 => Vec::new(),
            1 => foreign.clone(),
            _ => dice.damaged(&bytes, &foreign),
        };
        fs::write(&path, damaged).unwrap();
        match store.checkpoint(&fresh) {
            Ok(Resume::From(read)) => assert_eq!(format!("{read:?}"), format!("{whole:?}")),
            Ok(Resume::Fresh) => panic!("case {case}: a file that is there is not seen"),
            Ok(Resume::Damaged(_)) | Err(_) => refused += 1,
        }
    }
    assert!(refused > 2 * DAMAGES, "{refused}");
}
