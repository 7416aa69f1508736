//! Why what a security key says is not accepted.

use std::fmt;

/// Why a key's answer is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unacceptable {
    /// The client data cannot be read.
    ClientData,
    /// It answers another kind of question: making a credential is not proving one.
    OtherPurpose,
    /// It answers another question.
    OtherChallenge,
    /// It was asked elsewhere.
    OtherOrigin,
    /// What the key says cannot be read.
    AuthenticatorData,
    /// The credential is for another relying party.
    OtherRelyingParty,
    /// Not one of the credentials that were asked for.
    OtherCredential,
    /// Nobody touched the key.
    NotTouched,
    /// The key does not know who touched it, and it must.
    NotVerified,
    /// The signature does not hold.
    Signature,
    /// The key did not tell its make and model, and it must.
    ModelUntold,
    /// What it tells of its make and model cannot be read, or is in a format that is not known.
    Attestation,
    /// Nobody vouches for what it tells: the attestation's signature or certificate does not hold.
    AttestationSignature,
    /// The maker is not one of those that the site trusts.
    OtherMaker,
    /// The model is not one that the site takes.
    OtherModel,
}

impl fmt::Display for Unacceptable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ClientData | Self::AuthenticatorData => {
                "The security key's answer cannot be understood. Try again, or try another key."
            }
            Self::OtherPurpose | Self::OtherChallenge | Self::OtherOrigin => {
                "The security key answered another question than the one it was asked. Try again."
            }
            Self::OtherRelyingParty | Self::OtherCredential => {
                "The security key answered for something else than what it was asked for. Try again."
            }
            Self::NotTouched => "Nobody touched the security key. Try again, and touch it when it blinks.",
            Self::NotVerified => {
                "Here a security key must ask for its PIN or a fingerprint, and this one did not. Set a PIN on it, or \
                 take another key."
            }
            Self::Signature => "The security key's signature is wrong. Try again, or try another key.",
            Self::ModelUntold => {
                "Here only keys are taken that tell their make and model, and this one did not. Take another key, or \
                 ask your administrator which."
            }
            Self::Attestation | Self::AttestationSignature => {
                "What the key tells of its make and model does not hold. Take another key, or ask your administrator."
            }
            Self::OtherMaker => "Keys of this maker are not taken here. Ask your administrator which are.",
            Self::OtherModel => "Keys of this model are not taken here. Ask your administrator which are.",
        })
    }
}

impl std::error::Error for Unacceptable {}
