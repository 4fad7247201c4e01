//! Whether two programs were built alike and measure in the same way.

use crate::build_info;
use crate::failure::Failure;
use crate::results::Build;

/// What a reader has to know of a program without optimisation.
pub const UNOPTIMISED: &str = "built without optimisation: what it measures \
                               says nothing of the code that is used";

/// Whether a program was built for this machine, as this one was, and measures
/// as this one does.
///
/// # Errors
///
/// A line that says what is another, and what to do.
pub fn apart(theirs: &Build) -> Result<(), Failure> {
    compare(theirs, &build_info::build())
}

fn compare(theirs: &Build, ours: &Build) -> Result<(), Failure> {
    let again = "save a new baseline by baseline save --force";
    if theirs.target != ours.target {
        return Err(Failure::environment(format!(
            "the baseline was built for {}, this program for {}: {again}",
            theirs.target, ours.target
        )));
    }
    if theirs.apparatus != ours.apparatus {
        return Err(Failure::environment(format!(
            "the apparatus changed: model or runner are not those that the \
             baseline measures with, so nothing is said of the driver; \
             {again} from a commit whose speed is known to be fine"
        )));
    }
    let built = |build: &Build| {
        let c = build.c_compiler.iter().chain(&build.c_flags);
        let flags = build.flags.iter().chain(c).cloned();
        let all = [build.profile.clone(), build.compiler.clone()];
        all.into_iter().chain(flags).collect::<Vec<_>>()
    };
    let (theirs, ours) = (built(theirs), built(ours));
    let only = |a: &[String], b: &[String]| {
        let rest = a.iter().filter(|word| !b.contains(word));
        match rest.cloned().collect::<Vec<_>>() {
            none if none.is_empty() => "nothing besides".to_owned(),
            some => some.join(" "),
        }
    };
    if theirs != ours {
        return Err(Failure::environment(format!(
            "the baseline was built otherwise: with {}, this program with {}; \
             build it alike, or {again}",
            only(&theirs, &ours),
            only(&ours, &theirs)
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Exit;

    fn refused(change: impl Fn(&mut Build)) -> String {
        let ours = build_info::build();
        let mut theirs = ours.clone();
        change(&mut theirs);
        let failure = compare(&theirs, &ours).expect_err("refused");
        assert_eq!(failure.exit, Exit::Environment);
        failure.to_string()
    }

    #[test]
    fn commit_and_sources_may_differ() {
        let ours = build_info::build();
        let mut theirs = ours.clone();
        theirs.commit = "another".to_owned();
        theirs.sources = Some("others".to_owned());
        theirs.program = "another".to_owned();
        assert_eq!(compare(&theirs, &ours), Ok(()));
    }

    #[test]
    fn what_measures_otherwise_is_told_with_what_to_do() {
        let line = refused(|b| b.apparatus = Some("another".to_owned()));
        assert!(line.starts_with("the apparatus changed"), "{line}");
        let line = refused(|b| b.target = "aarch64-unknown".to_owned());
        assert!(line.contains("built for aarch64-unknown"), "{line}");
        let line = refused(|b| b.flags.push("-Ctarget-cpu=znver4".to_owned()));
        assert!(line.contains("with -Ctarget-cpu=znver4, this"), "{line}");
        let line = refused(|b| b.compiler = "rustc 1.96.0".to_owned());
        assert!(line.contains("rustc 1.96.0"), "{line}");
    }
}
