//! `io.mfa.Enrollment.AddEmail` and `ConfirmEmail`: a mail address of one's own as a factor.
//!
//! What was mailed is known to this connection alone, until it is confirmed or the connection ends.

use crate::conversation::Conversation;
use crate::desk::{Desk, refused};
use crate::enrollment::seconds_left;
use crate::listen::{Answer, Failure, Subject, refuse};
use mfa_core::account::Identity;
use mfa_core::enrollment::{Verified, Verifying, begin_mail, confirm_mail};
use mfa_proto::enrollment as wire;
use mfa_proto::frame::{Call, encode_reply};
use mfa_proto::service::RefusalCode;

/// An address on its way, and whose it is to be.
pub(crate) struct Posted {
    whose: Identity,
    verifying: Verifying,
}

/// `io.mfa.Enrollment.AddEmail`
pub(crate) async fn add(conversation: &mut Conversation, whose: Subject, call: &Call<'_>) -> Result<Answer, Failure> {
    let wire::AddEmail { address, name, .. } = call.parameters()?;
    let desk = Desk::open(conversation, whose.known()?)?;
    let begun = desk.settle_by_rules(conversation, |view, rules| {
        let wish = (&address[..], name.as_deref());
        let begun = begin_mail(&view.account, &view.permission, rules, wish, view.when());
        begun.map(|(commit, verifying)| (Some(commit), (verifying, view.at.now))).map_err(refused)
    });
    let (verifying, now) = begun.await?;
    let mailed = wire::MailedCode {
        address: verifying.address().to_string(),
        expires_in: seconds_left(verifying.until(), now).unwrap_or(0),
        goes_out: conversation.daemon().mail_goes_out.get(),
    };
    conversation.posted = Some(Posted { whose: desk.whose.identity, verifying });
    Ok(encode_reply(&mailed)?)
}

/// `io.mfa.Enrollment.ConfirmEmail`
pub(crate) async fn confirm(
    conversation: &mut Conversation,
    whose: Subject,
    call: &Call<'_>,
) -> Result<Answer, Failure> {
    let wire::ConfirmEmail { code, .. } = call.parameters()?;
    let desk = Desk::open(conversation, whose.known()?)?;
    let posted = conversation.posted.take().filter(|posted| posted.whose == desk.whose.identity);
    let Some(posted) = posted else {
        let text = "No code was mailed on this connection. Begin again: mfa-enroll add email ADDRESS";
        return Err(refuse(RefusalCode::NotFound, text));
    };
    let result = weigh(&desk, conversation, (&posted.verifying, code.expose())).await;
    // After a wrong code there is another try; a right one and one that has ended are over.
    if !matches!(result, Ok(wire::Verification::Done | wire::Verification::Ended)) {
        conversation.posted = Some(posted);
    }
    Ok(encode_reply(&wire::VerifiedEmail { result: result? })?)
}

async fn weigh(
    desk: &Desk,
    conversation: &mut Conversation,
    (verifying, typed): (&Verifying, &str),
) -> Result<wire::Verification, Failure> {
    let weighed = desk.settle_by_rules(conversation, |view, rules| {
        let verified = confirm_mail(&view.account, &view.permission, rules, (verifying, typed), view.when());
        Ok(match verified.map_err(refused)? {
            Verified::Right(commit) => (Some(*commit), wire::Verification::Done),
            Verified::Wrong(counted) => (counted.map(|commit| *commit), wire::Verification::Wrong),
            Verified::Ended => (None, wire::Verification::Ended),
        })
    });
    weighed.await
}
