//! Rows of a run at work, as another process follows them: in order, never misread, to the end.

// Clippy allows unwrap in tests, but not in the functions that they share.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use windtunnel_runs::spec::{Document, NUMERICS_VERSION, RunSpec, run_id};
use windtunnel_runs::store::*;
use windtunnel_runs::stored::{Activity, Followed, Follower};

const STEPS: u64 = 40;

fn spec() -> RunSpec {
    let mut document = Document::empty();
    document.set(&format!("train.steps={STEPS}")).unwrap();
    document.resolve().unwrap()
}

/// Values that careless code changes, under names that a line must not break at.
fn rows() -> Vec<Row> {
    let awkward =
        [0.5, -0.0, f64::INFINITY, 5e-324, f64::MAX, f64::from_bits(0xfff8_dead_beef_0001)];
    let metrics = ["loss", "grad \"norm\"²", "two\nlines", "", "\u{2028}\\"];
    let row = |i: u64| {
        Row::new(i.div_ceil(2), metrics[i as usize % 5], awkward[i as usize % 6] * (1 + i) as f64)
    };
    (0..=2 * STEPS).map(row).collect()
}

fn record() -> Record {
    let meta = json!({
        "outcome": "finished", "step": STEPS, "version": "", "numerics": NUMERICS_VERSION,
        "git_revision": "", "cpu": "", "isa": "", "threads": 1, "wall_seconds": 0.5,
        "finished_at": 0,
    });
    let meta = meta.as_object().unwrap().clone();
    Record { spec_toml: spec().to_toml(), meta, rows: rows(), ..Record::default() }
}

/// A store and the id of a run that is to be followed in it.
struct Place {
    _folder: TempDir,
    store: Store,
    id: RunId,
}

impl Place {
    fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        Place { _folder: folder, store, id: run_id(&spec()) }
    }

    fn lock(&self) -> Guard {
        match self.store.lock(&self.id).unwrap() {
            Lock::Free(guard) => guard,
            Lock::Busy => panic!("busy"),
        }
    }

    /// The file with these rows, written by one session that ends.
    fn write(&self, rows: &[Row]) {
        self.store.live_rows(&self.id, &self.lock(), rows).unwrap().unwrap();
    }

    fn follower(&self) -> Follower {
        Follower::new(&Store::at(self.store.root()), &self.id)
    }

    fn file(&self) -> PathBuf {
        self.store.root().join("partial").join(format!("{}.rows", self.id))
    }
}

type Bits = Vec<(u64, String, u64)>;

fn bits(rows: &[Row]) -> Bits {
    rows.iter().map(|row| (row.step, row.metric.clone(), row.value.to_bits())).collect()
}

#[track_caller]
fn assert_followed(found: Followed, rows: &[Row], restarted: bool, activity: Activity) {
    assert_eq!(bits(&found.rows), bits(rows));
    assert_eq!((found.restarted, found.activity), (restarted, activity));
}

// A run from before its beginning to its end.

#[test]
fn rows_are_seen_as_they_are_shown_and_the_rest_at_the_end() {
    let (place, rows) = (Place::new(), rows());
    let mut follower = place.follower();
    assert_followed(follower.poll().unwrap(), &[], false, Activity::Stopped);
    let guard = place.lock();
    assert_followed(follower.poll().unwrap(), &[], false, Activity::Running);
    let mut live = place.store.live_rows(&place.id, &guard, &[]).unwrap().unwrap();
    rows[..30].iter().for_each(|row| live.push(row));
    assert_followed(follower.poll().unwrap(), &[], false, Activity::Running);
    live.flush().unwrap();
    assert_followed(follower.poll().unwrap(), &rows[..30], false, Activity::Running);
    assert_followed(follower.poll().unwrap(), &[], false, Activity::Running);
    rows[30..40].iter().for_each(|row| live.push(row));
    live.flush().unwrap();
    drop(guard);
    assert_followed(follower.poll().unwrap(), &rows[30..40], false, Activity::Stopped);
    place.store.finish(&place.id, &record()).unwrap();
    assert!(!place.file().exists());
    assert_followed(follower.poll().unwrap(), &rows[40..], false, Activity::Finished);
    assert_followed(follower.poll().unwrap(), &[], false, Activity::Finished);
    assert_followed(place.follower().poll().unwrap(), &rows, false, Activity::Finished);
}

/// Killed after it was ahead of its checkpoint, torn, behind it, or at a file of something else.
#[test]
fn a_run_that_resumes_makes_no_row_appear_twice_or_anew() {
    let (place, rows) = (Place::new(), rows());
    for (seen, saved) in [(40, 25), (25, 25), (25, 40), (0, 25), (81, 0)] {
        fs::write(place.file(), "").unwrap();
        let mut follower = place.follower();
        place.write(&rows[..seen]);
        let whole = fs::read(place.file()).unwrap();
        fs::write(place.file(), [&whole[..], b"0123abcd 17 3ff"].concat()).unwrap();
        assert_followed(follower.poll().unwrap(), &rows[..seen], false, Activity::Stopped);
        let guard = place.lock();
        let mut live = place.store.live_rows(&place.id, &guard, &rows[..saved]).unwrap().unwrap();
        let next = if seen < saved { &rows[seen..saved] } else { &[] };
        assert_followed(follower.poll().unwrap(), next, false, Activity::Running);
        rows[saved..].iter().for_each(|row| live.push(row));
        live.flush().unwrap();
        let rest = &rows[seen.max(saved)..];
        assert_followed(follower.poll().unwrap(), rest, false, Activity::Running);
    }
    place.write(&rows);
    let text = fs::read(place.file()).unwrap();
    for other in [&b"\0\0\0\0"[..], b"windtunnel rows 2 of the future\n\n", &text[..100]] {
        fs::write(place.file(), other).unwrap();
        place.write(&rows);
        assert_eq!(fs::read(place.file()).unwrap(), text);
    }
}

#[test]
fn a_follower_on_another_thread_ends_with_exactly_the_stored_rows() {
    let place = Place::new();
    let rows = rows();
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut follower, mut seen) = (place.follower(), Vec::new());
            loop {
                let found = follower.poll().unwrap();
                assert!(!found.restarted);
                seen.extend(found.rows);
                assert_eq!(bits(&seen), bits(&rows[..seen.len()]));
                if found.activity == Activity::Finished {
                    return seen;
                }
            }
        });
        // Four sessions, each of which resumes ten rows before the end of the one before.
        for session in 0..4 {
            let (from, to) = (18 * session - 10 * usize::from(session > 0), 18 * (session + 1));
            // The follower looks at the lock, so that it may seem taken.
            let guard = loop {
                if let Lock::Free(guard) = place.store.lock(&place.id).unwrap() {
                    break guard;
                }
            };
            let live = place.store.live_rows(&place.id, &guard, &rows[..from]);
            let mut live = live.unwrap().unwrap();
            for row in &rows[from..to] {
                live.push(row);
                live.flush().unwrap();
                thread::sleep(Duration::from_micros(300));
            }
        }
        place.store.finish(&place.id, &record()).unwrap();
        assert_eq!(bits(&reader.join().unwrap()), bits(&rows));
    });
}

#[test]
fn the_text_is_that_of_the_documentation() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let id: RunId = "0123456789abcdef".parse().unwrap();
    let Lock::Free(guard) = store.lock(&id).unwrap() else { panic!("busy") };
    store.live_rows(&id, &guard, &[Row::new(50, "held_out_loss", 0.5)]).unwrap().unwrap();
    let text = fs::read_to_string(store.root().join("partial").join(format!("{id}.rows")));
    let documented = include_str!("../src/store/live.rs").split("```").nth(1).unwrap();
    let lines: String = text.unwrap().lines().map(|line| format!("//! {line}\n")).collect();
    assert!(lines.lines().count() == 2 && documented.contains(&lines), "{lines}");
}

// Torn, damaged, replaced.

/// Every cut leaves the rows whose lines are whole, and the rest comes when it is there.
#[test]
fn a_file_cut_at_any_byte_gives_its_whole_rows() {
    let (place, rows) = (Place::new(), &rows()[..6]);
    place.write(rows);
    let text = fs::read(place.file()).unwrap();
    for len in 0..=text.len() {
        let whole = text[..len].iter().filter(|&&byte| byte == b'\n').count().saturating_sub(1);
        // As a writer that was cut off leaves it, and as one whose machine was.
        let zeros = vec![0; text.len() - len];
        for tail in [&[][..], &zeros, b"torn\n"] {
            fs::write(place.file(), [&text[..len], tail].concat()).unwrap();
            let mut follower = place.follower();
            let found = follower.poll().unwrap();
            assert_followed(found, &rows[..whole], false, Activity::Stopped);
            assert_followed(follower.poll().unwrap(), &[], false, Activity::Stopped);
            fs::write(place.file(), &text).unwrap();
            assert_followed(follower.poll().unwrap(), &rows[whole..], false, Activity::Stopped);
        }
    }
}

#[test]
fn no_row_is_read_from_a_damaged_byte_on() {
    let (place, rows) = (Place::new(), &rows()[..4]);
    place.write(rows);
    let text = fs::read(place.file()).unwrap();
    for at in 0..text.len() {
        let before = text[..at].iter().filter(|&&byte| byte == b'\n').count().saturating_sub(1);
        for mask in [1, 32, 255] {
            let mut damaged = text.clone();
            damaged[at] ^= mask;
            fs::write(place.file(), &damaged).unwrap();
            let found = place.follower().poll().unwrap();
            assert_followed(found, &rows[..before], false, Activity::Stopped);
        }
    }
    fs::write(place.file(), [&text[..100], &text[..]].concat()).unwrap();
    assert!(place.follower().poll().unwrap().rows.len() < 3);
}

/// By other rows of the same run: no version of this program does so, but what was read then no
/// longer counts, and a follower reports it.
#[test]
fn a_file_that_was_replaced_is_a_restart() {
    let (place, rows) = (Place::new(), rows());
    let others: Vec<Row> = rows.iter().map(|row| Row::new(row.step + 1, "other", 1.0)).collect();
    let mut follower = place.follower();
    place.write(&rows[..20]);
    assert_followed(follower.poll().unwrap(), &rows[..20], false, Activity::Stopped);
    place.write(&others[..5]);
    assert_followed(follower.poll().unwrap(), &[], false, Activity::Stopped);
    place.write(&others);
    assert_followed(follower.poll().unwrap(), &others, true, Activity::Stopped);
    fs::remove_file(place.file()).unwrap();
    assert_followed(follower.poll().unwrap(), &[], false, Activity::Stopped);
    place.store.finish(&place.id, &record()).unwrap();
    assert_followed(follower.poll().unwrap(), &rows, true, Activity::Finished);

    // More rows than the run has in the end, and a finished run that is deleted and made again.
    let place = Place::new();
    let mut follower = place.follower();
    place.write(&[&rows[..], &others[..]].concat());
    assert_eq!(follower.poll().unwrap().rows.len(), rows.len() + others.len());
    place.store.finish(&place.id, &record()).unwrap();
    assert_followed(follower.poll().unwrap(), &rows, true, Activity::Finished);
    fs::remove_dir_all(place.store.run_folder(&place.id)).unwrap();
    place.write(&rows[..3]);
    assert_followed(follower.poll().unwrap(), &[], false, Activity::Stopped);
    place.store.finish(&place.id, &record()).unwrap();
    assert_followed(follower.poll().unwrap(), &[], false, Activity::Finished);
}

#[test]
fn rows_of_another_run_are_not_taken() {
    let place = Place::new();
    let other = RunId::from(1);
    let Lock::Free(guard) = place.store.lock(&other).unwrap() else { panic!("busy") };
    place.store.live_rows(&other, &guard, &rows()).unwrap().unwrap();
    fs::copy(place.file().with_file_name(format!("{other}.rows")), place.file()).unwrap();
    assert_followed(place.follower().poll().unwrap(), &[], false, Activity::Stopped);
    // Not even behind the right first line.
    let copied = fs::read_to_string(place.file()).unwrap();
    let renamed = copied.replace(other.as_str(), place.id.as_str());
    fs::write(place.file(), renamed).unwrap();
    assert_followed(place.follower().poll().unwrap(), &[], false, Activity::Stopped);
}

#[test]
fn more_rows_than_fit_a_read_are_read_at_once() {
    let place = Place::new();
    let rows: Vec<Row> = (0..50_000).map(|i| Row::new(i, "held_out_loss", i as f64)).collect();
    place.write(&rows);
    assert!(fs::metadata(place.file()).unwrap().len() > 2 << 20);
    assert_followed(place.follower().poll().unwrap(), &rows, false, Activity::Stopped);
}

// Beside the rest of the store.

#[test]
fn live_rows_are_no_run_and_no_checkpoint() {
    let place = Place::new();
    place.write(&rows());
    assert!(place.store.ids().unwrap().is_empty());
    assert!(place.store.finished(&place.id).unwrap().is_none());
    assert!(matches!(place.store.checkpoint(&place.id).unwrap(), Resume::Fresh));
    assert!(matches!(place.store.load(&place.id), Err(Error::NotFinished { .. })));
    // But who asks for it by its first digits finds it.
    assert_eq!(place.store.resolve(&place.id.as_str()[..6]).unwrap(), place.id);
}

/// Something in the way fails the live rows and nothing else.
#[test]
fn a_run_is_stored_without_live_rows() {
    let place = Place::new();
    fs::create_dir(place.file()).unwrap();
    let error = place.store.live_rows(&place.id, &place.lock(), &rows()).unwrap_err().to_string();
    assert!(error.contains(&format!("{}.rows", place.id)), "{error}");
    place.store.save_checkpoint(&place.id, &Checkpoint::default()).unwrap();
    assert_eq!(place.store.finish(&place.id, &record()).unwrap(), Finish::Published);
    assert_followed(place.follower().poll().unwrap(), &rows(), false, Activity::Finished);
}

#[test]
fn tidying_removes_live_rows_that_nobody_will_go_on_with() {
    let (place, age) = (Place::new(), Duration::from_hours(1));
    place.write(&rows());
    // Of a run without a checkpoint: when it is old and nobody is at work.
    assert_eq!(place.store.tidy(age).unwrap(), 0);
    let guard = place.lock();
    assert_eq!(place.store.tidy(Duration::ZERO).unwrap(), 0);
    drop(guard);
    assert_eq!(place.store.tidy(Duration::ZERO).unwrap(), 1);
    assert!(!place.file().exists());
    // Of a run that can be resumed: never.
    place.write(&rows());
    place.store.save_checkpoint(&place.id, &Checkpoint::default()).unwrap();
    assert_eq!(place.store.tidy(Duration::ZERO).unwrap(), 0);
    // Of a finished run: at once.
    place.store.finish(&place.id, &record()).unwrap();
    fs::write(place.file(), "left by a process that was slower").unwrap();
    assert_eq!(place.store.tidy(age).unwrap(), 1);
    assert_eq!(fs::read_dir(place.file().parent().unwrap()).unwrap().count(), 0);
}
