//! For the tests: an application without libpam.

use crate::host::{Aside, ConverseError, Host, Item, Level};
use mfa_proto::Secret;
use mfa_proto::login::{Note, Prompt};
use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::ffi::CStr;
use zeroize::Zeroizing;

/// What happens while the application asks: it may change its items.
type Meanwhile = Box<dyn FnMut(&mut HashMap<&'static str, Vec<u8>>)>;

/// An application whose user types what the test says.
#[derive(Default)]
pub(crate) struct Application {
    items: HashMap<&'static str, Vec<u8>>,
    pub(crate) pam_environment: HashMap<&'static str, Vec<u8>>,
    pub(crate) password: Option<String>,
    pub(crate) replies: VecDeque<Result<String, ConverseError>>,
    pub(crate) meanwhile: Option<Meanwhile>,
    pub(crate) asked: Vec<(Vec<Note>, Prompt)>,
    pub(crate) shown: Vec<Note>,
    pub(crate) line: Option<String>,
    pub(crate) put_aside: Option<Aside>,
    pub(crate) refuses_passwords: bool,
    pub(crate) refuses_to_keep: bool,
    log: RefCell<Vec<(Level, String)>>,
}

impl Application {
    /// alice, by ssh.
    pub(crate) fn sshd() -> Self {
        let mut application = Self::default();
        application.set(Item::User, "alice");
        application.set(Item::Service, "sshd");
        application.set(Item::RemoteHost, "192.0.2.7");
        application
    }

    pub(crate) fn typing(mut self, replies: &[&str]) -> Self {
        self.replies = replies.iter().map(|reply| Ok((*reply).to_owned())).collect();
        self
    }

    pub(crate) fn set(&mut self, item: Item, value: impl Into<Vec<u8>>) {
        self.items.insert(name(item), value.into());
    }

    pub(crate) fn unset(&mut self, item: Item) {
        self.items.remove(name(item));
    }

    pub(crate) fn log(&self) -> Vec<(Level, String)> {
        self.log.borrow().clone()
    }

    pub(crate) fn prompts(&self) -> Vec<&str> {
        self.asked.iter().map(|(_, prompt)| prompt.text.as_str()).collect()
    }
}

fn name(item: Item) -> &'static str {
    match item {
        Item::User => "user",
        Item::Service => "service",
        Item::RemoteHost => "rhost",
        Item::RemoteUser => "ruser",
        Item::Terminal => "tty",
    }
}

impl Host for Application {
    fn item(&self, item: Item) -> Option<Vec<u8>> {
        self.items.get(name(item)).cloned()
    }

    fn pam_variable(&self, name: &CStr) -> Option<Vec<u8>> {
        self.pam_environment.get(name.to_str().unwrap()).cloned()
    }

    fn is_password(&self, answer: &Secret) -> bool {
        self.password.as_deref().is_some_and(|password| !password.is_empty() && password == answer.expose())
    }

    fn has_password(&self) -> bool {
        self.password.as_deref().is_some_and(|password| !password.is_empty())
    }

    fn password(&self) -> Option<Zeroizing<Vec<u8>>> {
        self.password.as_ref().map(|password| Zeroizing::new(password.as_bytes().to_vec()))
    }

    fn set_password(&mut self, password: &[u8]) -> bool {
        if !self.refuses_passwords {
            self.password = Some(String::from_utf8(password.to_vec()).unwrap());
        }
        !self.refuses_passwords
    }

    fn ask(&mut self, notes: &[Note], prompt: &Prompt) -> Result<Secret, ConverseError> {
        self.asked.push((notes.to_vec(), prompt.clone()));
        if let Some(meanwhile) = &mut self.meanwhile {
            meanwhile(&mut self.items);
        }
        self.replies.pop_front().unwrap_or(Err(ConverseError::Failed)).map(Secret::new)
    }

    fn show(&mut self, notes: &[Note]) {
        self.shown.extend_from_slice(notes);
    }

    fn log(&self, level: Level, line: &str) {
        self.log.borrow_mut().push((level, line.to_owned()));
    }

    fn keep(&mut self, line: Option<&str>) -> bool {
        if !self.refuses_to_keep {
            self.line = line.map(str::to_owned);
        }
        !self.refuses_to_keep
    }

    fn kept(&self) -> Option<String> {
        self.line.clone()
    }

    fn put_aside(&mut self, aside: Option<Aside>) -> bool {
        let works = aside.is_none() || !self.refuses_to_keep;
        if works {
            self.put_aside = aside;
        }
        works
    }

    fn aside(&self) -> Option<Aside> {
        self.put_aside.clone()
    }
}
