//! What administrators see of mail, and the try they may send.

use super::writing;
use crate::conversation::Conversation;
use crate::daemon::Loaded;
use crate::listen::{Answer, Failure, refuse};
use crate::store::Outbox;
use mfa_core::letter::{Address, NotAnAddress, Topic};
use mfa_proto::admin as wire;
use mfa_proto::frame::{Call, encode_reply};
use mfa_proto::service::RefusalCode;

/// What the settings say about mail.
pub(crate) fn configured(loaded: &Loaded) -> wire::Mail {
    let mail = &loaded.config.settings.mail;
    wire::Mail {
        server: mail.relay.as_ref().map(|relay| relay.server.clone()),
        webhook: mail.webhook,
        warnings: mail.texts.warnings.clone(),
        ..wire::Mail::default()
    }
}

/// Adds what waits.
pub(crate) fn waiting(outbox: &Outbox, mail: &mut wire::Mail) {
    (mail.waiting, mail.since) = (outbox.waiting, outbox.since.map(|at| at.0));
    mail.problem.clone_from(&outbox.problem);
    (mail.sent, mail.failed, mail.dropped) = (outbox.sent, outbox.failed, outbox.dropped);
}

/// `io.mfa.Admin.TestMail`: a letter at once, which never waits in the store.
pub(crate) async fn test_mail(conversation: &mut Conversation, call: &Call<'_>) -> Result<Answer, Failure> {
    let wire::TestMail { address } = call.parameters()?;
    let no_address = |error: NotAnAddress| refuse(RefusalCode::Invalid, format!("That is {error}."));
    let to: Address = address.parse().map_err(no_address)?;
    let daemon = conversation.daemon();
    let broken = || refuse(RefusalCode::Broken, "There is no valid configuration. See: mfactl status");
    let loaded = daemon.loaded().ok_or_else(broken)?;
    let settings = &loaded.config.settings;
    if settings.mail.relay.is_none() {
        let text = "No mail is sent from here: set server and from in /etc/mfa/mfa.toml, [mail].";
        return Err(refuse(RefusalCode::NotAllowed, text));
    }
    let mut mark = [0; 16];
    let _ = getrandom::fill(&mut mark); // a try with a message id of zeros is one all the same
    let letter = writing::letter(&writing::test(mark), Topic::Test, &to, (settings, &daemon.host));
    Ok(encode_reply(&daemon.mail.send(&letter).await)?)
}
