//! Evidence gathered by an executor, and shown while it grows.

use super::*;

/// An executor that fails every piece of work.
struct Failing(Store);

impl Executor for Failing {
    fn store(&self) -> &Store {
        &self.0
    }

    fn execute(
        &self,
        plan: &Plan,
        _: &dyn Progress,
        _: &AtomicBool,
    ) -> Result<Vec<Status>, store::Error> {
        Ok(vec![Status::Failed("no machine".into()); plan.len()])
    }
}

/// Searches, runs, noise and baselines in one call, with the executor as a parameter.
#[test]
fn evidence_is_gathered_by_any_executor() {
    const PUBLISHED: Setting = Setting { name: "pair", arms: BOTH, ..TINY };
    const PANELS: [Setting; 2] = [TINY, PUBLISHED];
    static STUDY: Study = Study {
        name: "both",
        settings: &PANELS,
        views: &[View::Losses, View::InitialNoise],
        gaps: &[SGDM_OVER_ADAM],
        ..Study::EMPTY
    };
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let (stop, local) = (AtomicBool::new(false), local(&store));
    let lab = Lab { executor: &local, progress: &Silent, stop: &stop };
    let evidence = gather::gather(&lab, &[&STUDY, &STUDY], Protocol::QUICK, 2).unwrap();
    for setting in &PANELS {
        assert_eq!(evidence.failure(setting), None);
        assert_eq!(evidence.cells(setting).count(), 2 * 3);
        assert_eq!(evidence.noise(setting).len(), 3);
        assert!(setting.arms.iter().all(|arm| evidence.members(setting, arm.name).len() == 3));
    }
    // In a quick look the baselines are those of published rates.
    assert!(evidence.theory(&PANELS[0]).is_none() && evidence.theory(&PANELS[1]).is_some());
    assert_eq!(evidence.searches(&PANELS[0]).count(), 2);
    STUDY.assemble(&evidence).unwrap();

    let empty = tempfile::tempdir().unwrap();
    let failing = Failing(Store::open(empty.path()).unwrap());
    let lab = Lab { executor: &failing, ..lab };
    let evidence = gather::gather(&lab, &[&STUDY], Protocol::QUICK, 2).unwrap();
    let reason = |setting| evidence.failure(setting).unwrap();
    assert_eq!(reason(&PANELS[0]), "search for a learning rate: no machine");
    assert!(reason(&PANELS[1]).starts_with("run ") && reason(&PANELS[1]).ends_with("no machine"));
    stop.store(true, Ordering::Relaxed);
    assert!(gather::gather(&lab, &[&STUDY], Protocol::QUICK, 2).is_err());
}

/// A page that grows is shown at the first seeds, and never where everything is stored.
#[test]
fn evidence_is_shown_while_it_grows() {
    const KNOWN: Setting = Setting { name: "pair", arms: BOTH, ..TINY };
    static PUBLISHED: Study = Study { name: "a", settings: &[KNOWN], ..Study::EMPTY };
    static SEARCHED: Study = Study { name: "b", settings: &[TINY], ..Study::EMPTY };
    let protocol = Protocol { seeds: Some(7), ..Protocol::PUBLISHED };
    for (studies, expected) in [
        (&[&PUBLISHED][..], &["a quick 7", "a 3", "a 6"][..]),
        // Short runs with a search of their own would not be a first look.
        (&[&SEARCHED], &["b 3", "b 6"]),
        (&[&SEARCHED, &PUBLISHED], &["a quick 7", "a 3", "ba 3", "ba 6"]),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let (stop, local) = (AtomicBool::new(false), local(&store));
        let lab = Lab { executor: &local, progress: &Silent, stop: &stop };
        for expected in [expected, &[]] {
            let mut shown = Vec::new();
            let mut show = |studies: &[&'static Study], evidence: &Evidence| {
                let names: String = studies.iter().map(|study| study.name).collect();
                let quick = if evidence.protocol.quick { " quick" } else { "" };
                let arms = studies.iter().flat_map(|study| {
                    let arms = |setting: &'static Setting| {
                        setting.arms.iter().map(move |arm| evidence.members(setting, arm.name))
                    };
                    study.settings.iter().flat_map(arms)
                });
                let runs = arms.map(<[_]>::len).min().unwrap();
                shown.push(format!("{names}{quick} {runs}"));
            };
            let whole = gather::gather_shown(&lab, studies, protocol, 2, &mut show).unwrap();
            assert_eq!(shown, expected);
            let all = studies.iter().flat_map(|study| study.settings);
            assert!(all.into_iter().all(|setting| whole.cells(setting).count() == 2 * 7));
        }
    }
}
