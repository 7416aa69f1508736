//! Whether a login would ask for a code: for applications that ask once, whose user has typed it behind the password.
//! It weighs what a login weighs, begins nothing and records nothing.

use crate::arrival::{Arrival, arrive};
use crate::conversation::Conversation;
use crate::listen::{Answer, Failure, Subject, refuse};
use crate::login::tell;
use crate::scene::{Trouble, Weighed};
use mfa_core::dialog;
use mfa_proto::frame::{Call, encode_reply};
use mfa_proto::login::Due;
use mfa_proto::service::RefusalCode;
use std::rc::Rc;

/// `io.mfa.Login.Due`: weighs it as `Begin` does, and leaves it at that.
pub(crate) async fn due(conversation: &mut Conversation, whose: Subject, call: &Call<'_>) -> Result<Answer, Failure> {
    let Arrival { scene, context, .. } = arrive(conversation, whose, call).await?;
    let daemon = Rc::clone(conversation.daemon());
    let Weighed { plan, account, .. } = match scene.weigh(&daemon).await {
        Ok(weighed) => weighed,
        Err(trouble) => {
            tell(&scene, &context, &trouble);
            return Err(undecidable(&trouble));
        }
    };
    let Some(loaded) = daemon.loaded() else { return Err(undecidable(&Trouble::Broken(String::new()))) };
    let due = dialog::due(&plan, &account, &scene.ties(&daemon, &loaded));
    let digits = due.as_ref().map(|due| due.digits.clone()).unwrap_or_default();
    Ok(encode_reply(&Due { due: due.is_some(), digits })?)
}

fn undecidable(trouble: &Trouble) -> Failure {
    match trouble {
        Trouble::Broken(_) => refuse(
            RefusalCode::Broken,
            "The second factor cannot be checked now. Tell your administrator: mfactl status",
        ),
        Trouble::Conflict(_) => refuse(RefusalCode::Conflict, "It is not clear whose account this is."),
    }
}
