# Prints each place of a PAM stack that names the module, as FILE:LINE. Nothing is printed when no stack does.
#
# A stack that names a module which is not there lets nobody in, so whoever removes it looks here first. Every file
# that libpam would read is read, and whatever they include by its path; what package managers and editors leave
# beside them is not. Rather a line too many is found than one too few: any with pam_mfa in it that is no comment.
stacks_naming_mfa() {
    set --
    for file in /etc/pam.conf /etc/pam.d/* /usr/lib/pam.d/* /usr/etc/pam.d/*; do
        case "$file" in
        *~ | *.dpkg-* | *.ucf-* | *.rpmsave | *.rpmnew | *.rpmorig | *.pam-old) ;;
        *) if [ -f "$file" ] && [ -r "$file" ]; then set -- "$@" "$file"; fi ;;
        esac
    done
    if [ $# -gt 0 ]; then awk '
        FNR == 1 { begins = 1 }
        begins { text = ""; begun = FNR }
        {
            sub(/#.*/, "")
            begins = !sub(/\\$/, " ")
            text = text $0
            if (text ~ /pam_mfa/ && !(FILENAME ":" begun in told)) {
                told[FILENAME ":" begun]
                print FILENAME ":" begun
            }
            count = split(text, word)
            for (i = 1; i < count; i++)
                if (word[i] ~ /^@?(include|substack)$/ && word[i + 1] ~ /^\// && !(word[i + 1] in seen)) {
                    seen[word[i + 1]]
                    if ((getline unused < word[i + 1]) >= 0) ARGV[ARGC++] = word[i + 1]
                    close(word[i + 1])
                }
        }' "$@"; fi
}

# Whether something that mfactl setup did is in force: it has changed sshd's settings beside PAM's, and only it knows
# what was there before.
setup_stands() {
    for state in /var/lib/mfa-setup/pending /var/lib/mfa-setup/applied-*; do
        if [ -e "$state" ]; then return 0; fi
    done
    return 1
}

# Ends the removal of that package as long as it does.
refuse_while_setup_stands() {
    if ! setup_stands; then return; fi
    {
        echo "$1 stays: what mfactl setup did is still in force, and sshd may demand what nobody asks for any more."
        echo "Undo it first: mfactl setup undo. Or, if you have put it all back by hand: rm -r /var/lib/mfa-setup"
        echo "Nothing was changed."
    } >&2
    exit 1
}

# The way to a machine that does not ask: what a person is told after the lines that are in the way.
way_out() {
    if setup_stands; then
        echo "mfactl setup undo takes out what setup wrote, and puts sshd's settings back. What you wrote yourself, take out"
        echo "by hand. Then remove the package again."
    else
        echo "Take these lines out, then remove the package again."
    fi
}
