//! The program `bench-runner` under another name, so that it can be linked
//! again without the one that runs being overwritten.

use std::process::ExitCode;

fn main() -> ExitCode {
    bench_runner::cli::main()
}
