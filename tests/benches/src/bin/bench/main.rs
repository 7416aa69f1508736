//! Boots a lab, lets the driver measure in it, and shows what came of it beside the goals. `cargo xtask bench` builds
//! and stages what this needs.
#![forbid(unsafe_code)]

mod chart;
mod goals;
mod laboratory;
mod module;
mod options;
mod page;
mod report;

use benches::figures::Figures;
use benches::scale::Scale;
use harness::Outcome;
use module::Module;
use options::Options;
use serde::{Deserialize, Serialize};
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
    let Run { figures, module, .. } = match &options.from {
        Some(file) => serde_json::from_str(&std::fs::read_to_string(file)?)?,
        None => measure(options)?,
    };
    print!("{}", report::table(&figures, &module));
    print!("{}", report::goals(&goals::weigh(&figures, &module)));
    if let Some(folder) = &options.plots {
        page::write(folder, &figures, &goals::weigh(&figures, &module))?;
    }
    Ok(())
}

/// What was measured in one run, as `--json` writes it.
#[derive(Serialize, Deserialize)]
struct Run {
    scale: Scale,
    figures: Figures,
    module: Module,
}

fn measure(options: &Options) -> Outcome<Run> {
    let scale = options.scale.clone();
    let lab = laboratory::boot(&scale)?;
    let module = module::look_at(&lab, options.crates)?;
    let run = Run { figures: laboratory::measure(&lab, &scale)?, module, scale };
    if let Some(file) = &options.json {
        std::fs::write(file, serde_json::to_string_pretty(&run)? + "\n")?;
    }
    Ok(run)
}
