//! What an error must look like, whatever caused it.

/// Characters of a line at the most: the module's log shows two hundred of anything foreign, each as its escape.
const LONGEST: usize = 3000;

/// One line, not empty, not endless, and nothing in it acts on a terminal.
///
/// # Panics
/// If it is not.
pub fn is_one(text: &str) {
    assert!(!text.trim().is_empty(), "it says nothing");
    assert!(text.chars().count() <= LONGEST, "it is {} characters long", text.chars().count());
    let acts = |c: char| c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{feff}');
    assert!(!text.contains(acts), "not fit for a terminal: {text:?}");
}

/// This secret is not in it, in any case.
///
/// # Panics
/// If it is.
pub fn keeps(secret: &str, text: &str) {
    assert!(!text.to_lowercase().contains(&secret.to_lowercase()), "it tells the secret: {text:?}");
}
