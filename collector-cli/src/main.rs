//! The collector's command line.

fn main() -> std::process::ExitCode {
    collector_cli::main()
}
