//! The site's policy: who is asked for a second factor, where, and which one.
//!
//! [`parse`] turns the text of `policy.toml` and `policy.d/*.toml` into a [`Policy`]; [`evaluate`] turns a policy, what
//! is known of a login ([`Request`]) and what its account has enrolled ([`Standing`]) into a [`Decision`]; [`explain`]
//! is the same walk, told. Nothing here reads a file, a clock or a directory: facts come in, a decision comes out.
//!
//! # How a rule is chosen
//! Rules are tried in order and the first that matches decides; without one, `[defaults]` decide. A condition is true,
//! false or [`Truth::Unknown`], and so is a rule: false if one of its conditions is, else unknown if one is.
//!
//! A rule that is unknown *may* decide, and so may each that follows it, up to the first that is true. Of all these the
//! **strictest** decides ([`Strictness`]; between equals, the earliest, but the surest where nothing is asked). So an
//! unknown rule counts where it asks for more than what follows, and is passed over where it relaxes. What may be
//! remembered (`ask_again`, `remember`) is the least that any of them allows, and keys check their user (`verify_user`) if
//! any of them wants it. Hence the property that the tests prove:
//! *not knowing something never makes a login easier than knowing it would, whatever the truth is.*
mod calendar;
mod compare;
mod condition;
mod diagnostic;
mod draft;
mod evaluate;
mod explain;
mod facts;
mod lint;
mod literal;
mod model;
mod parse;
mod plan;
mod reach;
mod reader;
mod service;
mod ssh_auth;
mod suggest;
#[cfg(test)]
mod tests;

pub use calendar::{End, Hours, LocalTime, local_time};
pub use compare::{Change, Comparison, Enrolls, Refused, Way, gets_in, showable};
pub use condition::{Condition, Names, Networks, Truth};
pub use diagnostic::{Diagnostic, Snippet};
pub(crate) use diagnostic::{is_invisible, quoted};
pub use evaluate::{Decision, NeedGroups, evaluate};
pub use explain::{Considered, Explanation, explain};
pub use facts::{Address, Caller, Groups, Origin, Person, Request, Standing};
pub use lint::{lint, without_mail, without_verified_ssh_keys};
pub use model::{Enrolling, Grace, Policy, Requirement, Rule, Settings, Who};
pub use parse::{Parsed, Source, parse};
pub use plan::{Ask, Deny, Enroll, Plan, Skip, Strictness};
pub use reach::{Required, Subject, addable, required, strictest, verifies_user};
pub use service::{Class, Services};
pub use ssh_auth::{Fingerprint, Method, NotSshAuth, SshAuth, SshKey, SshMethod};
