//! Boots a lab, lets the driver measure in it, and shows what came of it beside the goals. `cargo xtask bench` builds
//! and stages what this needs.
#![forbid(unsafe_code)]

mod goals;
mod laboratory;
mod module;
mod options;
mod report;

use harness::Outcome;
use options::Options;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let options = match Options::parse(&words) {
        Ok(options) => options,
        Err(sentence) => {
            eprintln!("{sentence}\n\n{}", options::USAGE);
            return ExitCode::from(2);
        }
    };
    match bench(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn bench(options: &Options) -> Outcome {
    let lab = laboratory::boot(&options.scale)?;
    let module = module::look_at(&lab, options.crates)?;
    let figures = laboratory::measure(&lab, &options.scale)?;
    print!("{}", report::table(&figures, &module));
    print!("{}", report::goals(&goals::weigh(&figures, &module)));
    if let Some(file) = &options.json {
        let json = serde_json::json!({ "scale": options.scale, "figures": figures, "module": module });
        std::fs::write(file, serde_json::to_string_pretty(&json)? + "\n")?;
    }
    Ok(())
}
