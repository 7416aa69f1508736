//! Names of PAM services, and the classes that hold them. Never looks at `/etc/pam.d`: which services have the module
//! in their stack is for `mfactl doctor` to find.
//!
//! | class | holds | what it is |
//! |---|---|---|
//! | `@ssh` | sshd | logins and commands over SSH |
//! | `@login` | login, remote | the text console; util-linux `login -h` |
//! | `@sudo` | sudo, sudo-i, doas | one command, or a shell, as somebody else |
//! | `@su` | su, su-l | a shell as somebody else, with and without `-` |
//! | `@polkit` | polkit-1 | pkexec and everything graphical that asks for an administrator |
//! | `@desktop` | the display managers | graphical logins; GNOME's lock screen is gdm-password too |
//! | `@lock` | the screen lockers | an open session that was left |
//!
//! `runuser`, `cron`, `atd`, `systemd-user` and autologin services are in no class: nobody is there to be asked.

use std::fmt;

/// A class of services, written `@ssh` in the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// `@ssh`
    Ssh,
    /// `@login`
    Login,
    /// `@sudo`
    Sudo,
    /// `@su`
    Su,
    /// `@polkit`
    Polkit,
    /// `@desktop`
    Desktop,
    /// `@lock`
    Lock,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 7] = [Self::Ssh, Self::Login, Self::Sudo, Self::Su, Self::Polkit, Self::Desktop, Self::Lock];

    /// The policy's word, `@` included.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ssh => "@ssh",
            Self::Login => "@login",
            Self::Sudo => "@sudo",
            Self::Su => "@su",
            Self::Polkit => "@polkit",
            Self::Desktop => "@desktop",
            Self::Lock => "@lock",
        }
    }

    /// The PAM services of the class.
    #[must_use]
    pub fn members(self) -> &'static [&'static str] {
        match self {
            Self::Ssh => &["sshd"],
            Self::Login => &["login", "remote"],
            Self::Sudo => &["sudo", "sudo-i", "doas"],
            Self::Su => &["su", "su-l"],
            Self::Polkit => &["polkit-1"],
            Self::Desktop => DESKTOP,
            Self::Lock => LOCK,
        }
    }

    /// The class of a PAM service, if it is in one. Letters' case does not count: libpam folds it.
    #[must_use]
    pub fn of(service: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.holds(service))
    }

    /// Whether nobody comes to such a service over the network: they are logged in already.
    #[must_use]
    pub fn has_no_address(class: Option<Self>) -> bool {
        matches!(class, Some(Self::Sudo | Self::Su | Self::Polkit | Self::Lock))
    }

    fn holds(self, service: &str) -> bool {
        self.members().iter().any(|member| member.eq_ignore_ascii_case(service))
    }

    fn bit(self) -> u8 {
        1 << (self as u8)
    }
}

const DESKTOP: &[&str] = &[
    "gdm",
    "gdm-password",
    "gdm-fingerprint",
    "gdm-smartcard",
    "gdm-smartcard-pkcs11-exclusive",
    "gdm-smartcard-sssd-exclusive",
    "gdm-smartcard-sssd-or-password",
    "gdm-switchable-auth",
    "lightdm",
    "sddm",
    "plasmalogin",
    "greetd",
    "cosmic-greeter",
    "lxdm",
    "ly",
    "slim",
    "wdm",
    "xdm",
    "kdm",
    "lemurs",
    "xrdp-sesman",
];

const LOCK: &[&str] = &[
    "kde",
    "kde-fingerprint",
    "kde-smartcard",
    // xsecurelock, as distributions build it: it has no stack of its own.
    "common-auth",
    "system-auth",
    "kscreenlocker",
    "kscreensaver",
    "swaylock",
    "waylock",
    "gtklock",
    "hyprlock",
    "i3lock",
    "xsecurelock",
    "xscreensaver",
    "xfce4-screensaver",
    "mate-screensaver",
    "cinnamon-screensaver",
    "budgie-screensaver",
    "gnome-screensaver",
    "xlock",
    "vlock",
    "physlock",
];

/// Whether the one who authenticates at this service is by its nature the one who is asking: they log in, or unlock
/// what is theirs. `who = "caller"` means the account itself there.
pub(super) fn caller_is_target(service: &str) -> bool {
    matches!(Class::of(service), Some(Class::Ssh | Class::Login | Class::Desktop | Class::Lock))
}

/// A set of services: classes and single names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Services {
    classes: u8,
    names: Box<[Box<str>]>,
}

impl Services {
    /// Every class and no other name: what `[defaults]` covers when it does not say.
    #[must_use]
    pub fn all_classes() -> Self {
        Self { classes: Class::ALL.into_iter().fold(0, |bits, class| bits | class.bit()), names: Box::default() }
    }

    /// A set of classes and names; names are folded to lower case, as libpam does.
    #[must_use]
    pub fn new(classes: &[Class], names: &[&str]) -> Self {
        let mut names: Vec<Box<str>> = names.iter().map(|name| name.to_ascii_lowercase().into()).collect();
        names.sort_unstable();
        names.dedup();
        Self { classes: classes.iter().fold(0, |bits, class| bits | class.bit()), names: names.into() }
    }

    /// Whether the PAM service is in the set.
    #[must_use]
    pub fn contains(&self, service: &str) -> bool {
        self.names.iter().any(|name| name.eq_ignore_ascii_case(service))
            || Class::of(service).is_some_and(|class| self.classes & class.bit() != 0)
    }

    /// Every PAM service in the set; a name may come twice.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.classes().flat_map(|class| class.members().iter().copied()).chain(self.names.iter().map(AsRef::as_ref))
    }

    fn classes(&self) -> impl Iterator<Item = Class> {
        Class::ALL.into_iter().filter(|class| self.classes & class.bit() != 0)
    }

    /// Whether every service of this set is in the other one.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        let beyond = self.classes().filter(|class| other.classes & class.bit() == 0);
        let mut others = beyond.flat_map(|class| class.members().iter().copied());
        others.all(|service| other.contains(service)) && self.names.iter().all(|service| other.contains(service))
    }
}

impl fmt::Display for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words: Vec<&str> = self.classes().map(Class::as_str).collect();
        words.extend(self.names.iter().map(AsRef::as_ref));
        f.write_str(&words.join(", "))
    }
}
