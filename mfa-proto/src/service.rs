//! `org.varlink.service`: what every Varlink server answers, and the errors every server may give.

use serde::{Deserialize, Serialize};

/// Who is this: `{}` → [`Info`].
pub const GET_INFO: &str = "org.varlink.service.GetInfo";
/// What does it speak: [`Interface`] → [`Description`].
pub const GET_INTERFACE_DESCRIPTION: &str = "org.varlink.service.GetInterfaceDescription";

/// No such interface.
pub const INTERFACE_NOT_FOUND: &str = "org.varlink.service.InterfaceNotFound";
/// No such method.
pub const METHOD_NOT_FOUND: &str = "org.varlink.service.MethodNotFound";
/// Parameters that are not of the method's shape.
pub const INVALID_PARAMETER: &str = "org.varlink.service.InvalidParameter";
/// The peer may not call this method, or not about this account.
pub const PERMISSION_DENIED: &str = "org.varlink.service.PermissionDenied";

/// The one error of ours, whatever the interface, with a sentence for the person: [`Refusal`].
pub const REFUSED: &str = "io.mfa.Login.Refused";

/// The interfaces served, with their descriptions.
pub const INTERFACES: [(&str, &str); 8] = [
    ("org.varlink.service", include_str!("../interfaces/org.varlink.service.varlink")),
    ("io.mfa.Login", include_str!("../interfaces/io.mfa.Login.varlink")),
    ("io.mfa.Enrollment", include_str!("../interfaces/io.mfa.Enrollment.varlink")),
    ("io.mfa.Admin", include_str!("../interfaces/io.mfa.Admin.varlink")),
    ("io.mfa.Audit", include_str!("../interfaces/io.mfa.Audit.varlink")),
    ("io.mfa.Keep", include_str!("../interfaces/io.mfa.Keep.varlink")),
    ("io.mfa.Policy", include_str!("../interfaces/io.mfa.Policy.varlink")),
    ("io.mfa.License", include_str!("../interfaces/io.mfa.License.varlink")),
];

/// What [`GET_INFO`] answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Info {
    /// Who made it.
    pub vendor: String,
    /// What it is.
    pub product: String,
    /// Which one.
    pub version: String,
    /// Where to read on.
    pub url: String,
    /// What it speaks.
    pub interfaces: Vec<String>,
}

/// The interface asked about.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Interface {
    /// Fully qualified.
    pub interface: String,
}

/// An interface in Varlink's own notation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Description {
    /// The whole text.
    pub description: String,
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What kind of refusal, for programs.
    pub code: RefusalCode,
    /// What happened and what to do next, for people.
    pub message: String,
}

/// The kinds of [`Refusal`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    /// No such account.
    UnknownUser,
    /// The record and NSS disagree about who this is.
    Conflict,
    /// A factor is needed first, or was given too long ago.
    AuthorizeFirst,
    /// No such factor, or no such pending enrollment, or it has ended.
    NotFound,
    /// The policy does not allow it.
    NotAllowed,
    /// Too many connections, dialogs or tries; later.
    Busy,
    /// Something changed meanwhile; look again and repeat.
    Changed,
    /// The daemon cannot decide anything for now; `mfactl status` says why.
    Broken,
    /// What was given cannot be used, such as a name that is too long.
    Invalid,
}

/// A parameter that was not understood.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InvalidParameter {
    /// Which, or where.
    pub parameter: String,
}

/// A method that is not there.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MethodNotFound {
    /// Fully qualified.
    pub method: String,
}
