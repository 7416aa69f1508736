//! What the outcome of a module does to its stack: `required`, `[success=1 default=ignore]` (pam.conf(5)).

/// What a module may return, as controls name it. Others are `Default`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// `success`
    Success,
    /// `new_authtok_reqd`: right, but the password is too old.
    NewAuthtokReqd,
    /// `ignore`: it has no say.
    Ignore,
    /// `auth_err`: it says no.
    AuthErr,
    /// `user_unknown`: it does not know the account.
    UserUnknown,
    /// `authinfo_unavail`: it cannot find out.
    AuthinfoUnavail,
    /// `maxtries`: no more tries.
    Maxtries,
    /// Anything else that is no success.
    Default,
}

impl Outcome {
    const NAMED: [(&'static str, Self); 7] = [
        ("success", Self::Success),
        ("new_authtok_reqd", Self::NewAuthtokReqd),
        ("ignore", Self::Ignore),
        ("auth_err", Self::AuthErr),
        ("user_unknown", Self::UserUnknown),
        ("authinfo_unavail", Self::AuthinfoUnavail),
        ("maxtries", Self::Maxtries),
    ];
}

/// What is done then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Nothing.
    Ignore,
    /// It counts as a yes, unless there was a no.
    Ok,
    /// As `Ok`, and the stack ends.
    Done,
    /// It counts as a no.
    Bad,
    /// As `Bad`, and the stack ends.
    Die,
    /// What was found so far is forgotten.
    Reset,
    /// So many steps are left out.
    Jump(usize),
}

/// What each outcome does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Control {
    /// As it is written.
    pub(crate) text: String,
    named: Vec<(String, Action)>,
    default: Action,
}

impl Control {
    /// Reads `required` and the like, or what stands in brackets; `None` for what libpam does not understand: there
    /// the stack fails.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let spelled = match text.to_ascii_lowercase().as_str() {
            "required" => "success=ok new_authtok_reqd=ok ignore=ignore default=bad",
            "requisite" => "success=ok new_authtok_reqd=ok ignore=ignore default=die",
            "sufficient" => "success=done new_authtok_reqd=done default=ignore",
            "optional" => "success=ok new_authtok_reqd=ok default=ignore",
            _ => text.strip_prefix('[')?.strip_suffix(']')?,
        };
        // What is neither named nor covered by a default makes the stack fail.
        let (mut named, mut default) = (Vec::new(), Action::Bad);
        let spaced = spelled.replace('=', " = ");
        let mut words = spaced.split_ascii_whitespace();
        while let Some(word) = words.next() {
            let (Some("="), Some(action)) = (words.next(), words.next()) else { return None };
            let action = action_of(action)?;
            match word.to_ascii_lowercase().as_str() {
                "default" => default = action,
                name => named.push((name.to_owned(), action)),
            }
        }
        Some(Self { text: text.to_owned(), named, default })
    }

    /// What it does when the module returns this.
    pub(crate) fn on(&self, outcome: Outcome) -> Action {
        let word = Outcome::NAMED.iter().find(|(_, known)| *known == outcome).map(|(word, _)| *word);
        let named = self.named.iter().rev().find(|(name, _)| Some(name.as_str()) == word);
        named.map_or(self.default, |(_, action)| *action)
    }

    /// What it does with the many ways of saying no, those that have a name of their own here included: each once.
    pub(crate) fn on_refusals(&self) -> Vec<Action> {
        let yes = ["success", "new_authtok_reqd", "ignore"];
        let named = self.named.iter().filter(|(name, _)| !yes.contains(&name.as_str())).map(|(_, action)| *action);
        let mut actions = vec![self.default];
        for action in named {
            if !actions.contains(&action) {
                actions.push(action);
            }
        }
        actions
    }
}

fn action_of(word: &str) -> Option<Action> {
    Some(match word.to_ascii_lowercase().as_str() {
        "ignore" => Action::Ignore,
        "ok" => Action::Ok,
        "done" => Action::Done,
        "bad" => Action::Bad,
        "die" => Action::Die,
        "reset" => Action::Reset,
        number => Action::Jump(number.parse().ok().filter(|steps| *steps > 0)?),
    })
}
