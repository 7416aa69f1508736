//! The program; everything is in the library, so that manual pages can be made from its arguments.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    mfa_enroll::main()
}
