//! The words on the command line.

use benches::scale::Scale;
use std::path::PathBuf;

pub(crate) const USAGE: &str = "usage: bench [--quick] [--large] [--rounds N] [--accounts N] [--socket N] [--json FILE]
             [--from FILE] [--plots FOLDER]

  --quick       half a minute, to see that it runs; its figures say little
  --large       also a store with a million accounts (half an hour more)
  --rounds N    how often everybody logs in (3)
  --accounts N  how many local accounts there are (1000)
  --socket N    how many accounts log in at the socket (70000; 0 leaves that out)
  --json FILE   also writes everything that was measured
  --from FILE   measures nothing, and shows what --json wrote there
  --plots FOLDER  also measures what plots need, and writes a page with them there";

/// What is wanted.
pub(crate) struct Options {
    pub(crate) scale: Scale,
    pub(crate) json: Option<PathBuf>,
    /// What an earlier run wrote, to be shown again.
    pub(crate) from: Option<PathBuf>,
    /// The folder that a page with plots is for.
    pub(crate) plots: Option<PathBuf>,
    /// Linked into the module and not ours, as cargo counts them; it is not always here to ask.
    pub(crate) crates: Option<usize>,
}

impl Options {
    pub(crate) fn parse(words: &[String]) -> Result<Self, String> {
        let quick = words.iter().any(|word| word == "--quick");
        let scale = if quick { Scale::QUICK } else { Scale::FULL };
        let mut options = Self { scale, json: None, from: None, plots: None, crates: None };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--quick" => {}
                "--large" => options.scale.large = Some(Scale::MILLION),
                "--rounds" => options.scale.rounds = number(word, words.next(), 1)?,
                "--accounts" => options.scale.accounts = number(word, words.next(), 1)?,
                "--socket" => options.scale.socket = number(word, words.next(), 0)?,
                "--crates" => options.crates = Some(number(word, words.next(), 0)?),
                "--json" => options.json = Some(words.next().ok_or("--json wants a file.")?.into()),
                "--from" => options.from = Some(words.next().ok_or("--from wants a file.")?.into()),
                "--plots" => options.plots = Some(words.next().ok_or("--plots wants a folder.")?.into()),
                other => return Err(format!("{other} is not understood here.")),
            }
        }
        if options.scale.large.is_some() && options.scale.socket == 0 {
            return Err("--large is measured at the socket; leave out --socket 0.".into());
        }
        if options.plots.is_some() {
            options.scale = options.scale.with_plots();
        }
        Ok(options)
    }
}

fn number(word: &str, value: Option<&String>, least: usize) -> Result<usize, String> {
    let number = value.and_then(|value| value.parse().ok()).filter(|number| *number >= least);
    number.ok_or_else(|| format!("{word} wants a number, {least} or more."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn words_change_the_scale_and_nonsense_is_refused() {
        let options = parse("--rounds 5 --quick --json out --large").unwrap();
        assert_eq!((options.scale.rounds, options.scale.accounts), (5, Scale::QUICK.accounts));
        assert_eq!((options.scale.large, options.json), (Some(1_000_000), Some("out".into())));
        for nonsense in ["--rounds", "--rounds 0", "--rounds x", "--json", "--plots", "--slow", "--large --socket 0"] {
            assert!(parse(nonsense).is_err(), "{nonsense}");
        }
    }
}
