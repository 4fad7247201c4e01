//! Builds the variants that are written in C, where there is a compiler.
//!
//! Sets `have_cc` and records compiler and flags for the crate's module
//! `c_compiler`; without a compiler, why there is none.

use std::env;
use std::process::Command;

const SOURCES: [&str; 2] = ["c/foreign.c", "c/driver.c"];

/// To be set by those who want no C, or whose compiler refuses it.
const WITHOUT_C: &str = "RINGSIDE_WITHOUT_C";

/// The alignment that `.cargo/config.toml` gives to Rust's code on x86-64.
const ALIGNMENT: [&str; 2] = ["-falign-functions=64", "-falign-loops=64"];

/// Hardening that some distributions switch on and Rust's code does not have.
const HARDENING: [&str; 3] = [
    "-fno-stack-protector",
    "-fno-stack-clash-protection",
    "-fcf-protection=none",
];

fn main() {
    println!("cargo::rustc-check-cfg=cfg(have_cc)");
    for source in ["build.rs"].into_iter().chain(SOURCES) {
        println!("cargo::rerun-if-changed={source}");
    }
    println!("cargo::rerun-if-env-changed={WITHOUT_C}");
    match compile() {
        Ok(Compiled { version, flags }) => {
            println!("cargo::rustc-cfg=have_cc");
            record("VERSION", &version);
            record("FLAGS", &flags);
        }
        Err(why) => {
            println!("cargo::warning=without the variants in C: {why}");
            record("MISSING", &why);
        }
    }
}

/// What the C code was made by.
struct Compiled {
    version: String,
    /// With a unit separator between them, as cargo does with its own.
    flags: String,
}

/// Compiles the sources, or says why they have to be left out. What a
/// compiler refuses is an error.
fn compile() -> Result<Compiled, String> {
    if env::var_os(WITHOUT_C).is_some() {
        return Err(format!("{WITHOUT_C} was set"));
    }
    if env::var_os("CARGO_CFG_MIRI").is_some() {
        return Err("Miri cannot call C".to_owned());
    }
    if (target("ENDIAN"), target("POINTER_WIDTH"))
        != ("little".to_owned(), "64".to_owned())
    {
        return Err("it is for little-endian 64-bit machines".to_owned());
    }
    let version = version()?;
    let mut build = cc::Build::new();
    build.files(SOURCES).std("c11").warnings(true).extra_warnings(true);
    // The same code in every profile; by default a function per section.
    build.opt_level(3).debug(false).force_frame_pointer(false);
    // Which flags of Rust's are inherited depends on the version of `cc`.
    build.inherit_rustflags(false);
    for flag in HARDENING {
        build.flag_if_supported(flag);
    }
    if target("ARCH") == "x86_64" {
        for flag in ALIGNMENT {
            build.flag_if_supported(flag);
        }
        if let Some(cpu) = target_cpu() {
            build.flag_if_supported(format!("-march={cpu}"));
        }
    }
    let compiler = build.get_compiler();
    let flags = compiler.args().iter().map(|flag| flag.to_string_lossy());
    let flags = flags.collect::<Vec<_>>().join("\u{1f}");
    build.compile("ringside");
    Ok(Compiled { version, flags })
}

/// The first line of what the compiler says about itself.
fn version() -> Result<String, String> {
    // Its name is all that is wanted, and it is no mistake to have none.
    let found = cc::Build::new().cargo_warnings(false).try_get_compiler();
    let missing = || {
        watch_programs();
        let which = env::var("CC").unwrap_or_else(|_| "cc".to_owned());
        format!("no C compiler, {which} does not run")
    };
    let output = found
        .ok()
        .and_then(|compiler| {
            Command::new(compiler.path()).arg("--version").output().ok()
        })
        .filter(|output| output.status.success())
        .ok_or_else(missing)?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().next().unwrap_or("unknown").to_owned())
}

/// Has cargo look again when a compiler may have been installed.
fn watch_programs() {
    println!("cargo::rerun-if-env-changed=PATH");
    let path = env::var_os("PATH").unwrap_or_default();
    for folder in env::split_paths(&path).filter(|folder| folder.is_dir()) {
        println!("cargo::rerun-if-changed={}", folder.display());
    }
}

/// The level of the instruction set that Rust's code has, when one was given.
fn target_cpu() -> Option<String> {
    println!("cargo::rerun-if-env-changed=CARGO_ENCODED_RUSTFLAGS");
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").ok()?;
    let mut cpus = flags.split('\u{1f}').filter_map(|flag| {
        let flag = flag.strip_prefix("-C").unwrap_or(flag);
        flag.trim_start().strip_prefix("target-cpu=")
    });
    cpus.next_back().map(str::to_owned)
}

fn target(what: &str) -> String {
    env::var(format!("CARGO_CFG_TARGET_{what}")).unwrap_or_default()
}

fn record(name: &str, value: &str) {
    println!("cargo::rustc-env=RINGSIDE_CC_{name}={value}");
}
