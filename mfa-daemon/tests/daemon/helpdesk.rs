//! The help desk looks after whoever is no administrator, after a code of its own; and nobody else looks after anybody.

use crate::support::{Daemon, NOBODY, Place, as_root, left_out};
use crate::wire::{Phone, Wire, outcome};
use serde_json::json;

/// Of ghost1, who like all ghosts is a member of the group `spirits`.
const GHOST1: u32 = 70_001;
const FOR_THE_HELP_DESK: [&str; 3] = ["io.mfa.Admin.Account", "io.mfa.Admin.Unlock", "io.mfa.Admin.Reset"];

/// Everybody in `spirits` is the help desk.
fn place() -> Place {
    let place = Place::new();
    place.write("config/mfa.toml", b"[administrators]\nhelpdesk = \"spirits\"\n", 0o644);
    place
}

/// A connection of ghost1's, who has just proved to be there.
fn on_duty(daemon: &Daemon<'_>, place: &Place, phone: &mut Phone) -> Wire {
    let mut wire = daemon.connect_as(GHOST1);
    wire.ask("io.mfa.Enrollment.Authorize", json!({}));
    assert_eq!(outcome(&wire.answer(&phone.code(place))), "pass");
    wire
}

#[test]
fn whoever_is_not_of_the_help_desk_lists_and_resets_nobody() {
    if !as_root() {
        return left_out("the help desk");
    }
    let place = place();
    let daemon = place.start();
    let (mut phone, _) = daemon.connect().enroll("nobody", &place);
    let mut wire = daemon.connect_as(NOBODY);
    wire.ask("io.mfa.Enrollment.Authorize", json!({}));
    assert_eq!(outcome(&wire.answer(&phone.code(&place))), "pass");
    for method in FOR_THE_HELP_DESK {
        for user in ["ghost1", "nobody", "root", "no-such-user"] {
            assert_eq!(wire.refused(method, json!({ "user": user })), "PermissionDenied", "{method} {user}");
        }
    }
    assert_eq!(wire.refused("io.mfa.Admin.Accounts", json!({})), "PermissionDenied");
}

#[test]
fn the_help_desk_resets_others_after_a_code_of_its_own_and_no_administrator() {
    if !as_root() {
        return left_out("the help desk");
    }
    let place = place();
    let daemon = place.start();
    daemon.connect().enroll("nobody", &place);
    let nobody = || json!({ "user": "nobody" });

    let mut wire = daemon.connect_as(GHOST1);
    assert_eq!(wire.refused("io.mfa.Admin.Reset", nobody()), "not_allowed", "without a factor of its own");
    let (mut phone, _) = daemon.connect().enroll("ghost1", &place);
    for method in FOR_THE_HELP_DESK {
        assert_eq!(wire.refused(method, nobody()), "authorize_first", "{method}");
    }
    assert_eq!(wire.refused("io.mfa.Admin.Accounts", json!({})), "authorize_first");

    let mut wire = on_duty(&daemon, &place, &mut phone);
    assert_eq!(wire.ask("io.mfa.Admin.Accounts", json!({}))["accounts"][0]["user"], "nobody");
    assert_eq!(wire.ask("io.mfa.Admin.Reset", nobody())["factors"], 1);
    for user in ["root", "ghost1", "ghost2"] {
        for method in FOR_THE_HELP_DESK {
            assert_eq!(wire.refused(method, json!({ "user": user })), "not_allowed", "{method} {user}");
        }
    }
    for method in ["io.mfa.Admin.Status", "io.mfa.Admin.Rebind", "io.mfa.Policy.Reload"] {
        assert_eq!(wire.refused(method, nobody()), "PermissionDenied", "{method}");
    }
    assert_eq!(daemon.connect_as(GHOST1).refused("io.mfa.Admin.Reset", nobody()), "authorize_first");
}

#[test]
fn the_right_of_the_help_desk_ends_with_its_time_and_with_what_is_known_of_groups() {
    if !as_root() {
        return left_out("the help desk");
    }
    let place = place();
    let daemon = place.start();
    let (mut phone, _) = daemon.connect().enroll("ghost1", &place);
    let nobody = || json!({ "user": "nobody" });
    let mut wire = on_duty(&daemon, &place, &mut phone);
    wire.ask("io.mfa.Admin.Unlock", nobody());
    place.set_clock(place.clock() + 301);
    assert_eq!(wire.refused("io.mfa.Admin.Unlock", nobody()), "authorize_first");
    place.set_clock(place.clock() - 600);
    assert_eq!(wire.refused("io.mfa.Admin.Unlock", nobody()), "authorize_first", "a clock turned back gives no right");

    place.set_clock(place.clock() + 600);
    let mut wire = on_duty(&daemon, &place, &mut phone);
    place.name_service("ok", "unavail");
    assert!(daemon.reload());
    assert_eq!(wire.refused("io.mfa.Admin.Unlock", nobody()), "PermissionDenied");
}

#[test]
fn whoever_may_be_an_administrator_is_taken_for_one() {
    if !as_root() {
        return left_out("the help desk");
    }
    let place = place();
    let daemon = place.start();
    let (mut phone, _) = daemon.connect().enroll("ghost1", &place);
    let mut wire = on_duty(&daemon, &place, &mut phone);
    wire.ask("io.mfa.Admin.Account", json!({ "user": "nobody" }));
    place.write("config/mfa.toml", b"[administrators]\nhelpdesk = \"spirits\"\ngroups = [\"nogroup\"]\n", 0o644);
    assert!(daemon.reload());
    assert_eq!(wire.refused("io.mfa.Admin.Account", json!({ "user": "nobody" })), "not_allowed");

    // The groups of the help desk's member are known for some seconds more; those of others are not known at all.
    place.name_service("ok", "unavail");
    let refused = wire.refused("io.mfa.Admin.Account", json!({ "user": "ghost2" }));
    assert!(["not_allowed", "PermissionDenied"].contains(&refused.as_str()), "{refused}");
}
