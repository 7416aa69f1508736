# Restarts the daemon unless the new one would let nobody in: settings that were changed since the old one started, and
# that it could not take, or a master key that systemd cannot open. The old one goes on, and it is told. What is given
# is the command that restarts.
restart_the_daemon() {
    if would_start; then
        "$@" mfa-daemon.service >/dev/null || true
        return
    fi
    {
        echo "mfa-daemon was not restarted, and the old one goes on: a new one would let nobody in as things are."
        echo "What is wrong, and how to mend it: mfactl doctor. Then: systemctl restart mfa-daemon"
    } >&2
}

would_start() {
    setpriv --reuid=_mfa --regid=_mfa --clear-groups /usr/libexec/mfa/mfa-daemon --check >/dev/null 2>&1 || return 1
    for key in /etc/mfa/credentials/*; do
        [ -e "$key" ] || continue
        systemd-creds decrypt --name="mfa_${key##*/}" "$key" /dev/null >/dev/null 2>&1 || return 1
    done
}
