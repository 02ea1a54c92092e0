//! The binary; everything it does is in the library beside it, where tests reach it too.

fn main() -> std::process::ExitCode {
    sync_server::run(std::env::args_os())
}
