//! The page of a report in a real browser. `./ci.sh browser` runs these; the
//! folder that RINGSIDE_PICTURES names gets pictures of it.

mod cdp;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cdp::Browser;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A recorded run, the one that the README shows.
const RUN: &str = "../results/2026-11-21-amd-epyc-2";

/// The page of some results in a folder of its own.
fn page(results: &Path) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("report.html");
    let output = Command::new(env!("CARGO_BIN_EXE_bench-runner"))
        .arg("report")
        .arg(results)
        .arg("--out")
        .arg(&file)
        .output()
        .expect("the program starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    (folder, file)
}

/// A browser that shows the page of the recorded run.
fn opened(width: u32, height: u32) -> (Browser, PathBuf, TempDir) {
    let run = Path::new(env!("CARGO_MANIFEST_DIR")).join(RUN);
    let (folder, file) = page(&run);
    let mut browser = Browser::start();
    browser.size(width, height);
    browser.open(&file);
    (browser, file, folder)
}

/// Nothing went wrong, and nothing but the file was asked for.
fn is_quiet(browser: &mut Browser, file: &Path) {
    // Whatever a timer might still do has time to happen.
    browser.evaluate("new Promise(done => setTimeout(done, 200))");
    assert_eq!(browser.complaints(), Vec::<String>::new());
    let own = json!(format!("file://{}", file.display())).to_string();
    let others: Vec<_> = browser
        .requests()
        .into_iter()
        .filter(|url| *url != own && !url.starts_with("\"data:"))
        .collect();
    assert_eq!(others, Vec::<String>::new());
}

fn is_shown(browser: &mut Browser, what: &str) -> bool {
    let script = format!(
        "document.querySelector({}).getClientRects().length > 0",
        json!(what)
    );
    browser.evaluate(&script) == true
}

fn text(browser: &mut Browser, what: &str) -> String {
    let script = format!("document.querySelector({}).innerText", json!(what));
    let text = browser.evaluate(&script);
    text.as_str().expect("a text").to_owned()
}

/// A part of the first chart of the axis `reg`.
fn part(class: &str, series: &str) -> String {
    format!("#axis-reg figure .{class}[data-series=\"{series}\"]")
}

#[test]
#[ignore = "needs a browser: ./ci.sh browser"]
fn the_answer_stands_first_and_nothing_is_fetched() {
    let (mut browser, file, _folder) = opened(1440, 900);
    let answer = text(&mut browser, ".answer");
    let start = "At batch size 32, reg=boxed takes ×12.86 (12.52..13.20) of";
    assert!(answer.starts_with(start), "{answer}");
    let (_, y) = browser.middle("h1");
    assert!(y < 900.0);
    let before = "document.querySelector('main').firstElementChild.id";
    assert_eq!(browser.evaluate(before), "answer");
    let levels = "[...document.querySelectorAll('h1, h2, h3, h4')]\
                  .map(h => Number(h.tagName[1]))";
    let levels = browser.evaluate(levels);
    let levels: Vec<_> =
        levels.as_array().expect("levels").iter().map(Value::as_u64).collect();
    assert_eq!(levels[0], Some(1));
    assert!(levels.windows(2).all(|two| two[1] <= two[0].map(|n| n + 1)));
    is_quiet(&mut browser, &file);
}

#[test]
#[ignore = "needs a browser: ./ci.sh browser"]
fn a_series_goes_and_comes_by_pointer_and_by_keyboard() {
    let (mut browser, file, _folder) = opened(1440, 900);
    let (name, line) = (part("name", "reg=bytes"), part("line", "reg=bytes"));
    let pressed = format!(
        "document.querySelector({}).getAttribute('aria-pressed')",
        json!(name)
    );
    assert_eq!(browser.evaluate(&pressed), "true");
    browser.click(&format!("{name} text"));
    assert!(!is_shown(&mut browser, &line));
    assert!(is_shown(&mut browser, &name));
    assert!(is_shown(&mut browser, &part("line", "reg=boxed")));
    assert_eq!(browser.evaluate(&pressed), "false");
    browser.click(&format!("{name} text"));
    assert!(is_shown(&mut browser, &line));
    // Between two points the line itself is there to click.
    let boxed = part("line", "reg=boxed");
    browser.middle(&format!("{boxed} .point"));
    let at = |batch: u16| {
        format!(
            "(() => {{ const r = document.querySelector({})\
             .getBoundingClientRect(); \
             return [r.x + r.width / 2, r.y + r.height / 2]; }})()",
            json!(format!("{boxed} .point[data-batch=\"{batch}\"]"))
        )
    };
    let ends = [64, 128].map(|batch| browser.evaluate(&at(batch)));
    let half = |n: usize| {
        let of = |end: &Value| end[n].as_f64().expect("a number");
        f64::midpoint(of(&ends[0]), of(&ends[1]))
    };
    browser.click_at((half(0), half(1)));
    assert!(!is_shown(&mut browser, &boxed));
    // The tab key reaches each chart once; arrow keys go on from there.
    browser.evaluate(
        "document.querySelector('#axis-reg figure .name[tabindex=\"0\"]')\
         .focus()",
    );
    let focus = "document.activeElement.dataset.series";
    for _ in 0..12 {
        if browser.evaluate(focus) == "reg=bytes" {
            break;
        }
        browser.press("ArrowDown");
    }
    assert_eq!(browser.evaluate(focus), "reg=bytes");
    browser.press("Enter");
    assert!(!is_shown(&mut browser, &line));
    browser.press("Enter");
    assert!(is_shown(&mut browser, &line));
    browser.press("ArrowRight");
    browser.press("ArrowRight");
    let tip = text(&mut browser, "#tip");
    assert!(tip.contains("reg=bytes\nbatch 2: "), "{tip}");
    browser.press("Escape");
    assert!(!is_shown(&mut browser, "#tip"));
    is_quiet(&mut browser, &file);
}

#[test]
#[ignore = "needs a browser: ./ci.sh browser"]
fn axes_and_batch_sizes_are_chosen() {
    let (mut browser, file, _folder) = opened(1440, 900);
    browser.click("#tools summary");
    browser.click("#tools input[value=\"reg\"]");
    assert!(!is_shown(&mut browser, "#axis-reg"));
    assert!(!is_shown(&mut browser, "nav [data-axis=\"reg\"]"));
    assert!(is_shown(&mut browser, "#axis-batch"));
    let cell = "#axis-batch .costs td[data-batch=\"64\"]";
    let point = "#axis-batch .point[data-batch=\"64\"]";
    assert!(is_shown(&mut browser, cell) && is_shown(&mut browser, point));
    browser.click("#tools input[name=\"batch\"][value=\"64\"]");
    assert!(!is_shown(&mut browser, cell) && !is_shown(&mut browser, point));
    assert!(is_shown(&mut browser, "#axis-batch td[data-batch=\"32\"]"));
    let chosen = text(&mut browser, "#chosen");
    assert!(chosen.contains("8 of 9 batch sizes"), "{chosen}");
    browser.click("#tools [data-all=\"on\"]");
    assert!(is_shown(&mut browser, "#axis-reg"));
    assert!(is_shown(&mut browser, cell));
    is_quiet(&mut browser, &file);
}

#[test]
#[ignore = "needs a browser: ./ci.sh browser"]
fn dark_is_dark_by_choice_and_by_the_system() {
    let (mut browser, file, _folder) = opened(1440, 900);
    let paper = "getComputedStyle(document.body).backgroundColor";
    let chart = "getComputedStyle(document.querySelector('svg polygon')).fill";
    let (white, black) = ("rgb(255, 255, 255)", "rgb(20, 24, 29)");
    browser.prefer("light");
    assert_eq!(browser.evaluate(paper), white);
    assert_eq!(browser.evaluate(chart), white);
    browser.click("[data-theme-name=\"dark\"]");
    assert_eq!(browser.evaluate(paper), black);
    assert_eq!(browser.evaluate(chart), black);
    browser.click("[data-theme-name=\"auto\"]");
    assert_eq!(browser.evaluate(paper), white);
    browser.prefer("dark");
    assert_eq!(browser.evaluate(paper), black);
    browser.click("[data-theme-name=\"light\"]");
    assert_eq!(browser.evaluate(paper), white);
    is_quiet(&mut browser, &file);
}

#[test]
#[ignore = "needs a browser: ./ci.sh browser"]
fn a_point_says_what_it_is() {
    let (mut browser, file, _folder) = opened(1440, 900);
    assert!(!is_shown(&mut browser, "#tip"));
    let line = part("line", "reg=boxed");
    browser.point_at(&format!("{line} .point[data-batch=\"32\"]"));
    assert!(is_shown(&mut browser, "#tip"));
    let tip = text(&mut browser, "#tip");
    let lines: Vec<_> = tip.lines().collect();
    assert_eq!(lines[0], "reg=boxed");
    assert!(lines[1].starts_with("batch 32: 16."), "{tip}");
    assert!(lines[1].ends_with(" Mpps"), "{tip}");
    assert!(lines[2].starts_with("interval 1"), "{tip}");
    is_quiet(&mut browser, &file);
}

#[test]
#[ignore = "needs a browser: ./ci.sh browser"]
fn a_phone_shows_all_of_it_without_moving_the_page_sideways() {
    let (mut browser, file, _folder) = opened(390, 844);
    let wide = "document.scrollingElement.scrollWidth";
    assert!(browser.evaluate(wide).as_u64() <= Some(390));
    // With all that can be opened open, too.
    browser.evaluate(
        "for (const d of document.querySelectorAll('details')) d.open = true",
    );
    let width = browser.evaluate(wide).as_u64();
    assert!(width <= Some(390), "{width:?}");
    let inside =
        "(() => { const box = document.querySelector('.chart .scroll');
                  return box.scrollWidth > box.clientWidth; })()";
    assert_eq!(browser.evaluate(inside), true);
    is_quiet(&mut browser, &file);
}

#[test]
#[ignore = "needs a browser: ./ci.sh browser"]
fn a_name_that_is_a_script_is_a_name() {
    const NAMES: [&str; 2] =
        ["<script>alert(1)</script>", "reg=\"><img src=x onerror=alert(2)>"];
    let folder = tempfile::tempdir().expect("a folder");
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join(RUN);
    let text_of = fs::read_to_string(recorded.join("run.json"));
    let mut run: Value =
        serde_json::from_str(&text_of.expect("a run")).expect("JSON");
    run["machine"]["cpu"] = "</title><script>alert(3)</script>".into();
    run["command"] = "</script><script>alert(4)</script>\u{2028}".into();
    for cell in run["cells"].as_array_mut().expect("cells") {
        if cell["variant"] == "reg=boxed" {
            cell["variant"] = NAMES[0].into();
        }
        if cell["variant"] == "reg=bytes" {
            cell["variant"] = NAMES[1].into();
        }
    }
    fs::write(folder.path().join("run.json"), run.to_string())
        .expect("written");
    let (_folder, file) = page(folder.path());
    let mut browser = Browser::start();
    browser.open(&file);
    let body = text(&mut browser, "main");
    for name in NAMES {
        assert!(body.contains(name), "{name}");
    }
    let scripts = "document.querySelectorAll('script, img, iframe').length";
    assert_eq!(browser.evaluate(scripts), 1);
    // Values that come up under the pointer are text as well.
    let point = "figure .point[data-value]";
    browser.point_at(point);
    assert_eq!(browser.evaluate(scripts), 1);
    assert!(text(&mut browser, "#tip").contains(NAMES[0]));
    is_quiet(&mut browser, &file);
}

#[test]
#[ignore = "needs a browser: ./ci.sh browser"]
fn pictures_of_it_can_be_looked_at() {
    let Some(folder) = std::env::var_os("RINGSIDE_PICTURES") else {
        eprintln!("no pictures: RINGSIDE_PICTURES names no folder");
        return;
    };
    let folder = PathBuf::from(folder);
    fs::create_dir_all(&folder).expect("a folder");
    let (mut browser, file, _folder) = opened(1440, 900);
    for width in [1440, 390] {
        browser.size(width, 900);
        for theme in ["light", "dark"] {
            browser.prefer(theme);
            let places = [
                ("answer", "body"),
                ("axis", "#axis-reg"),
                ("code", "#axis-reg details.code"),
                ("end", "#environment"),
            ];
            browser
                .evaluate("document.querySelector('details.code').open = true");
            for (what, place) in places {
                let top = format!(
                    "Math.max(0, Math.round(document.querySelector('{place}')\
                     .getBoundingClientRect().top + scrollY))"
                );
                let from = browser.evaluate(&top).as_u64().expect("a place");
                let from = from as u32;
                let picture = browser.picture(width, from, 2400);
                let name = format!("{what}-{width}-{theme}.png");
                fs::write(folder.join(name), picture).expect("written");
            }
        }
    }
    browser.size(1440, 900);
    let paper = browser.print();
    assert!(paper.starts_with(b"%PDF") && paper.len() > 100_000);
    fs::write(folder.join("report.pdf"), paper).expect("written");
    is_quiet(&mut browser, &file);
}
