//! Machines that setup is tried on: Debian 12 and 13 as they are installed.

use crate::system::made_up::MadeUp;

const COMMON_AUTH: &str = "auth\t[success=1 default=ignore]\tpam_unix.so nullok\nauth\trequisite\tpam_deny.so\nauth\trequired\tpam_permit.so\n";
const COMMON_ACCOUNT: &str = "account\t[success=1 new_authtok_reqd=done default=ignore]\tpam_unix.so \naccount\trequisite\tpam_deny.so\naccount\trequired\tpam_permit.so\n";
const SSHD: &str = "\
# PAM configuration for the Secure Shell service
# Standard Un*x authentication.
@include common-auth
# Disallow non-root logins when /etc/nologin exists.
account    required     pam_nologin.so
# Standard Un*x authorization.
@include common-account
session    required     pam_loginuid.so
@include common-session
session    required     pam_env.so user_readenv=1 envfile=/etc/default/locale
@include common-password
";
const SU: &str = "\
auth       sufficient pam_rootok.so
session       required   pam_env.so readenv=1
@include common-auth
@include common-account
@include common-session
";
const SUDO: &str = "session    required   pam_limits.so\n@include common-auth\n@include common-account\n";
const LOGIN: &str = "\
auth       optional   pam_faildelay.so  delay=3000000
auth       requisite  pam_nologin.so
@include common-auth
auth       optional   pam_group.so
@include common-account
@include common-session
";
const POLKIT: &str = "@include common-auth\n@include common-account\n@include common-password\n";
/// As sshd prints it without any file.
const SSHD_T: &str = "\
usepam yes
logingracetime 120
permitrootlogin without-password
passwordauthentication yes
kbdinteractiveauthentication no
pubkeyauthentication yes
authenticationmethods any
";
const SSHD_CONFIG: &str =
    "Include /etc/ssh/sshd_config.d/*.conf\nKbdInteractiveAuthentication no\nUsePAM yes\nX11Forwarding yes\n";

fn debian() -> MadeUp {
    MadeUp::default()
        .file("/etc/pam.d/common-auth", COMMON_AUTH)
        .file("/etc/pam.d/common-account", COMMON_ACCOUNT)
        .file("/etc/pam.d/common-session", "session required pam_unix.so\n")
        .file("/etc/pam.d/common-password", "password required pam_unix.so\n")
        .file("/etc/pam.d/sshd", SSHD)
        .file("/etc/pam.d/sudo", SUDO)
        .file("/etc/pam.d/sudo-i", SUDO)
        .file("/etc/pam.d/su", SU)
        .file("/etc/pam.d/login", LOGIN)
        .file("/etc/pam.d/cron", "@include common-auth\n@include common-account\n")
        .file("/etc/ssh/sshd_config", SSHD_CONFIG)
        .file("/etc/mfa/mfa.toml", "[site]\n# name = \"\"\n\n[license]\n# on_full = \"single-factor\"\n")
        .file("/etc/mfa/policy.toml", "#[defaults]\n")
        .says("sshd -T", SSHD_T)
        .says("getent group -- sre", "sre:x:2000:alice,bob\n")
        .says("getent group -- root", "root:x:0:\n")
        .says("getent passwd", "root:x:0:0:root:/root:/bin/bash\nalice:x:1000:1000::/home/alice:/bin/bash\nbob:x:1001:1001::/home/bob:/bin/bash\ncarol:x:1002:2000::/home/carol:/bin/bash\ndave:x:1003:1003::/home/dave:/bin/bash\n")
}

/// Debian 12.
pub(super) fn bookworm() -> MadeUp {
    let su_l = "auth include su\naccount include su\npassword include su\nsession include su\n";
    debian().file("/etc/pam.d/su-l", su_l).file("/etc/pam.d/polkit-1", POLKIT)
}

/// Debian 13: the files of some services are their vendors', in /usr/lib.
pub(super) fn trixie() -> MadeUp {
    let su_l = "auth include su\naccount include su\npassword include su\nsession include su\n";
    debian().file("/etc/pam.d/su-l", su_l).file("/usr/lib/pam.d/polkit-1", POLKIT)
}
