//! Damage is noticed, named, and stays where it is.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};
use windtunnel_runs::store::*;

use super::{assert_same_record, checkpoint, files, id, record, store};

#[test]
fn a_checkpoint_cut_at_any_byte_is_absent_with_a_warning() {
    let (_folder, store) = store();
    store.save_checkpoint(&id(1), &checkpoint(3)).unwrap();
    let path = store.root().join("partial").join(format!("{}.ckpt", id(1)));
    let bytes = fs::read(&path).unwrap();
    for len in 0..bytes.len() {
        fs::write(&path, &bytes[..len]).unwrap();
        assert_damaged(&store, &path, &format!("cut at {len}"));
    }
    fs::write(&path, [&bytes[..], b"\0"].concat()).unwrap();
    assert_damaged(&store, &path, "one byte too many");
    fs::write(&path, &bytes).unwrap();
    assert!(matches!(store.checkpoint(&id(1)).unwrap(), Resume::From(_)));
}

#[test]
fn a_checkpoint_with_any_bit_flipped_is_absent_with_a_warning() {
    let (_folder, store) = store();
    store.save_checkpoint(&id(1), &checkpoint(3)).unwrap();
    let path = store.root().join("partial").join(format!("{}.ckpt", id(1)));
    let mut bytes = fs::read(&path).unwrap();
    for byte in 0..bytes.len() {
        for mask in [1, 2, 4, 8, 16, 32, 64, 128, 255] {
            bytes[byte] ^= mask;
            fs::write(&path, &bytes).unwrap();
            assert_damaged(&store, &path, &format!("byte {byte} flipped by {mask}"));
            bytes[byte] ^= mask;
        }
    }
}

#[track_caller]
fn assert_damaged(store: &Store, path: &Path, what: &str) {
    match store.checkpoint(&id(1)).unwrap() {
        Resume::Damaged(damage) => {
            assert_eq!(damage.path, path, "{what}");
            assert!(damage.to_string().contains("starts again"), "{what}: {damage}");
        }
        other => panic!("{what}: {other:?}"),
    }
}

#[test]
fn a_checkpoint_of_another_run_is_not_taken() {
    let (_folder, store) = store();
    store.save_checkpoint(&id(2), &checkpoint(3)).unwrap();
    let path = |id| store.root().join("partial").join(format!("{id}.ckpt"));
    fs::copy(path(id(2)), path(id(1))).unwrap();
    assert_damaged(&store, &path(id(1)), "copied");
}

#[test]
fn a_damaged_checkpoint_is_replaced_by_the_next() {
    let (_folder, store) = store();
    let path = store.root().join("partial").join(format!("{}.ckpt", id(1)));
    fs::write(&path, "torn").unwrap();
    assert_damaged(&store, &path, "torn");
    store.save_checkpoint(&id(1), &checkpoint(3)).unwrap();
    assert_eq!(store.checkpoint(&id(1)).unwrap().checkpoint().unwrap().step, 3);
}

#[test]
fn a_finished_run_with_any_byte_flipped_names_the_file() {
    let (_folder, store) = store();
    store.finish(&id(1), &record()).unwrap();
    let files = files(&store, &id(1));
    assert_eq!(files.len(), 4);
    for (path, bytes) in files {
        for byte in 0..bytes.len() {
            for mask in [1, 255] {
                let mut damaged = bytes.clone();
                damaged[byte] ^= mask;
                fs::write(&path, damaged).unwrap();
                assert_refused(&store, &path, &format!("byte {byte} flipped by {mask}"));
            }
        }
        for len in 0..bytes.len() {
            fs::write(&path, &bytes[..len]).unwrap();
            assert_refused(&store, &path, &format!("cut at {len}"));
        }
        fs::remove_file(&path).unwrap();
        assert_refused(&store, &path, "deleted");
        fs::write(&path, bytes).unwrap();
    }
    assert_same_record(&store.run(&id(1)).unwrap(), &record());
}

#[track_caller]
fn assert_refused(store: &Store, path: &Path, what: &str) {
    let error = store.run(&id(1)).unwrap_err();
    assert!(matches!(&error, Error::Damaged { path: p, .. } if p == path), "{what}: {error}");
    assert!(error.to_string().contains("delete the folder around it"), "{what}: {error}");
}

/// Files of another run with the same tensors, and of the same run with other tensors.
#[test]
fn a_file_of_another_run_is_not_taken() {
    let ((_folder, store), (_other, elsewhere)) = (self::store(), self::store());
    store.finish(&id(1), &record()).unwrap();
    let other = Record {
        spec_toml: "other".into(),
        rows: vec![Row::new(1, "loss", 1.0)],
        tensors: vec![Tensor::new("p", [1], TensorData::F32(vec![1.0]))],
        meta: Map::new(),
        ..Record::default()
    };
    for (hash, from) in [(2, &record()), (1, &other)] {
        elsewhere.finish(&id(hash), from).unwrap();
        for (path, bytes) in files(&store, &id(1)) {
            let name = path.file_name().unwrap();
            fs::copy(elsewhere.run_folder(&id(hash)).join(name), &path).unwrap();
            // Files with the same text are the same; a meta.json of the same run has other hashes.
            if fs::read(&path).unwrap() != bytes {
                let named =
                    if hash == 1 && name == META { &path.with_file_name(SPEC) } else { &path };
                assert_refused(&store, named, &format!("{name:?} of {hash}"));
            } else {
                assert_eq!(name, SPEC);
            }
            fs::write(&path, bytes).unwrap();
        }
    }
    assert_same_record(&store.run(&id(1)).unwrap(), &record());
}

/// Files written before they named their run: readable, but not together with one that does.
#[test]
fn an_older_run_is_read_and_a_newer_one_cannot_pass_for_it() {
    let (_folder, store) = store();
    store.finish(&id(1), &record()).unwrap();
    let meta = store.run_folder(&id(1)).join(META);
    let text = fs::read(&meta).unwrap();
    fs::write(&meta, json!(record().meta).to_string()).unwrap();
    assert_refused(&store, &meta, "without its checksum");
    for key in ["run", "files", "windtunnel.checksum"] {
        let mut map: Map<String, Value> = serde_json::from_slice(&text).unwrap();
        map.remove(key).unwrap();
        fs::write(&meta, json!(map).to_string()).unwrap();
        assert_refused(&store, &meta, key);
    }
}

#[test]
fn the_folder_of_another_run_is_not_taken() {
    let (_folder, store) = store();
    store.finish(&id(1), &record()).unwrap();
    let runs = store.root().join("runs");
    fs::rename(runs.join(id(1).as_str()), runs.join(id(2).as_str())).unwrap();
    let error = store.run(&id(2)).unwrap_err().to_string();
    assert!(error.contains("meta.json") && error.contains(id(1).as_str()), "{error}");
}

#[test]
fn broken_runs_are_listed_and_hide_no_others() {
    let (_folder, store) = store();
    let runs = store.root().join("runs");
    for hash in 1..=5 {
        store.finish(&id(hash), &record()).unwrap();
    }
    fs::remove_file(runs.join(id(1).as_str()).join("state.safetensors")).unwrap();
    fs::write(runs.join(id(2).as_str()).join("meta.json"), "{").unwrap();
    fs::write(runs.join(id(3).as_str()).join("spec.toml"), b"\xff").unwrap();
    fs::create_dir(runs.join(id(6).as_str())).unwrap();
    fs::write(runs.join(id(7).as_str()), "a file").unwrap();
    fs::create_dir(runs.join("notes of a visitor")).unwrap();
    fs::write(store.root().join("partial").join(format!("{}.ckpt", id(8))), "torn").unwrap();
    store.save_checkpoint(&id(9), &checkpoint(3)).unwrap();

    let ids = store.ids().unwrap();
    assert_eq!(ids, (1..=9).map(id).collect::<Vec<_>>());
    let names = [
        "state.safetensors",
        "meta.json",
        "spec.toml",
        "",
        "",
        "meta.json",
        "no finished run",
        "ckpt",
    ];
    for (id, name) in ids.iter().zip(names) {
        match store.load(id) {
            Err(error) => {
                assert!(!name.is_empty() && error.to_string().contains(name), "{error}")
            }
            Ok(Contents::Finished { record: found, .. }) => {
                assert!(name.is_empty());
                assert_same_record(&found, &record());
            }
            Ok(Contents::Partial(_)) => panic!("{id}"),
        }
    }
    assert_eq!(store.load(&id(9)).unwrap(), Contents::Partial(checkpoint(3)));
}

#[test]
fn a_finished_run_hides_its_stale_checkpoint() {
    let (_folder, store) = store();
    store.finish(&id(1), &record()).unwrap();
    store.save_checkpoint(&id(1), &checkpoint(3)).unwrap();
    assert_eq!(store.ids().unwrap(), [id(1)]);
    assert!(matches!(store.load(&id(1)).unwrap(), Contents::Finished { .. }));
}
