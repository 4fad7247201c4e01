//! One frequency for as long as something is measured.

use super::file;
use super::frequency;
use super::restore::put_back;
use super::state::{Found, State, Store};
use super::stop::Stop;
use crate::environment::Root;

/// Keeps every core at one frequency, and puts back what was there at its end.
///
/// What was there is in `tune`'s state file meanwhile, so that `restore` helps
/// after a worse end.
#[derive(Debug)]
pub struct Hold {
    root: Root,
    store: Store,
    /// What was there when it began.
    before: State,
    /// Whether `tune` had set the machine up already, whose file stays.
    tuned: bool,
}

impl Hold {
    /// Holds a frequency, in kHz.
    ///
    /// # Errors
    ///
    /// Why it cannot be held, to follow a colon.
    pub fn at(root: &Root, khz: u64) -> Result<Self, String> {
        let settings = frequency::held(root, khz);
        if settings.is_empty() {
            return Err("no cpufreq, so no frequency can be set".to_owned());
        }
        let said = |failure: crate::failure::Failure| failure.to_string();
        let store = Store::open(root, None, true).map_err(said)?;
        let mut before = State::new(root);
        before.add(&settings.iter().collect::<Vec<_>>());
        let tuned = match store.load(root).map_err(said)? {
            Found::State(mut older) => {
                older.add(&settings.iter().collect::<Vec<_>>());
                store.save(&older, &Stop::default()).map_err(said)?;
                true
            }
            Found::Nothing | Found::EarlierBoot => {
                store.save(&before, &Stop::default()).map_err(said)?;
                false
            }
        };
        let hold = Self { root: root.clone(), store, before, tuned };
        for setting in &settings {
            let text = format!("{}\n", setting.wanted);
            let met = |now: &str| setting.is_met_by(now);
            file::write(root, &setting.file, &text, met, &Stop::default())
                .map_err(|refusal| format!("{}: {refusal}", setting.file))?;
        }
        Ok(hold)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let refused = put_back(&self.root, &self.before, &Stop::default());
        if !refused.is_empty() {
            let path = self.store.path().display();
            eprintln!("note: bench-runner restore finds in {path} what was");
        } else if !self.tuned
            && let Err(failure) = self.store.remove()
        {
            eprintln!("note: {failure}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::fixture::Tree;

    const POLICY: &str = "sys/devices/system/cpu/cpufreq/policy0";

    fn said(root: &Root, file: &str) -> String {
        root.read(&format!("{POLICY}/{file}")).unwrap_or_default()
    }

    #[test]
    fn a_frequency_is_held_and_what_was_there_comes_back() {
        let tree = Tree::acpi_cpufreq();
        let root = tree.root();
        let files = [frequency::LOWEST, frequency::HIGHEST, "scaling_governor"];
        let before = files.map(|file| said(&root, file));
        let hold = Hold::at(&root, 2_000_000).unwrap();
        assert_eq!(said(&root, frequency::LOWEST).trim(), "2000000");
        assert_eq!(said(&root, frequency::HIGHEST).trim(), "2000000");
        assert!(hold.store.path().exists());
        let path = hold.store.path().to_owned();
        drop(hold);
        assert_eq!(files.map(|file| said(&root, file)), before);
        assert!(!path.exists());
    }

    #[test]
    fn without_cpufreq_nothing_is_touched() {
        let tree = Tree::no_cpufreq();
        let why = Hold::at(&tree.root(), 2_000_000).unwrap_err();
        assert!(why.contains("no cpufreq"), "{why}");
    }
}
