//! Installs the form engines that ours is compared with and writes their folder on standard output; nothing where there
//! can be none, with the reason on standard error. `cargo xtask test` calls it before the suites.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a tool talks to whoever called it")]

use std::process::ExitCode;

use tests::oracle::{Oracle, WHY_NOT_HERE};

fn main() -> ExitCode {
    match Oracle::prepare() {
        Ok(Some(oracle)) => println!("{}", oracle.folder().display()),
        Ok(None) => eprintln!("no oracle: {}", WHY_NOT_HERE.unwrap_or_default()),
        Err(failure) => {
            eprintln!("Error: {failure}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
