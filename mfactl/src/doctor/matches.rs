//! What sshd's `Match` blocks make of it: sshd is asked about a login of each, and it is held against everybody else's.

use super::finding::Finding;
use super::sshd::{another_service, decides, takes_passwords, unasked, where_asked};
use super::{Found, Scene};
use crate::pam::Place;
use crate::sshd::{Block, Effective, Line, blocks};
use crate::system::System;

/// More questions than any real configuration needs: each takes some hundredths of a second.
const MOST_ASKED: usize = 200;

/// A block, and what sshd says of logins that it is about.
pub(crate) struct Matched {
    /// Its first line.
    pub(super) place: Place,
    criteria: String,
    names_users: bool,
    answers: Vec<(String, Effective)>,
}

impl Matched {
    /// Who is meant, as a sentence has it, and what is in force for them.
    pub(super) fn answers(&self) -> impl Iterator<Item = (String, &Effective)> {
        self.answers.iter().map(|(user, own)| {
            (if self.names_users { user.clone() } else { format!("\"Match {}\"", self.criteria) }, own)
        })
    }
}

/// Asks sshd about a login of each block that bears on who is asked.
pub(super) fn matched(system: &dyn System, lines: &[Line]) -> Vec<Matched> {
    let mut left = MOST_ASKED;
    let of = |block: Block| {
        let Block { place, criteria, names_users, connections } = block;
        let ask = |connection: &crate::sshd::Connection| {
            left = left.checked_sub(1)?;
            Some((connection.user().to_owned(), Effective::ask(system, Some(connection))?))
        };
        let answers = connections.iter().filter_map(ask).collect();
        Matched { place, criteria, names_users, answers }
    };
    blocks(system, lines).into_iter().map(of).collect()
}

pub(super) fn blocks_ask_alike(scene: &Scene<'_>) -> Found {
    where_asked(scene, |sshd| {
        let mut found: Vec<Finding> = Vec::new();
        for block in &scene.matched {
            let told = if block.answers.is_empty() { vec![not_looked_at(block)] } else { of(scene, sshd, block) };
            for finding in told {
                if !found.contains(&finding) {
                    found.push(finding);
                }
            }
        }
        found.into()
    })
}

fn not_looked_at(block: &Matched) -> Finding {
    let what = format!("\"Match {}\" was not looked at: no login is known that it is about", block.criteria);
    let mend = "see for yourself, for one of those: sshd -T -C user=NAME,host=H,addr=A,laddr=A,lport=22";
    Finding::warn(what, block.place.to_string(), mend)
}

/// What is worse for those in the block than for everybody else.
fn of(scene: &Scene<'_>, everybodys: &Effective, block: &Matched) -> Vec<Finding> {
    let mut found = Vec::new();
    let place = block.place.to_string();
    let usual = unasked(everybodys);
    for (whom, own) in block.answers() {
        if own.service() != "sshd" && own.service() != everybodys.service() {
            found.push(another_service(own.service(), place.clone()));
        }
        if takes_passwords(own) && !takes_passwords(everybodys) {
            let what = format!("A Match block turns sshd's password method on for {whom}");
            found.push(Finding::warn(what, &place, "PasswordAuthentication no there, too"));
        }
        for by in unasked(own).into_iter().filter(|by| !usual.contains(by)) {
            let what = format!("A Match block lets {whom} in by {by} alone, without being asked for a code");
            // Named users are programs, as `policy explain` writes it; with our account line the policy decides.
            found.push(if block.names_users || decides(scene) {
                Finding::note(what, &place, "meant for automation; else take the block out")
            } else {
                let mend = "take the block out; or our account line in /etc/pam.d/sshd, by which the policy decides";
                Finding::warn(what, &place, mend)
            });
        }
    }
    found
}
