//! The page to print: what is on it, that it fits, and that it loads nothing.

use super::*;

fn enrolled(site: &str, user: &str, host: &str) -> Enrolled {
    Enrolled {
        user: user.into(),
        uid: 1000,
        site: site.into(),
        host: host.into(),
        support: "helpdesk@acme.example".into(),
        required: true,
        factors: Vec::new(),
        backup_codes: 10,
        addable: Vec::new(),
        remembered: Vec::new(),
        pending_for: None,
        authorize: false,
        mail: None,
        throttled_for: None,
        codes_off: false,
    }
}

fn pending(label: &str) -> PendingTotp {
    PendingTotp {
        id: 3,
        secret: Secret::from("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"),
        uri: Secret::from("otpauth://totp/ACME:alice%40web1?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=A"),
        label: label.into(),
        issuer: "ACME".into(),
        expires_in: 600,
        resumed: false,
        confirm_codes: 1,
        period: 30,
    }
}

fn codes() -> Vec<Secret> {
    (0..10).map(|at| Secret::new(format!("7KQF-2MZT-9XW{at}"))).collect()
}

fn both(enrolled: &Enrolled, pending: &PendingTotp, codes: &[Secret]) -> [Zeroizing<String>; 2] {
    let qr = Qr::of(pending.uri.expose()).unwrap();
    let sheet = Sheet { enrolled, app: Some((pending, &qr)), codes };
    [html(&sheet, "2026-11-22"), text(&sheet, "2026-11-22")]
}

#[test]
fn the_page_holds_all_that_is_needed_to_get_in_again() {
    for page in both(&enrolled("ACME", "alice", "web1"), &pending("alice@web1"), &codes()) {
        for part in ["alice@web1", "ACME", "2026-11-22", "JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP", "passport"] {
            assert!(page.contains(part), "{part} in {}", *page);
        }
        for code in codes() {
            assert!(page.contains(code.expose()));
        }
    }
}

#[test]
fn the_page_loads_nothing_from_anywhere() {
    let [html, _] = both(&enrolled("ACME", "alice", "web1"), &pending("alice@web1"), &codes());
    let html = html.replace("http://www.w3.org/2000/svg", "");
    for outside in ["http:", "https:", "src=", "href=", "url(", "@import", "<script", "<link"] {
        assert!(!html.contains(outside), "{outside}");
    }
}

#[test]
fn names_stay_names() {
    let nasty = "<script>alert('1')</script>&\"\x1b[2J\u{202e}";
    let [html, text] = both(&enrolled(nasty, nasty, nasty), &pending(nasty), &codes());
    assert!(!html.contains("<script"));
    assert!(html.contains("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;&quot;\\u{1b}[2J\\u{202e}"));
    for page in [html, text] {
        assert!(!page.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'));
    }
}

#[test]
fn the_text_page_fits_eighty_columns_and_its_code_is_for_paper() {
    let long = "a-rather-long-name-".repeat(6);
    let [_, text] = both(&enrolled(&long, &long, &long), &pending(&long), &codes());
    for line in text.lines() {
        assert!(printable::width(line) <= 80, "{line}");
    }
    assert!(text.contains("##############"));
}

#[test]
fn a_page_of_codes_alone_has_no_app_on_it() {
    let (enrolled, codes) = (enrolled("ACME", "alice", "web1"), codes());
    let sheet = Sheet { enrolled: &enrolled, app: None, codes: &codes };
    assert!(!html(&sheet, "2026-11-22").contains("<svg"));
    assert!(!text(&sheet, "2026-11-22").contains("##"));
}

#[test]
fn a_page_never_outgrows_the_room_made_for_it() {
    let long = "x".repeat(255);
    for page in both(&enrolled(&long, &long, &long), &pending(&long), &codes()) {
        assert!(page.capacity() <= ROOM, "{}", page.capacity());
    }
}

#[test]
fn the_name_says_which_kind() {
    assert_eq!("a/page.HTML".parse::<SheetFile>().unwrap().kind, Kind::Html);
    assert_eq!("page.txt".parse::<SheetFile>().unwrap().kind, Kind::Text);
    assert!("page.pdf".parse::<SheetFile>().is_err());
}

#[test]
fn a_secret_is_read_in_groups_of_four() {
    assert_eq!(*in_groups(&Secret::from("ABCDEFGHIJ")), "ABCD EFGH IJ");
    assert_eq!(*in_groups(&Secret::from("")), "");
}
