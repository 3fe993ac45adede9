//! The store of runs, as a black box: nothing is lost, nothing is half there, nothing is wrong.

// Clippy allows unwrap in tests, but not in the functions that they share.
#![allow(clippy::unwrap_used)]

#[path = "store/damage.rs"]
mod damage;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use tempfile::TempDir;
use windtunnel_runs::store::*;

/// A new store in a folder of its own.
fn store() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("store")).unwrap();
    (folder, store)
}

fn id(hash: u64) -> RunId {
    RunId::from(hash)
}

/// Values that careless code changes: signs of zero, payloads of NaN, subnormals.
const AWKWARD: [u64; 12] = [
    0x0000_0000_0000_0000, // 0
    0x8000_0000_0000_0000, // -0
    0x7ff0_0000_0000_0000, // ∞
    0xfff0_0000_0000_0000, // -∞
    0x7ff8_0000_0000_0000, // NaN
    0xfff8_0000_dead_beef, // negative NaN with a payload
    0x7ff0_0000_0000_0001, // signalling NaN
    0x0000_0000_0000_0001, // smallest subnormal
    0x800f_ffff_ffff_ffff, // largest negative subnormal
    0x7fef_ffff_ffff_ffff, // largest finite
    0x3fb9_9999_9999_999a, // 0.1
    0x3ff0_0000_0000_0001, // next after 1
];

fn awkward_rows() -> Vec<Row> {
    let steps = [0, 1, 1, 7, 1_000_000, i64::MAX as u64];
    let row = |(i, &bits): (usize, &u64)| {
        Row::new(steps[i % steps.len()], ["loss", "grad norm²", ""][i % 3], f64::from_bits(bits))
    };
    AWKWARD.iter().enumerate().map(row).collect()
}

/// Sorted by name, as they are read back.
fn awkward_tensors() -> Vec<Tensor> {
    let doubles = AWKWARD.map(f64::from_bits).to_vec();
    let singles = AWKWARD.map(|bits| f32::from_bits((bits >> 32) as u32)).to_vec();
    vec![
        Tensor::new("adam.m", [3, 4], TensorData::F64(doubles)),
        Tensor::new("empty", [0, 5], TensorData::F32(vec![])),
        Tensor::new("layer.0.p", [2, 3, 2], TensorData::F32(singles)),
        Tensor::new("scale", [], TensorData::F64(vec![f64::MIN_POSITIVE])),
    ]
}

fn meta() -> Map<String, Value> {
    let meta = json!({"seconds": 0.1 + 0.2, "host": {"simd": "avx2"}, "diverged_at": null});
    meta.as_object().unwrap().clone()
}

fn record() -> Record {
    Record {
        spec_toml: "name = \"η = 0.1\"\n".into(),
        meta: meta(),
        labels: [("windtunnel.numerics".to_owned(), "3".to_owned())].into(),
        rows: awkward_rows(),
        tensors: awkward_tensors(),
    }
}

fn checkpoint(step: u64) -> Checkpoint {
    Checkpoint {
        step,
        wall_seconds: 0.1 + 0.2,
        spec_toml: "name = \"windtunnel\"\n".into(),
        rows: (0..step).map(|i| Row::new(i, "loss", i as f64)).collect(),
        tensors: vec![Tensor::new("p", [2], TensorData::F32(vec![step as f32; 2]))],
    }
}

type RowBits<'a> = Vec<(u64, &'a str, u64)>;
type TensorBits<'a> = Vec<(&'a str, &'a [usize], Vec<u64>)>;

fn row_bits(rows: &[Row]) -> RowBits<'_> {
    rows.iter().map(|row| (row.step, row.metric.as_str(), row.value.to_bits())).collect()
}

fn tensor_bits(tensors: &[Tensor]) -> TensorBits<'_> {
    let bits = |tensor: &Tensor| match tensor.data() {
        TensorData::F32(x) => x.iter().map(|v| v.to_bits().into()).collect(),
        TensorData::F64(x) => x.iter().map(|v| v.to_bits()).collect(),
    };
    tensors.iter().map(|t| (t.name(), t.shape(), bits(t))).collect()
}

#[track_caller]
fn assert_same_record(a: &Record, b: &Record) {
    assert_eq!(row_bits(&a.rows), row_bits(&b.rows));
    assert_eq!(tensor_bits(&a.tensors), tensor_bits(&b.tensors));
    assert_eq!((&a.spec_toml, &a.meta, &a.labels), (&b.spec_toml, &b.meta, &b.labels));
}

/// Names and bytes of all files of a run.
fn files(store: &Store, id: &RunId) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = store.finished(id).unwrap().unwrap().folder().to_owned();
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = paths.map(|path| (path.clone(), fs::read(&path).unwrap())).collect();
    files.sort();
    files
}

fn partial(store: &Store) -> Vec<String> {
    let entries = fs::read_dir(store.root().join("partial")).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

// Round trips: contents are read back as they were written.

#[test]
fn a_finished_run_comes_back_bit_for_bit() {
    let (_folder, store) = store();
    assert!(store.finished(&id(1)).unwrap().is_none());
    assert_eq!(store.finish(&id(1), &record()).unwrap(), Finish::Published);
    assert_same_record(&store.run(&id(1)).unwrap(), &record());
    let Contents::Finished { binding, .. } = store.load(&id(1)).unwrap() else { panic!("partial") };
    assert_eq!(binding, Binding::Sealed);
}

#[test]
fn a_run_without_rows_and_tensors_comes_back() {
    let (_folder, store) = store();
    store.finish(&id(1), &Record::default()).unwrap();
    assert_same_record(&store.run(&id(1)).unwrap(), &Record::default());
}

#[test]
fn rows_fill_several_row_groups_and_pages() {
    let (_folder, store) = store();
    let row = |i: u64| Row::new(i / 3, format!("metric {}", i % 3), (i as f64).sin());
    let rows: Vec<Row> = (0..(1 << 20) + 5).map(row).collect();
    let record = Record { rows, ..Record::default() };
    store.finish(&id(1), &record).unwrap();
    assert_eq!(row_bits(&store.run(&id(1)).unwrap().rows), row_bits(&record.rows));
}

#[test]
fn a_checkpoint_comes_back_bit_for_bit() {
    let (_folder, store) = store();
    let saved = Checkpoint {
        rows: awkward_rows(),
        tensors: awkward_tensors(),
        ..checkpoint(u64::MAX >> 60)
    };
    assert!(matches!(store.checkpoint(&id(1)).unwrap(), Resume::Fresh));
    store.save_checkpoint(&id(1), &saved).unwrap();
    let loaded = store.checkpoint(&id(1)).unwrap().checkpoint().unwrap();
    assert_eq!(row_bits(&loaded.rows), row_bits(&saved.rows));
    assert_eq!(tensor_bits(&loaded.tensors), tensor_bits(&saved.tensors));
    assert_eq!(
        (loaded.step, loaded.wall_seconds, loaded.spec_toml),
        (saved.step, saved.wall_seconds, saved.spec_toml)
    );
}

#[test]
fn the_same_record_gives_the_same_bytes() {
    let ((_a, a), (_b, b)) = (store(), store());
    a.finish(&id(1), &record()).unwrap();
    b.finish(&id(1), &record()).unwrap();
    let bytes = |store| files(store, &id(1)).into_iter().map(|(_, bytes)| bytes);
    assert!(bytes(&a).eq(bytes(&b)));
}

#[test]
fn what_does_not_fit_is_refused_and_leaves_nothing() {
    let (_folder, store) = store();
    let p = || Tensor::new("p", [1], TensorData::F32(vec![0.0]));
    let keyed = [("windtunnel.checksum".to_owned(), String::new())].into();
    let keyed = Record { labels: keyed, ..Record::default() };
    let twice = Record { tensors: vec![p(), p()], ..Record::default() };
    let late = Record { rows: vec![Row::new(1 << 63, "loss", 0.0)], ..Record::default() };
    let reserved = "windtunnel.crc32:00000000".to_owned();
    let marked = Record { labels: [("key".to_owned(), reserved)].into(), ..Record::default() };
    let bound = [("files".to_owned(), Value::Null)].into_iter().collect();
    let bound = Record { meta: bound, ..Record::default() };
    for (record, reason) in [
        (twice, "`p`"),
        (late, "i64::MAX"),
        (marked, "reserved"),
        (keyed, "reserved"),
        (bound, "`files` is reserved"),
    ] {
        let error = store.finish(&id(1), &record).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
        assert!(store.finished(&id(1)).unwrap().is_none());
        assert_eq!(partial(&store), [""; 0]);
    }
}

// Many processes.

#[test]
fn a_finished_run_is_never_modified() {
    let (_folder, store) = store();
    store.finish(&id(1), &record()).unwrap();
    let before = files(&store, &id(1));
    store.save_checkpoint(&id(1), &checkpoint(3)).unwrap();
    let other = Record { spec_toml: "different".into(), ..Record::default() };
    assert_eq!(store.finish(&id(1), &other).unwrap(), Finish::AlreadyThere);
    store.tidy(Duration::ZERO).unwrap();
    assert_eq!(files(&store, &id(1)), before);
    assert_eq!(partial(&store), [""; 0]);
}

#[test]
fn of_racing_finishers_exactly_one_publishes() {
    let (_folder, store) = store();
    for round in 0..50 {
        let start = Barrier::new(4);
        let finish = || {
            start.wait();
            store.finish(&id(round), &record()).unwrap()
        };
        let outcomes = thread::scope(|scope| {
            [(); 4].map(|()| scope.spawn(finish)).map(|thread| thread.join().unwrap())
        });
        assert_eq!(outcomes.iter().filter(|&&o| o == Finish::Published).count(), 1, "{outcomes:?}");
        assert_same_record(&store.run(&id(round)).unwrap(), &record());
        assert_eq!(partial(&store), [""; 0]);
    }
}

#[test]
fn a_reader_sees_the_old_or_the_new_checkpoint() {
    let (_folder, store) = store();
    store.save_checkpoint(&id(1), &checkpoint(2000)).unwrap();
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for step in [1, 2000].repeat(20) {
                store.save_checkpoint(&id(1), &checkpoint(step)).unwrap();
            }
        });
        while !writer.is_finished() {
            let found = store.checkpoint(&id(1)).unwrap().checkpoint().unwrap();
            assert_eq!(found, checkpoint(found.step));
        }
    });
}

/// Not a test of its own: the work of the processes that the next two tests start.
#[test]
fn child() {
    let Some(root) = std::env::var_os("WINDTUNNEL_TEST_STORE") else { return };
    let store = Store::open(root).unwrap();
    for hash in 0.. {
        for step in 1..4 {
            store.save_checkpoint(&id(hash), &checkpoint(step)).unwrap();
        }
        store.finish(&id(hash), &record()).unwrap();
    }
}

/// A process that works until it is dropped, and then dies as by `kill -9`.
struct Worker(Child);

impl Worker {
    fn start(store: &Store) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "child"]).env("WINDTUNNEL_TEST_STORE", store.root());
        Worker(command.spawn().unwrap())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Kills the workers, none of which may have failed, and checks that the store is whole.
fn kill_and_check(store: &Store, mut workers: Vec<Worker>) {
    let failed = workers.iter_mut().filter_map(|worker| worker.0.try_wait().unwrap()).count();
    assert_eq!(failed, 0);
    drop(workers);
    for id in store.ids().unwrap() {
        match store.load(&id).unwrap() {
            Contents::Finished { record: found, .. } => assert_same_record(&found, &record()),
            Contents::Partial(found) => assert_eq!(found, checkpoint(found.step)),
        }
    }
}

#[test]
fn processes_killed_at_any_moment_leave_a_whole_store() {
    for round in 0..12 {
        let (_folder, store) = store();
        let workers = vec![Worker::start(&store), Worker::start(&store)];
        // Steps that share no period with the work, so that each kill hits another moment of it.
        thread::sleep(Duration::from_micros(20_000 + 9_871 * round));
        kill_and_check(&store, workers);
        // Their temporary files are taken at once.
        store.tidy(Store::TIDY_AGE).unwrap();
        assert!(partial(&store).iter().all(|name| !name.ends_with(".tmp")));
    }
}

#[test]
fn racing_processes_publish_whole_runs() {
    let (_folder, store) = store();
    let workers = (0..3).map(|_| Worker::start(&store)).collect();
    let deadline = Instant::now() + Duration::from_secs(60);
    while store.finished(&id(20)).unwrap().is_none() && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(5));
    }
    kill_and_check(&store, workers);
    assert!(store.finished(&id(20)).unwrap().is_some());
}

// Asking for runs.

#[test]
fn a_run_that_is_not_finished_is_an_error_with_its_id() {
    let (_folder, store) = store();
    store.save_checkpoint(&id(1), &checkpoint(3)).unwrap();
    let error = store.run(&id(1)).unwrap_err();
    assert!(
        matches!(error, Error::NotFinished { .. }) && error.to_string().contains(id(1).as_str())
    );
}

#[test]
fn a_file_in_the_place_of_the_store_is_a_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    fs::write(&path, "").unwrap();
    let error = Store::open(&path).unwrap_err().to_string();
    assert!(error.contains(path.to_str().unwrap()), "{error}");
    assert!(error.contains("choose another place"), "{error}");
}

#[test]
fn a_read_only_store_can_be_read_and_says_so_when_written() {
    let (_folder, store) = store();
    store.finish(&id(1), &record()).unwrap();
    let folders = [store.root().join("runs"), store.root().join("partial")];
    folders.iter().for_each(|folder| set_writable(folder, 0o555));
    // An administrator may write all the same; then there is only the reading to test.
    let denied = File::create(folders[0].join("probe")).is_err();

    let reopened = Store::open(store.root()).unwrap();
    assert_same_record(&reopened.run(&id(1)).unwrap(), &record());
    assert_eq!(reopened.tidy(Store::TIDY_AGE).unwrap(), 0);
    if denied {
        let errors = [
            reopened.finish(&id(2), &record()).unwrap_err(),
            reopened.save_checkpoint(&id(2), &checkpoint(3)).unwrap_err(),
            reopened.lock(&id(2)).unwrap_err(),
        ];
        for error in errors.map(|error| error.to_string()) {
            assert!(error.contains(folders[1].to_str().unwrap()), "{error}");
            assert!(error.contains("get access to it"), "{error}");
        }
    }
    folders.iter().for_each(|folder| set_writable(folder, 0o755));
}

fn set_writable(folder: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(mode)).unwrap();
}
