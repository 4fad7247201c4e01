//! Records what the program was built from and how, for `build_info`.

mod apparatus;
mod sources;

use std::env;
use std::path::Path;
use std::process::Command;

/// What goes into the program, relative to the workspace.
const SOURCES: [&str; 9] = [
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain.toml",
    ".cargo",
    "driver",
    "nic-model",
    "variants",
    "bench-runner/src",
    "bench-runner/build",
];

fn main() {
    let folder = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    let workspace = Path::new(&folder).join("..");
    for source in SOURCES {
        watch(&workspace.join(source));
    }

    let checkout = Checkout::find(&workspace);
    let commit = checkout.as_ref().and_then(Checkout::commit);
    let dirty = checkout.as_ref().is_some_and(Checkout::dirty);
    if let Some(checkout) = &checkout {
        checkout.watch();
    }
    let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_string());
    let compiler = output(Command::new(rustc).arg("--version"));

    record("COMMIT", commit.as_deref().unwrap_or("unknown"));
    record("DIRTY", if dirty { "true" } else { "false" });
    record("SOURCES", &sources::digest(&workspace, &SOURCES));
    let apparatus = apparatus::digest(&workspace);
    record("APPARATUS", apparatus.as_deref().unwrap_or("unknown"));
    record("COMPILER", compiler.as_deref().unwrap_or("unknown"));
    record("FLAGS", &from_cargo("CARGO_ENCODED_RUSTFLAGS"));
    record("PROFILE", &from_cargo("PROFILE"));
    record("TARGET", &from_cargo("TARGET"));
}

/// The git checkout that the workspace is the top of. A copy without `.git`
/// is none, also when it lies in a checkout of something else.
struct Checkout<'a> {
    workspace: &'a Path,
}

impl<'a> Checkout<'a> {
    fn find(workspace: &'a Path) -> Option<Self> {
        workspace.join(".git").exists().then_some(Self { workspace })
    }

    fn commit(&self) -> Option<String> {
        self.git(&["rev-parse", "HEAD"])
    }

    /// Whether a source differs from the commit or is not part of it.
    fn dirty(&self) -> bool {
        // `status` would otherwise refresh the index, which is watched.
        let mut words = vec!["--no-optional-locks", "status"];
        words.extend(["--porcelain", "--"]);
        words.extend(SOURCES);
        self.git(&words).is_none_or(|changes| !changes.is_empty())
    }

    /// Watches the files that change with the commit.
    fn watch(&self) {
        let branch = self.git(&["rev-parse", "--symbolic-full-name", "HEAD"]);
        let files = ["HEAD", "logs/HEAD", "index", "packed-refs"];
        for file in files.into_iter().chain(branch.as_deref()) {
            // In a linked work tree `.git` is a file that names the folder.
            if let Some(path) = self.git(&["rev-parse", "--git-path", file]) {
                watch(&self.workspace.join(path));
            }
        }
    }

    fn git(&self, words: &[&str]) -> Option<String> {
        let mut command = Command::new("git");
        output(command.arg("-C").arg(self.workspace).args(words))
    }
}

/// Has cargo run this script again when the path changes. A path that is not
/// there would make it run every time.
fn watch(path: &Path) {
    if path.exists() {
        println!("cargo::rerun-if-changed={}", path.display());
    }
}

fn record(name: &str, value: &str) {
    println!("cargo::rustc-env=RINGSIDE_{name}={value}");
}

fn from_cargo(name: &str) -> String {
    println!("cargo::rerun-if-env-changed={name}");
    env::var(name).unwrap_or_default()
}

/// What a command says, without the line's end; absent when it fails.
fn output(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|o| o.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim().to_string())
}
