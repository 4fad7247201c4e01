//! A check as JUnit XML, as GitLab, Jenkins and others read it: a suite per
//! variant, a case per batch size.
//!
//! The elements and attributes are those that the schema of Jenkins' xUnit
//! plugin (`junit-10.xsd`) allows, so numbers are properties of suites. GitLab
//! shows the text of a failure and not its `message`; both say the same.

use std::borrow::Cow;
use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::record::{CellRecord, CellVerdict, Conclusion, Record};

type Xml = Writer<Vec<u8>>;

/// What a case comes to.
enum Outcome {
    Passed,
    Failed,
    Skipped,
}

/// The document.
#[must_use]
pub fn junit(record: &Record) -> String {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    // Writing to memory does not fail.
    let _ = document(&mut xml, record);
    let mut text = String::from_utf8_lossy(&xml.into_inner()).into_owned();
    text.push('\n');
    text
}

fn document(xml: &mut Xml, record: &Record) -> io::Result<()> {
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let whole = record.cells.is_empty();
    let all: Vec<_> = match whole {
        true => vec![of_whole(record)],
        false => record.cells.iter().map(|c| outcome(record, c)).collect(),
    };
    let mut root = xml
        .create_element("testsuites")
        .with_attribute(("name", &*legal(&against(record))))
        .with_attributes(counted(&all, false));
    if let Some(effort) = &record.effort {
        let seconds = format!("{:.3}", effort.seconds);
        root = root.with_attribute(("time", seconds.as_str()));
    }
    root.write_inner_content(|xml| {
        if whole {
            return suite_of_whole(xml, record);
        }
        let mut variants: Vec<&str> = Vec::new();
        for cell in &record.cells {
            if !variants.contains(&cell.variant.as_str()) {
                variants.push(&cell.variant);
            }
        }
        for variant in variants {
            let cells = record.cells.iter().filter(|c| c.variant == variant);
            suite(xml, record, variant, &cells.collect::<Vec<_>>())?;
        }
        Ok(())
    })?;
    Ok(())
}

fn suite(
    xml: &mut Xml,
    record: &Record,
    variant: &str,
    cells: &[&CellRecord],
) -> io::Result<()> {
    let all: Vec<_> = cells.iter().map(|c| outcome(record, c)).collect();
    xml.create_element("testsuite")
        .with_attribute(("name", &*legal(variant)))
        .with_attributes(counted(&all, true))
        .with_attribute(("timestamp", &*started(record)))
        .write_inner_content(|xml| {
            properties(xml, record, cells)?;
            for (cell, outcome) in cells.iter().zip(&all) {
                let name = format!("batch {}", cell.batch);
                let line = match &cell.cause {
                    Some(cause) => format!("{}; {cause}", cell.line),
                    None => cell.line.clone(),
                };
                let kind = cell.verdict.word();
                case(xml, variant, &name, outcome, kind, &line, record)?;
            }
            Ok(())
        })?;
    Ok(())
}

/// Where there are no cells the whole is a case.
fn suite_of_whole(xml: &mut Xml, record: &Record) -> io::Result<()> {
    let outcome = of_whole(record);
    xml.create_element("testsuite")
        .with_attribute(("name", "check"))
        .with_attributes(counted(&[of_whole(record)], true))
        .with_attribute(("timestamp", &*started(record)))
        .write_inner_content(|xml| {
            properties(xml, record, &[])?;
            let name = against(record);
            case(xml, "check", &name, &outcome, "check", &record.line, record)
        })?;
    Ok(())
}

fn case(
    xml: &mut Xml,
    class: &str,
    name: &str,
    outcome: &Outcome,
    kind: &str,
    line: &str,
    record: &Record,
) -> io::Result<()> {
    let line = match record.verdict {
        Conclusion::Environment => {
            format!("no verdict on the code: {}", record.line)
        }
        _ => line.to_owned(),
    };
    let line = legal(&line);
    xml.create_element("testcase")
        .with_attribute(("classname", &*legal(class)))
        .with_attribute(("name", &*legal(name)))
        .write_inner_content(|xml| {
            let element = match outcome {
                Outcome::Passed => xml.create_element("system-out"),
                Outcome::Failed => xml
                    .create_element("failure")
                    .with_attribute(("type", kind))
                    .with_attribute(("message", line.as_str())),
                Outcome::Skipped => xml
                    .create_element("skipped")
                    .with_attribute(("message", line.as_str())),
            };
            element.write_text_content(BytesText::new(&line))?;
            Ok(())
        })?;
    Ok(())
}

/// What was checked, and each cell's numbers.
fn properties(
    xml: &mut Xml,
    record: &Record,
    cells: &[&CellRecord],
) -> io::Result<()> {
    let mut all = vec![
        ("commit".to_owned(), record.build.commit.clone()),
        ("baseline".to_owned(), record.baseline.name.clone()),
        ("baseline commit".to_owned(), record.baseline.build.commit.clone()),
        ("cpu".to_owned(), record.machine.cpu.clone()),
    ];
    for cell in cells {
        let mut add = |name: &str, value: String| {
            all.push((format!("batch {} {name}", cell.batch), value));
        };
        add("workload", cell.workload.to_string());
        add("verdict", cell.verdict.word().to_owned());
        if let Some(time) = &cell.time {
            add("effect", number(time.effect));
            add("interval low", number(time.interval[0]));
            add("interval high", number(time.interval[1]));
            add("pairs", time.pairs.to_string());
            add("baseline ns per packet", number(time.ns[0]));
            add("candidate ns per packet", number(time.ns[1]));
        }
        if let Some(counts) = &cell.counts {
            let of = |side: super::record::PerPacket| number(side.instructions);
            add("baseline instructions per packet", of(counts.baseline));
            add("candidate instructions per packet", of(counts.candidate));
        }
    }
    xml.create_element("properties").write_inner_content(|xml| {
        for (name, value) in &all {
            xml.create_element("property")
                .with_attribute(("name", name.as_str()))
                .with_attribute(("value", &*legal(value)))
                .write_empty()?;
        }
        Ok(())
    })?;
    Ok(())
}

fn outcome(record: &Record, cell: &CellRecord) -> Outcome {
    match (record.verdict, cell.verdict) {
        (Conclusion::Environment, _) | (_, CellVerdict::Inconclusive) => {
            Outcome::Skipped
        }
        (_, CellVerdict::Slower) => Outcome::Failed,
        (_, CellVerdict::Fine | CellVerdict::Faster) => Outcome::Passed,
    }
}

fn of_whole(record: &Record) -> Outcome {
    match record.verdict {
        Conclusion::Fine => Outcome::Passed,
        Conclusion::Regression => Outcome::Failed,
        Conclusion::Inconclusive | Conclusion::Environment => Outcome::Skipped,
    }
}

/// How many cases came to what; the root counts no skipped ones.
fn counted(
    all: &[Outcome],
    skipped: bool,
) -> Vec<(&'static str, Cow<'static, str>)> {
    let count = |wanted: fn(&&Outcome) -> bool| {
        Cow::Owned(all.iter().filter(wanted).count().to_string())
    };
    let mut counts = vec![
        ("tests", count(|_| true)),
        ("failures", count(|o| matches!(o, Outcome::Failed))),
        ("errors", "0".into()),
    ];
    if skipped {
        counts.push(("skipped", count(|o| matches!(o, Outcome::Skipped))));
    }
    counts
}

fn against(record: &Record) -> String {
    format!("against {}", record.baseline.name)
}

/// As JUnit has it, without a zone.
fn started(record: &Record) -> String {
    legal(record.started.trim_end_matches('Z'))
}

fn number(value: f64) -> String {
    format!("{value:.6}")
}

/// A text without what XML 1.0 (2.2) has no place for.
fn legal(text: &str) -> String {
    let legal = |c: char| {
        !matches!(c, '\u{fffe}' | '\u{ffff}')
            && (!c.is_control() || matches!(c, '\t' | '\n' | '\r'))
    };
    text.chars().map(|c| if legal(c) { c } else { '?' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::record::example;
    use proptest::prelude::*;
    use quick_xml::Reader;

    #[test]
    fn a_slower_cell_fails_and_an_undecided_one_is_skipped() {
        let mut record = example::record();
        record.cells = record.cells.drain(1..4).collect();
        let got = junit(&record);
        assert!(got == XML, "got\n{got}\nwant\n{XML}");
    }

    const XML: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="against main" tests="3" failures="1" errors="0" time="58.250">
  <testsuite name="batch=vec" tests="2" failures="1" errors="0" skipped="0" timestamp="2026-11-22T08:00:00">
    <properties>
      <property name="commit" value="89abcdef0123456789abcdef0123456789abcdef"/>
      <property name="baseline" value="main"/>
      <property name="baseline commit" value="0123456789abcdef0123456789abcdef01234567"/>
      <property name="cpu" value="Example CPU 9000 16-Core Processor"/>
      <property name="batch 32 workload" value="forward"/>
      <property name="batch 32 verdict" value="slower"/>
      <property name="batch 32 effect" value="0.031000"/>
      <property name="batch 32 interval low" value="0.028000"/>
      <property name="batch 32 interval high" value="0.034000"/>
      <property name="batch 32 pairs" value="24"/>
      <property name="batch 32 baseline ns per packet" value="10.000000"/>
      <property name="batch 32 candidate ns per packet" value="10.310000"/>
      <property name="batch 32 baseline instructions per packet" value="84.000000"/>
      <property name="batch 32 candidate instructions per packet" value="87.500000"/>
      <property name="batch 256 workload" value="forward"/>
      <property name="batch 256 verdict" value="faster"/>
      <property name="batch 256 effect" value="-0.042000"/>
      <property name="batch 256 interval low" value="-0.047000"/>
      <property name="batch 256 interval high" value="-0.037000"/>
      <property name="batch 256 pairs" value="24"/>
      <property name="batch 256 baseline ns per packet" value="10.000000"/>
      <property name="batch 256 candidate ns per packet" value="9.580000"/>
      <property name="batch 256 baseline instructions per packet" value="90.000000"/>
      <property name="batch 256 candidate instructions per packet" value="90.000000"/>
    </properties>
    <testcase classname="batch=vec" name="batch 32">
      <failure type="slower" message="batch=vec at 32 is slower; one load more per packet">batch=vec at 32 is slower; one load more per packet</failure>
    </testcase>
    <testcase classname="batch=vec" name="batch 256">
      <system-out>batch=vec at 256 is faster</system-out>
    </testcase>
  </testsuite>
  <testsuite name="reg=boxed" tests="1" failures="0" errors="0" skipped="1" timestamp="2026-11-22T08:00:00">
    <properties>
      <property name="commit" value="89abcdef0123456789abcdef0123456789abcdef"/>
      <property name="baseline" value="main"/>
      <property name="baseline commit" value="0123456789abcdef0123456789abcdef01234567"/>
      <property name="cpu" value="Example CPU 9000 16-Core Processor"/>
      <property name="batch 1 workload" value="forward"/>
      <property name="batch 1 verdict" value="inconclusive"/>
      <property name="batch 1 effect" value="0.006000"/>
      <property name="batch 1 interval low" value="-0.018000"/>
      <property name="batch 1 interval high" value="0.030000"/>
      <property name="batch 1 pairs" value="24"/>
      <property name="batch 1 baseline ns per packet" value="10.000000"/>
      <property name="batch 1 candidate ns per packet" value="10.060000"/>
    </properties>
    <testcase classname="reg=boxed" name="batch 1">
      <skipped message="reg=boxed at 1 is inconclusive">reg=boxed at 1 is inconclusive</skipped>
    </testcase>
  </testsuite>
</testsuites>
"#;

    /// What an element may have: attributes that must be there, others, and
    /// children (`junit-10.xsd`).
    fn allowed(
        element: &str,
    ) -> (
        &'static [&'static str],
        &'static [&'static str],
        &'static [&'static str],
    ) {
        match element {
            "testsuites" => (
                &[],
                &["name", "time", "tests", "failures", "errors"],
                &["testsuite"],
            ),
            "testsuite" => (
                &["name", "tests", "failures", "errors"],
                &["skipped", "time", "timestamp", "hostname"],
                &["properties", "testcase", "system-out"],
            ),
            "properties" => (&[], &[], &["property"]),
            "property" => (&["name", "value"], &[], &[]),
            "testcase" => (
                &["name"],
                &["classname", "time"],
                &["skipped", "failure", "system-out"],
            ),
            "failure" | "skipped" => (&[], &["type", "message"], &[]),
            "system-out" => (&[], &[], &[]),
            other => panic!("<{other}> is not known"),
        }
    }

    /// Every element and attribute, and how often which element is there.
    fn check_shape(text: &str) -> std::collections::HashMap<String, usize> {
        let mut reader = Reader::from_str(text);
        let mut open: Vec<String> = Vec::new();
        let mut seen = std::collections::HashMap::new();
        loop {
            let event = reader.read_event().expect("XML");
            let is_start = matches!(event, Event::Start(_));
            match event {
                Event::Eof => break,
                Event::Start(start) | Event::Empty(start) => {
                    let name = start.name().into_inner();
                    let name =
                        str::from_utf8(name.as_ref()).unwrap().to_owned();
                    let (must, may, _) = allowed(&name);
                    if let Some(parent) = open.last() {
                        let (_, _, children) = allowed(parent);
                        assert!(children.contains(&&*name), "{name}");
                    }
                    let keys: Vec<_> = start
                        .attributes()
                        .map(|a| a.expect("an attribute").key)
                        .map(|key| key.into_inner())
                        .map(|key| {
                            str::from_utf8(key.as_ref()).unwrap().to_owned()
                        })
                        .collect();
                    let has = |key: &&&str| keys.iter().any(|k| k == **key);
                    assert_eq!(must.iter().filter(has).count(), must.len());
                    for key in &keys {
                        let known = must.iter().chain(may).any(|k| k == key);
                        assert!(known, "{name} {key}");
                    }
                    *seen.entry(name.clone()).or_default() += 1;
                    if is_start {
                        open.push(name);
                    }
                }
                Event::End(_) => {
                    open.pop();
                }
                _ => {}
            }
        }
        assert!(open.is_empty());
        seen
    }

    #[test]
    fn every_record_has_the_shape_that_readers_know() {
        let mut empty = example::moved();
        empty.cells.clear();
        for record in [
            example::record(),
            example::fine(),
            example::moved(),
            example::hostile(),
            empty,
        ] {
            let seen = check_shape(&junit(&record));
            let cases = record.cells.len().max(1);
            assert_eq!(seen["testcase"], cases);
        }
    }

    #[test]
    fn where_the_machine_moved_nothing_fails() {
        let seen = check_shape(&junit(&example::moved()));
        assert_eq!(seen.get("failure"), None);
        assert_eq!(seen["skipped"], example::moved().cells.len());
    }

    proptest! {
        #[test]
        fn any_text_is_xml_that_reads_back(name in "\\PC{0,30}|(?s:.){0,30}") {
            let mut record = example::record();
            record.cells[0].variant = name.clone();
            record.cells[0].line = name;
            check_shape(&junit(&record));
        }

        #[test]
        fn no_control_is_left(name in "[\\x00-\\x1f\\x7f-\\u{9f}\u{ffff}]{1,9}") {
            let mut record = example::record();
            record.cells[1].line = name;
            let text = junit(&record);
            let bad = |c: char| {
                c == '\u{ffff}' || (c.is_control() && !"\t\r\n".contains(c))
            };
            prop_assert!(!text.contains(bad), "{}", text);
        }
    }
}
