//! Folders, registry and laws know the same names.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::{batch, status};
use crate::batch::Slice;
use crate::registry::{
    AXES, BASELINE, FLOOR, IN_C, SAME_CODE, Variant, canonical, erased,
    missing, variants,
};
use crate::status::Masked;

/// The variant files of an axis: name and content.
fn files(axis: &str) -> Vec<(String, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let entries = fs::read_dir(src.join(axis)).expect("a folder per axis");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let is_variant = |path: &PathBuf| {
        path.extension().is_some_and(|e| e == "rs") && !path.ends_with("mod.rs")
    };
    let read = |path: PathBuf| {
        let stem = path.file_stem().expect("a name").to_string_lossy();
        (stem.replace('_', "-"), fs::read_to_string(&path).expect("a text"))
    };
    paths.filter(is_variant).map(read).collect()
}

fn answers(axis: &str) -> Vec<&'static str> {
    let axis = AXES.iter().find(|a| a.name == axis).expect("an axis");
    axis.answers.iter().map(|answer| answer.name).collect()
}

fn sorted<T: Ord>(names: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut names: Vec<T> = names.into_iter().collect();
    names.sort_unstable();
    names
}

#[test]
#[cfg_attr(miri, ignore = "reads the sources")]
fn every_file_is_an_answer_and_every_answer_a_file() {
    for axis in AXES {
        let files = sorted(files(axis.name).into_iter().map(|(name, _)| name));
        // The baseline is nobody's style.
        let here = answers(axis.name).into_iter();
        let here = here.filter(|answer| *answer != BASELINE);
        let lacking = missing().into_iter().flat_map(|(names, _)| names);
        let lacking = lacking.filter_map(|name| {
            let (of, answer) = name.split_once('=')?;
            (of == axis.name).then_some(answer)
        });
        assert_eq!(files, sorted(here.chain(lacking)), "axis {}", axis.name);
    }
    let floors = variants().into_iter().filter(|v| v.axis() == FLOOR);
    let files = files(FLOOR).into_iter().map(|(n, _)| format!("floor={n}"));
    assert_eq!(sorted(files), sorted(floors.map(|floor| floor.name())));
}

#[test]
#[cfg_attr(miri, ignore = "reads the sources")]
fn every_folder_with_variants_is_an_axis() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let entries = fs::read_dir(src).expect("the sources");
    let folders = entries
        .map(|entry| entry.expect("an entry"))
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned());
    let others = ["conformance", "micro", "registry", "workload", FLOOR];
    let axes = AXES.iter().map(|axis| axis.name).chain(others);
    assert_eq!(sorted(folders), sorted(axes.map(str::to_owned)));
}

#[test]
#[cfg_attr(miri, ignore = "reads the sources")]
fn a_file_opens_with_its_name_and_ends_with_its_laws() {
    for axis in AXES.iter().map(|axis| axis.name) {
        for (name, text) in files(axis) {
            let title = format!("//! `{axis}={name}`: ");
            assert!(text.starts_with(&title), "{axis}/{name}.rs: {title}");
            let laws = format!("    crate::{axis}_conformance!(super::");
            let foot = text.lines().rev().nth(1).unwrap_or_default();
            assert!(foot.starts_with(&laws), "{axis}/{name}.rs: {laws}");
        }
    }
}

#[test]
fn every_answer_says_what_it_is() {
    for variant in variants() {
        assert!(!variant.idea.is_empty(), "{}", variant.name());
    }
    for axis in AXES {
        assert!(axis.question.ends_with('?'), "{}", axis.question);
        assert!(axis.answers.iter().all(|answer| !answer.idea.is_empty()));
    }
}

#[test]
fn no_two_variants_share_a_name() {
    let names: Vec<String> = variants().iter().map(|v| v.name()).collect();
    let different: BTreeSet<&String> = names.iter().collect();
    assert_eq!(different.len(), names.len(), "{names:?}");
}

#[test]
fn every_reference_is_a_variant() {
    let names: Vec<String> = variants().iter().map(|v| v.name()).collect();
    let of_axes = AXES.iter().map(|axis| axis.reference);
    let of_variants = variants().into_iter().map(|v| v.reference);
    for reference in of_axes.chain(of_variants) {
        assert!(names.iter().any(|name| name == reference), "{reference}");
    }
}

#[test]
fn a_reference_answer_is_measured_under_the_name_of_its_policy() {
    assert_eq!(canonical("reg=unboxed").as_deref(), Some(BASELINE));
    assert_eq!(canonical("walk=chase").as_deref(), Some("batch=arena"));
    assert_eq!(canonical("reg=boxed").as_deref(), Some("reg=boxed"));
    assert_eq!(canonical("baseline").as_deref(), Some("baseline"));
    for unknown in ["", "reg", "reg=", "reg=slice", "unboxed", "axis=boxed"] {
        assert_eq!(canonical(unknown), None, "{unknown}");
    }
}

#[test]
fn variants_in_c_are_there_with_a_compiler_and_missing_without() {
    assert_eq!(missing().is_none(), cfg!(have_cc));
    for name in IN_C {
        assert_eq!(canonical(name).is_some(), cfg!(have_cc), "{name}");
    }
    if let Some((names, why)) = missing() {
        assert_eq!(names, IN_C);
        assert!(!why.is_empty());
    }
}

#[test]
fn every_answer_is_measured_under_some_name() {
    let names: Vec<String> = variants().iter().map(|v| v.name()).collect();
    for axis in AXES {
        for answer in answers(axis.name) {
            let name = format!("{}={answer}", axis.name);
            let canonical = canonical(&name).expect("a name");
            assert!(names.contains(&canonical), "{name} is {canonical}");
        }
    }
}

#[test]
fn laws_are_tried_with_every_reg_style_and_every_walk() {
    let regs = status::with_every_reg::<Masked>();
    let regs = regs.into_iter().map(|(name, _)| name);
    assert_eq!(sorted(regs), sorted(answers("reg")));
    let walks = batch::with_every_walk::<Slice>().map(|(name, _)| name);
    assert_eq!(sorted(walks), sorted(answers("walk")));
}

#[test]
fn what_shares_code_exists_and_is_measured_under_a_name_that_is_measured() {
    for pair in SAME_CODE {
        let names = variants().into_iter().map(|variant| variant.name());
        let names: Vec<_> = names.collect();
        for name in [pair.variant, pair.as_in] {
            assert!(names.iter().any(|known| known == name), "{name}");
        }
        if erased(SAME_CODE, pair.variant).is_some() {
            assert!(
                erased(SAME_CODE, pair.as_in).is_none(),
                "{pair:?} is no end"
            );
            // Ratios are taken to measured rows.
            let is_reference = |v: Variant| v.reference == pair.variant;
            assert!(!variants().into_iter().any(is_reference), "{pair:?}");
        }
    }
    assert_eq!(erased(SAME_CODE, "spread=stride2k"), None);
}
