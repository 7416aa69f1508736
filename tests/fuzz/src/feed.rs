//! An input cut into what a target wants: parts with 0xff between them, a byte that occurs in no UTF-8 text.

/// What is left of an input.
#[derive(Clone, Copy, Debug)]
pub struct Feed<'b>(&'b [u8]);

impl<'b> Feed<'b> {
    /// All of it.
    #[must_use]
    pub fn new(bytes: &'b [u8]) -> Self {
        Self(bytes)
    }

    /// The first byte, for choices; 0 if there is none.
    pub fn choice(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// Up to the next 0xff.
    pub fn part(&mut self) -> &'b [u8] {
        let end = self.0.iter().position(|byte| *byte == 0xff);
        let (part, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = rest.get(1..).unwrap_or_default();
        part
    }

    /// The same as text; what is none becomes U+FFFD.
    pub fn text(&mut self) -> String {
        String::from_utf8_lossy(self.part()).into_owned()
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All that is left.
    #[must_use]
    pub fn rest(self) -> &'b [u8] {
        self.0
    }
}
