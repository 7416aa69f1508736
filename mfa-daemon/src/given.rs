//! `io.mfa.Admin.Invite` and `TempCode`: codes that administrators give to people, and take back. What they are good for
//! is decided by the core; here they are committed, and shown the one time.

use crate::admin::on_record;
use crate::conversation::Conversation;
use crate::desk::{self, Desk};
use crate::enrollment::count;
use crate::listen::{Answer, Failure, Subject, refuse};
use mfa_core::At;
use mfa_core::account::{Account, Ticket, Write};
use mfa_core::enrollment;
use mfa_core::given::{self as core, Given, Giving, Purpose, Refusal, Wish};
use mfa_proto::Secret;
use mfa_proto::admin as wire;
use mfa_proto::frame::{Call, encode_reply};
use mfa_proto::service::RefusalCode;

/// `io.mfa.Admin.Invite`
pub(crate) async fn invite(
    conversation: &mut Conversation,
    whose: Subject,
    call: &Call<'_>,
) -> Result<Answer, Failure> {
    let wire::Invite { seconds, withdraw, .. } = call.parameters()?;
    if withdraw {
        return take_back(conversation, whose, Purpose::Invite).await;
    }
    let seconds = seconds.unwrap_or(core::INVITE_DEFAULT);
    let desk = Desk::open(conversation, whose.known()?)?;
    has_seat(conversation, &desk).await?;
    let (_, given) = give(conversation, &desk, |account, when| core::invite(account, seconds, when)).await?;
    Ok(encode_reply(&given)?)
}

/// `io.mfa.Admin.TempCode`
pub(crate) async fn temp_code(
    conversation: &mut Conversation,
    whose: Subject,
    call: &Call<'_>,
) -> Result<Answer, Failure> {
    let wire::TempCode { seconds, uses, reason, withdraw, .. } = call.parameters()?;
    if withdraw {
        return take_back(conversation, whose, Purpose::TempCode).await;
    }
    let seconds = seconds.ok_or_else(|| Failure::Parameter("seconds".into()))?;
    let (uses, reason) = (uses.unwrap_or(1), reason.unwrap_or_default());
    let wish = Wish { seconds, uses, reason: &reason };
    let desk = Desk::open(conversation, whose.known()?)?;
    let (_, given) = give(conversation, &desk, |account, when| core::temp_code(account, &wish, when)).await?;
    Ok(encode_reply(&given)?)
}

/// `io.mfa.Admin.Reset` that invites: everything stops working, and the next first factor takes the code.
pub(crate) async fn reset_and_invite(
    conversation: &mut Conversation,
    whose: Subject,
    seconds: u32,
) -> Result<Answer, Failure> {
    let desk = Desk::open(conversation, whose.known()?)?;
    has_seat(conversation, &desk).await?;
    let (before, given) =
        give(conversation, &desk, |account, when| core::reset_and_invite(account, seconds, when)).await?;
    let (factors, backup_codes) = (count(before.factors.len()), count(before.backup.codes.len()));
    Ok(encode_reply(&wire::WasReset { factors, backup_codes, invite: Some(given) })?)
}

/// Whoever would find no seat is not invited to enroll.
async fn has_seat(conversation: &Conversation, desk: &Desk) -> Result<(), Failure> {
    let account = desk.account(conversation)?;
    let rules = desk.rules(conversation, &account).await;
    enrollment::seat(&account, &rules).map(|_| ()).map_err(desk::refused)
}

/// What can be told of a code that is out.
pub(crate) fn outstanding(given: &Given) -> wire::Outstanding {
    wire::Outstanding { until: given.until.0, left: given.left, reason: given.reason.clone() }
}

/// Makes a code for the account as it is, and commits that; the account as it was, and the code.
async fn give(
    conversation: &mut Conversation,
    desk: &Desk,
    decide: impl Fn(&Account, (&At, Ticket)) -> Result<Giving, Refusal>,
) -> Result<(Account, wire::GivenCode), Failure> {
    let made = desk.settle(conversation, |view| {
        let (commit, code) = decide(&view.account, view.when()).map_err(refused)?;
        let given = commit.writes.iter().find_map(|write| match write {
            Write::Give(new) => Some((new.purpose, new.until.0)),
            _ => None,
        });
        Ok((Some(commit), (view.account.clone(), code, given)))
    });
    let (before, code, given) = made.await?;
    let asked_for = match given {
        Some((Purpose::Invite, _)) => is_invite_asked_for(conversation, desk).await?,
        _ => true,
    };
    let (code, until) = (Some(Secret::from(code)), given.map(|(_, until)| until));
    Ok((before, wire::GivenCode { code, until, asked_for, withdrawn: false }))
}

/// Whether some login of the account asks for the enrollment code: by the policy, or since a reset.
async fn is_invite_asked_for(conversation: &Conversation, desk: &Desk) -> Result<bool, Failure> {
    let account = desk.account(conversation)?;
    Ok(desk.rules(conversation, &account).await.by_invitation)
}

/// Voids what was given.
async fn take_back(conversation: &mut Conversation, whose: Subject, purpose: Purpose) -> Result<Answer, Failure> {
    let desk = Desk::open(conversation, on_record(conversation, whose).await?)?;
    let withdrawn = desk.settle(conversation, |view| {
        let commit = core::withdraw(&view.account, purpose, view.when());
        let withdrawn = commit.is_some();
        Ok((commit, withdrawn))
    });
    let nothing = wire::GivenCode { code: None, until: None, asked_for: false, withdrawn: withdrawn.await? };
    Ok(encode_reply(&nothing)?)
}

fn refused(refusal: Refusal) -> Failure {
    let code = match refusal {
        Refusal::HasFactors => RefusalCode::NotAllowed,
        Refusal::InviteTime | Refusal::TempCodeTime | Refusal::Uses | Refusal::Reason => RefusalCode::Invalid,
        Refusal::Internal => RefusalCode::Broken,
    };
    refuse(code, refusal.to_string())
}
