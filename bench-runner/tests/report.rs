//! `report`: what recorded runs are made into, and what it says of files that
//! are none.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A path in the repository.
fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// A record of a kind that fuzzing begins from.
fn seed(name: &str) -> PathBuf {
    repository(&format!("fuzz/seeds/{name}.json"))
}

/// Runs `report` in a folder; words are separated by spaces.
fn report(words: &str, folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bench-runner"))
        .arg("report")
        .args(words.split_whitespace())
        .current_dir(folder)
        .output()
        .expect("the program starts")
}

/// What it prints when it ends well.
fn said(words: &str, folder: &Path) -> String {
    let output = report(words, folder);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}: {stderr}");
    String::from_utf8(output.stdout).expect("text")
}

/// The one line that it ends with otherwise.
fn refusal(words: &str, folder: &Path) -> String {
    let output = report(words, folder);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{words}: {stderr}");
    assert_eq!(stderr.lines().count(), 1, "{words}: {stderr}");
    assert!(output.stdout.is_empty(), "{words}");
    stderr
}

/// A folder with a record of each kind.
fn records() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let files = [
        ("run/lockstep", "run.json"),
        ("latency/wall", "latency.json"),
        ("ndr/wall", "ndr.json"),
        ("soak/short", "soak.json"),
        ("reproduction/two", "reproduction.json"),
    ];
    for (name, file) in files {
        fs::copy(seed(name), folder.path().join(file)).expect("copied");
    }
    folder
}

#[test]
fn markdown_has_the_answer_first_and_every_kind_of_record() {
    let folder = records();
    let text = said(". --format md", folder.path());
    let answer = text.lines().nth(2).expect("an answer");
    assert!(answer.starts_with("At batch size 32, `reg=boxed`"), "{answer}");
    for title in ["## Latency", "## Model NDR", "## Soaks", "## Published"] {
        assert!(text.contains(title), "{title} in {text}");
    }
    assert_eq!(
        said(". --format md --out a.md", folder.path()).lines().count(),
        1
    );
    let written = fs::read_to_string(folder.path().join("a.md"));
    assert_eq!(written.expect("a page"), text);
}

#[test]
fn csv_has_a_row_per_cell() {
    let folder = records();
    let text = said(". --format csv", folder.path());
    assert!(text.starts_with("started,commit,placement,variant,"), "{text}");
    assert_eq!(text.lines().count(), 17, "{text}");
    let line = refusal("latency.json --format csv", folder.path());
    assert!(line.contains("no run.json"), "{line}");
}

/// What `report` says of each record when its text is changed.
fn altered(change: impl Fn(String) -> String, wanted: &str) {
    let folder = records();
    let kinds = ["run", "latency", "ndr", "soak", "reproduction"];
    for kind in kinds {
        let file = format!("{kind}.json");
        let path = folder.path().join(&file);
        let text = fs::read_to_string(&path).expect("a record");
        let changed = change(text.clone());
        assert_ne!(changed, text, "{file}");
        fs::write(&path, changed).expect("written");
        for words in [format!("{file} --format md"), ".".to_owned()] {
            let line = refusal(&words, folder.path());
            assert!(line.contains(&file), "{line}");
            assert!(line.contains(wanted), "{line}");
            assert!(!folder.path().join("report.html").exists());
        }
        fs::write(&path, text).expect("written");
    }
}

#[test]
fn a_truncated_record_is_called_cut_off() {
    let half = |text: String| text[..text.len() / 2].to_owned();
    altered(half, "cut off in line ");
}

#[test]
fn an_empty_record_is_called_empty() {
    altered(|_| String::new(), "the file is empty: restore the file");
}

#[test]
fn a_renamed_field_is_named() {
    let renamed = |text: String| text.replacen("\"command\"", "\"comand\"", 1);
    altered(renamed, "unknown field `comand`");
    let renamed = |text: String| text.replacen("\"tick_hz\"", "\"hz\"", 1);
    altered(renamed, "unknown field `hz`");
}

#[test]
fn a_newer_and_an_older_record_are_called_that() {
    let with = |number: u32| {
        move |text: String| {
            let schema = format!("\"schema\": {number}, \"novel\": [");
            text.replacen("\"schema\": 1", &schema, 1) + "]"
        }
    };
    let schema = |number: u32| {
        move |text: String| {
            let new = format!("\"schema\": {number},\n  \"novel\": []");
            text.replacen("\"schema\": 1", &new, 1)
        }
    };
    altered(
        schema(9),
        "newer bench-runner (schema 9, this one reads 1): update",
    );
    altered(schema(0), "older bench-runner (schema 0, this one reads 1): read");
    altered(with(9), "restore the file");
}

#[test]
fn a_foreign_file_is_called_that() {
    altered(|_| "a,b\n1,2\n".to_owned(), "not JSON, ");
    altered(|_| "{\"a\": 1}\n".to_owned(), "missing field `schema`");
    altered(|_| "[]\n".to_owned(), "restore the file");
    altered(|_| "\u{1f}\u{8b}".to_owned(), "not JSON, ");
}

#[test]
fn a_place_without_results_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(refusal("nowhere", folder.path()).contains("nowhere"));
    assert!(refusal(".", folder.path()).contains("no results in it"));
    let line = refusal("/dev/null", folder.path());
    assert!(line.contains("/dev/null: no regular file"), "{line}");
}

const PAGE: &str = "\
# Mine

<!-- recorded-run:begin -->
old
<!-- recorded-run:end -->

behind
";

#[test]
fn a_page_and_a_gallery_are_renewed_and_renewing_again_changes_nothing() {
    let folder = records();
    let here = folder.path();
    fs::write(here.join("page.md"), PAGE).expect("written");
    let words = "run.json --gallery plots --into page.md";
    said(words, here);
    let page = fs::read_to_string(here.join("page.md")).expect("a page");
    assert!(page.starts_with("# Mine\n\n<!-- recorded"), "{page}");
    assert!(page.ends_with("end -->\n\nbehind\n"), "{page}");
    assert!(page.contains("![Throughput over batch size, personas](plots/"));
    assert!(page.contains("\n| `reg=boxed` | baseline | ×"), "{page}");
    assert!(!page.contains("old\n"), "{page}");
    for link in page.split("](").skip(1) {
        let (target, _) = link.split_once(')').expect("an end");
        assert!(here.join(target).exists(), "{target}");
    }
    let index = here.join("plots/README.md");
    let before = fs::read_to_string(&index).expect("an index");
    said(words, here);
    assert_eq!(fs::read_to_string(here.join("page.md")).expect("a page"), page);
    assert_eq!(fs::read_to_string(&index).expect("an index"), before);
}

#[test]
fn a_page_without_its_marks_is_one_line_and_stays() {
    let folder = records();
    let here = folder.path();
    let pages = [
        ("begin", PAGE.replace("<!-- recorded-run:begin -->\n", "")),
        ("end", PAGE.replace("<!-- recorded-run:end -->\n", "")),
        ("lines 3 and 10", PAGE.repeat(2)),
    ];
    for (wanted, page) in pages {
        fs::write(here.join("page.md"), &page).expect("written");
        let line = refusal("run.json --into page.md", here);
        assert!(line.contains("page.md"), "{line}");
        assert!(line.contains(wanted), "{line}");
        let after = fs::read_to_string(here.join("page.md")).expect("a page");
        assert_eq!(after, page);
    }
    assert!(refusal("run.json --into none.md", here).contains("none.md"));
    let line = refusal("ndr.json --into page.md", here);
    assert!(line.contains("one run, not 0"), "{line}");
    let line = refusal("run.json --into page.md --format csv", here);
    assert!(line.contains("--format"), "{line}");
}
