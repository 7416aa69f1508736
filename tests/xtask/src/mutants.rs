//! `cargo xtask mutants`: takes the protections out one at a time, in a copy of the tree, and sees whether the test that is
//! meant to hold each of them fails. It never changes the tree it is called from.

mod list;
mod tree;

use std::collections::BTreeSet;
use std::time::Instant;

use crate::places::root;
use crate::{Command, Stop, take_flag};
use list::Mutant;
use tree::{Ended, Tree};

pub(crate) const COMMAND: Command = Command {
    name: "mutants",
    summary: "Take protections out one at a time, and see their tests fail",
    usage: "usage: cargo xtask mutants [--list] [WORD…]

Each entry of tests/mutants names a protection, the lines that are taken out, and the test that must fail without them.
It is done in a copy of the tree (target/mutants), as it is now. A mutant that survives is a test that shows nothing.

  WORD    only those with this word in their name, their file or their test
  --list  says which there are, and whether they still fit
example: cargo xtask mutants throttle",
    run: |words| {
        let mut words = words.to_vec();
        let list_only = take_flag(&mut words, "--list");
        let mutants = chosen(&words)?;
        if list_only { show(&mutants) } else { kill(&mutants) }
    },
};

/// Whether every entry still fits the code, and names a test that is there. Takes no time.
pub(crate) fn still_fit() -> Result<(), Stop> {
    let mutants = list::all()?;
    let mut wrong: Vec<String> = mutants.iter().filter_map(|mutant| mutant.in_tree(&root()).err()).collect();
    let tests: BTreeSet<String> = tree::functions();
    let unknown = mutants.iter().filter(|mutant| !tests.contains(mutant.test()));
    wrong.extend(unknown.map(|mutant| format!("{}: there is no test {}", mutant.name, mutant.test())));
    if wrong.is_empty() { Ok(()) } else { Err(Stop::Failed(wrong.join("\n"))) }
}

fn chosen(words: &[String]) -> Result<Vec<Mutant>, Stop> {
    let mut mutants = list::all()?;
    mutants.retain(|mutant| words.is_empty() || words.iter().any(|word| mutant.is_meant_by(word)));
    if mutants.is_empty() {
        return Err(Stop::Usage("No mutant is called so. See: cargo xtask mutants --list".into()));
    }
    // What is built once for one is not built again for its neighbour.
    mutants.sort_by(|one, other| (&one.package, &one.file).cmp(&(&other.package, &other.file)));
    Ok(mutants)
}

fn show(mutants: &[Mutant]) -> Result<(), Stop> {
    for mutant in mutants {
        println!("{:40} {}", mutant.name, mutant.what);
    }
    println!("{} mutants", mutants.len());
    still_fit()
}

/// What came of one.
enum Fate {
    Killed,
    Survived,
    /// It could not be tried; a sentence.
    Untried(String),
}

fn kill(mutants: &[Mutant]) -> Result<(), Stop> {
    still_fit()?;
    let tree = Tree::of_now()?;
    sound(&tree, mutants)?;
    let (mut survivors, mut untried) = (Vec::new(), Vec::new());
    for (number, mutant) in mutants.iter().enumerate() {
        let begun = Instant::now();
        print!("{:3}/{} {:44} ", number + 1, mutants.len(), mutant.name);
        flush();
        let fate = fate(&tree, mutant)?;
        let seconds = begun.elapsed().as_secs();
        match fate {
            Fate::Killed => println!("killed by {} ({seconds} s)", mutant.test()),
            Fate::Survived => {
                println!("SURVIVED {} ({seconds} s)", mutant.test());
                survivors.push(mutant.name.clone());
            }
            Fate::Untried(why) => {
                println!("{why}");
                untried.push(mutant.name.clone());
            }
        }
    }
    verdict(mutants.len(), &survivors, &untried)
}

fn verdict(number: usize, survivors: &[String], untried: &[String]) -> Result<(), Stop> {
    println!("\n{} of {number} killed", number - survivors.len() - untried.len());
    if survivors.is_empty() && untried.is_empty() {
        return Ok(());
    }
    let said = |what: &str, names: &[String]| {
        if names.is_empty() { String::new() } else { format!("{what}: {}. ", names.join(", ")) }
    };
    Err(Stop::Failed(format!(
        "{}{}A survivor is a test that is missing, or code that does nothing.",
        said("Survived", survivors),
        said("Not tried", untried)
    )))
}

/// With nothing taken out every test that is named passes; a failure later is then the mutant's.
fn sound(tree: &Tree, mutants: &[Mutant]) -> Result<(), Stop> {
    let targets: BTreeSet<&[String]> = mutants.iter().map(|mutant| mutant.target.as_slice()).collect();
    for target in targets {
        let of_it = mutants.iter().filter(|mutant| mutant.target == target);
        let tests: Vec<&str> = of_it.map(Mutant::test).collect::<BTreeSet<_>>().into_iter().collect();
        println!("With nothing taken out: {} tests of cargo test {}", tests.len(), target.join(" "));
        tree.build(target).map_err(Stop::Failed)?;
        for (test, ended) in tests.iter().zip(tree.run(target, &tests)?) {
            if ended != Ended::Passed {
                return Err(Stop::Failed(format!("{test} does not pass with nothing taken out.")));
            }
        }
    }
    Ok(())
}

fn fate(tree: &Tree, mutant: &Mutant) -> Result<Fate, Stop> {
    tree.replace(&mutant.file, &mutant.in_tree(tree.root()).map_err(Stop::Failed)?)?;
    let fate = match tree.build(&mutant.target) {
        Err(why) => Fate::Untried(why),
        Ok(()) => match tree.run(&mutant.target, &[mutant.test()])?.as_slice() {
            [Ended::Failed] => Fate::Killed,
            [Ended::Passed] => Fate::Survived,
            _ => Fate::Untried(format!("{} did not come to its end", mutant.test())),
        },
    };
    tree.restore(&mutant.file)?;
    Ok(fate)
}

fn flush() {
    let _ = std::io::Write::flush(&mut std::io::stdout());
}
