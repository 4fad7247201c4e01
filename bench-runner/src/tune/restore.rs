//! `restore`: every file says again what it said before `tune`.

use super::file::{self, Refusal};
use super::report::advice;
use super::state::{Before, Found, State, Store};
use super::{Stop, root};
use crate::cli::StateArgs;
use crate::environment::Root;
use crate::failure::Failure;
use crate::{output, process};

/// Puts everything back. An interruption waits until that is done; after a
/// worse end the state file is still there, and the next call goes on.
pub fn command(args: &StateArgs) -> Result<(), Failure> {
    // From here on the first signal ends nothing.
    process::interrupted();
    let root = root(args);
    let store = Store::open(&root, args.state.as_deref(), false)?;
    let state = match store.load(&root)? {
        Found::State(state) => state,
        Found::Nothing => {
            output::line(format_args!(
                "nothing to put back: there is no {}",
                store.path().display()
            ));
            return store.remove();
        }
        Found::EarlierBoot => {
            output::line(earlier_boot(&store));
            return store.remove();
        }
    };
    let stop = args.stop.clone().unwrap_or_default();
    let refused = put_back(&root, &state, &stop);
    let gone =
        |(_, refusal): &&(&Before, Refusal)| matches!(refusal, Refusal::Gone);
    let lost = refused.iter().filter(gone).count();
    if lost > 0 {
        eprintln!("note: {lost} of the files are not there any more");
    }
    let Some((before, refusal)) = refused.iter().find(|r| !gone(r)) else {
        store.remove()?;
        output::line(format_args!(
            "{} files say again what they said before tune",
            state.files.len() - lost
        ));
        return Ok(());
    };
    Err(Failure::environment(format!(
        "{} of {} files could not be put back, such as {}: {refusal}; {}, \
         and call restore again: {} is kept",
        refused.len() - lost,
        state.files.len(),
        before.file,
        advice(refusal).unwrap_or("see what holds it"),
        store.path().display()
    )))
}

/// What is said of a state file that an earlier boot left.
pub fn earlier_boot(store: &Store) -> String {
    format!(
        "{} is of an earlier boot, whose settings are gone with it: dropped",
        store.path().display()
    )
}

/// Puts files back, the last one first, and returns those that refused. What
/// one file says may depend on another, as the highest frequency does on
/// turbo; so all are looked at again, and set again where it takes that.
pub fn put_back<'a>(
    root: &Root,
    state: &'a State,
    stop: &Stop,
) -> Vec<(&'a Before, Refusal)> {
    let pass = || {
        let files = state.files.iter().rev();
        files
            .filter_map(|before| match put_file_back(root, before, stop) {
                Ok(()) => None,
                Err(refusal) => Some((before, refusal)),
            })
            .collect::<Vec<_>>()
    };
    pass();
    pass()
}

fn put_file_back(
    root: &Root,
    before: &Before,
    stop: &Stop,
) -> Result<(), Refusal> {
    let met = |now: &str| now == before.content;
    if root.read(&before.file).as_deref().is_some_and(met) {
        return Ok(());
    }
    file::write(root, &before.file, &before.content, met, stop)
}
