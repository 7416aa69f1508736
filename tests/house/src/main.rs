//! `cargo run --manifest-path tests/Cargo.toml -p house`: draws `docs/session.svg` from `docs/session.txt`.

use house::{drawing, project};

fn main() -> std::io::Result<()> {
    let transcript = project::text("docs/session.txt");
    std::fs::write(project::root().join("docs/session.svg"), drawing::drawing(&transcript))
}
