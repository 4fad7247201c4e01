use super::*;
use crate::environment::fixture::Tree;

/// A core that has nothing to complain of.
fn quiet() -> Samples {
    Samples {
        chain_ghz: vec![2.4; 40],
        gaps: 3,
        longest_gap_us: 12.0,
        gaps_percent: 0.01,
        run_delay_percent: Some(0.0),
        stolen_ticks: Some(0),
        watched_ms: 620.0,
        round_trip_ns: vec![120.0, 121.0, 125.0],
    }
}

/// A core that is never left alone.
fn noisy() -> Samples {
    Samples {
        chain_ghz: (0..40).map(|i| 3.0 + f64::from(i % 10) / 10.0).collect(),
        gaps: 300,
        longest_gap_us: 4000.0,
        gaps_percent: 31.0,
        run_delay_percent: Some(30.0),
        stolen_ticks: Some(9),
        watched_ms: 620.0,
        round_trip_ns: vec![120.0, 400.0, 900.0],
    }
}

fn examined(tree: &Tree, samples: &Samples) -> Vec<Condition> {
    let root = tree.root();
    let valgrind = Ok("valgrind-3.19.0".to_owned());
    examine(&Machine {
        root: &root,
        samples,
        allowed: &[0, 1, 2, 3],
        core: 0,
        other_core: Some(1),
        is_root: false,
        valgrind: &valgrind,
    })
}

#[track_caller]
fn find<'a>(conditions: &'a [Condition], name: &str) -> &'a Condition {
    conditions.iter().find(|c| c.name == name).expect("such a condition")
}

/// Grades of the named conditions on a tree with a quiet core.
fn grades(tree: &Tree, names: &[&str]) -> Vec<Grade> {
    let conditions = examined(tree, &quiet());
    names.iter().map(|name| find(&conditions, name).grade).collect()
}

/// A machine that leaves nothing to wish for.
fn perfect() -> Tree {
    let tree = Tree::intel_pstate();
    let cpu = "sys/devices/system/cpu";
    let policy = format!("{cpu}/cpufreq/policy0");
    tree.file(&format!("{policy}/scaling_governor"), "performance\n");
    tree.file(&format!("{policy}/scaling_min_freq"), "2400000\n");
    tree.file(&format!("{policy}/scaling_max_freq"), "2400000\n");
    tree.file(&format!("{cpu}/intel_pstate/no_turbo"), "1\n");
    tree.file(&format!("{cpu}/isolated"), "0-1\n");
    tree.file(&format!("{cpu}/cpu0/topology/thread_siblings_list"), "0\n");
    for number in [0, 9] {
        let file = format!("proc/irq/{number}/smp_affinity_list");
        tree.file(&file, "2-3\n");
    }
    let pages = "sys/kernel/mm/hugepages/hugepages-2048kB";
    tree.file(&format!("{pages}/nr_hugepages"), "64\n");
    tree.file(&format!("{pages}/free_hugepages"), "64\n");
    tree
}

#[test]
fn a_machine_set_up_for_measuring_is_good_in_every_respect() {
    let conditions = examined(&perfect(), &quiet());
    for condition in &conditions {
        assert_eq!(condition.grade, Grade::Good, "{condition:?}");
        assert_eq!(condition.fix, None, "{condition:?}");
    }
    assert_eq!(Claims::of(&conditions).carries, Carries::Absolute);
}

#[test]
fn of_an_empty_tree_nothing_is_known_and_no_figure_is_made_up() {
    let nothing = Samples { watched_ms: 620.0, ..Samples::default() };
    let conditions = examined(&Tree::new(), &nothing);
    for name in [
        "isolation",
        "interrupts",
        "SMT sibling",
        "governor",
        "frequency limits",
        "turbo",
        "frequency",
        "steal",
        "run delay",
        "pressure",
        "address space randomisation",
        "cache-line transfer",
        "mitigations",
        "PMU",
    ] {
        let condition = find(&conditions, name);
        assert_eq!(condition.grade, Grade::Unknown, "{condition:?}");
        assert!(condition.seen.starts_with("unavailable: "), "{condition:?}");
    }
    assert_ne!(Claims::of(&conditions).carries, Carries::Absolute);
}

#[test]
fn what_is_not_good_says_why_in_one_line_and_what_to_do() {
    for tree in [
        Tree::new(),
        Tree::no_cpufreq(),
        Tree::intel_pstate(),
        Tree::acpi_cpufreq(),
        Tree::amd_pstate(),
        Tree::half_offline(),
    ] {
        let conditions = examined(&tree, &noisy());
        assert_eq!(conditions.len(), CONDITIONS.len());
        for condition in &conditions {
            assert!(!condition.why.is_empty(), "{condition:?}");
            assert!(!condition.seen.contains('\n'), "{condition:?}");
            let bad = matches!(condition.grade, Grade::Fair | Grade::Poor);
            assert_eq!(condition.fix.is_some(), bad, "{condition:?}");
            let fix = condition.fix.as_deref().unwrap_or("x");
            assert!(!fix.is_empty() && !fix.contains('\n'), "{condition:?}");
        }
        let claims = Claims::of(&conditions);
        assert_eq!(claims.carries, Carries::Nothing);
        assert!(claims.line.contains("run delay"), "{claims:?}");
        let text = report::text(&conditions, &claims);
        assert!(text.ends_with(&format!("\n{}\n", claims.line)), "{text}");
    }
}

#[test]
fn every_kind_of_machine_gets_its_own_grades() {
    use Grade::{Fair, Good, Poor, Unknown};
    let names = ["governor", "frequency limits", "turbo"];
    let graded = |tree: Tree| grades(&tree, &names);
    assert_eq!(graded(Tree::no_cpufreq()), [Unknown, Unknown, Unknown]);
    assert_eq!(graded(Tree::intel_pstate()), [Poor, Fair, Fair]);
    assert_eq!(graded(Tree::acpi_cpufreq()), [Poor, Fair, Fair]);
    assert_eq!(graded(Tree::amd_pstate()), [Poor, Fair, Fair]);
    assert_eq!(graded(perfect()), [Good, Good, Good]);
    let half = examined(&Tree::half_offline(), &quiet());
    assert!(find(&half, "affinity").seen.contains("2 of 4 online"));
    let amd = examined(&Tree::amd_pstate(), &quiet());
    let governor = &find(&amd, "governor").seen;
    assert_eq!(governor, "powersave, by amd-pstate-epp (active)");
}

#[test]
fn without_cpufreq_ratios_are_carried_and_absolute_figures_are_not() {
    let conditions = examined(&Tree::no_cpufreq(), &quiet());
    let claims = Claims::of(&conditions);
    assert_eq!(claims.carries, Carries::Ratios);
    assert!(claims.line.contains("governor"), "{claims:?}");
    let seen = &find(&conditions, "governor").seen;
    assert!(seen.contains("chain of additions"), "{seen}");
}

/// Changes one file of the perfect machine, and looks at one condition.
#[track_caller]
fn changed(file: &str, text: &str, name: &str) -> Condition {
    let tree = perfect();
    tree.file(file, text);
    find(&examined(&tree, &quiet()), name).clone()
}

#[test]
fn each_file_moves_the_grade_of_its_condition() {
    let cpu = "sys/devices/system/cpu";
    let siblings = format!("{cpu}/cpu0/topology/thread_siblings_list");
    let bypass = format!("{cpu}/vulnerabilities/spec_store_bypass");
    let aslr = "proc/sys/kernel/randomize_va_space";
    let paranoid = "proc/sys/kernel/perf_event_paranoid";
    let everywhere = "Mitigation: Speculative Store Bypass disabled\n";
    let asked = "Mitigation: Speculative Store Bypass disabled via prctl\n";
    for (file, text, name, grade) in [
        (siblings.as_str(), "0,2\n", "SMT sibling", Grade::Fair),
        (&siblings, "0-1\n", "SMT sibling", Grade::Poor),
        (&bypass, everywhere, "mitigations", Grade::Fair),
        (&bypass, asked, "mitigations", Grade::Good),
        (aslr, "0\n", "address space randomisation", Grade::Poor),
        (aslr, "1\n", "address space randomisation", Grade::Fair),
        (paranoid, "3\n", "PMU", Grade::Fair),
        (paranoid, "-1\n", "PMU", Grade::Good),
        ("proc/pressure/cpu", "some avg10=5.00\n", "pressure", Grade::Fair),
        ("proc/pressure/cpu", "some avg10=50.0\n", "pressure", Grade::Poor),
        ("proc/pressure/memory", "some avg10=11\n", "pressure", Grade::Poor),
        ("proc/irq/12/smp_affinity_list", "0\n", "interrupts", Grade::Fair),
        ("proc/cpuinfo", "flags : hypervisor\n", "clock", Grade::Poor),
        ("proc/cpuinfo", "flags : hypervisor\n", "virtualisation", Grade::Fair),
    ] {
        // Elsewhere the clock is no time-stamp counter.
        if name == "clock" && !cfg!(target_arch = "x86_64") {
            continue;
        }
        let condition = changed(file, text, name);
        assert_eq!(condition.grade, grade, "{text} {condition:?}");
    }
}

#[test]
fn each_measurement_moves_the_grade_of_its_condition() {
    let tree = perfect();
    let noisy = examined(&tree, &noisy());
    for name in [
        "frequency",
        "steal",
        "run delay",
        "jitter floor",
        "cache-line transfer",
    ] {
        assert_eq!(find(&noisy, name).grade, Grade::Poor, "{name}");
    }
    // A single reading that an interruption spoiled is no drift.
    let mut samples = quiet();
    samples.chain_ghz[7] = 0.9;
    let conditions = examined(&tree, &samples);
    assert_eq!(find(&conditions, "frequency").grade, Grade::Good);
}
