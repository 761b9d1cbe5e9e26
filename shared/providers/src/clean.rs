//! Text from a provider, made fit to be stored and shown: without the token, without control characters, bounded.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use repoplane_domain::secret::Secret;

/// Longest text that is taken over from a provider, in characters (contract for error bodies: hookcode 4.4).
pub(crate) const MAX_TEXT: usize = 500;

/// What stands where the token was.
const MASK: &str = "[token]";

/// Cleans texts of one call's answers.
#[derive(Clone, Default)]
pub(crate) struct Cleaner {
    /// The token as it is, as in a JSON text and as in a URL.
    spellings: Vec<Secret>,
}

impl Cleaner {
    /// Knows the token of the call.
    pub(crate) fn new(token: &Secret) -> Self {
        let mut cleaner = Self::default();
        cleaner.know(token);
        cleaner
    }

    /// Knows one more secret of the call.
    pub(crate) fn know(&mut self, token: &Secret) {
        let plain = token.expose();
        let quoted = serde_json::Value::from(plain).to_string();
        let encoded = utf8_percent_encode(plain, NON_ALPHANUMERIC).to_string();
        for spelling in [plain, quoted.trim_matches('"'), &encoded] {
            if !spelling.is_empty() && self.spellings.iter().all(|known| known.expose() != spelling) {
                self.spellings.push(Secret::new(spelling));
            }
        }
    }

    /// The text without control and invisible characters (line breaks and tabs become blanks), then without the
    /// token, then cut: in this order nothing can hide a token or leave half of one.
    pub(crate) fn text(&self, text: &str) -> String {
        let visible = text.chars().filter_map(|c| match c {
            '\n' | '\r' | '\t' => Some(' '),
            c if c.is_control() || is_invisible(c) => None,
            c => Some(c),
        });
        self.masked(visible.collect()).trim().chars().take(MAX_TEXT).collect()
    }

    /// The same of a text of several lines, which keeps its line breaks and tabs and is cut at `limit` bytes.
    pub(crate) fn lines(&self, text: &str, limit: usize) -> String {
        let text = text.replace("\r\n", "\n");
        let visible = text.chars().filter_map(|c| match c {
            '\r' => Some('\n'),
            '\n' | '\t' => Some(c),
            c if c.is_control() || is_invisible(c) => None,
            c => Some(c),
        });
        let clean = self.masked(visible.collect());
        let clean = clean.trim();
        clean[..clean.floor_char_boundary(limit)].to_owned()
    }

    fn masked(&self, mut text: String) -> String {
        for spelling in &self.spellings {
            text = text.replace(spelling.expose(), MASK);
        }
        text
    }
}

/// Zero-width characters and those that reorder the text around them.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_masked_in_every_spelling() {
        let cleaner = Cleaner::new(&Secret::new(r#"a"b/c+d"#));
        for text in [r#"a"b/c+d"#, r#"a\"b/c+d"#, "a%22b%2Fc%2Bd", "a\u{200b}\"b/\u{7}c+d"] {
            assert_eq!(cleaner.text(&format!("<{text}>")), "<[token]>", "{text}");
        }
    }

    #[test]
    fn a_token_across_the_cut_leaves_nothing() {
        let cleaner = Cleaner::new(&Secret::new("secret-token"));
        let text = cleaner.text(&format!("{}secret-token", "x".repeat(MAX_TEXT - 3)));
        assert!(text.ends_with("x[to"), "{text}");
    }

    #[test]
    fn lines_stay_lines_and_are_cut_in_bytes() {
        let cleaner = Cleaner::new(&Secret::new("secret-token"));
        let text = cleaner.lines("\n One\r\n\r\n\tsecret\u{200b}-token\rend\u{1b}[0m\n", 100);
        assert_eq!(text, "One\n\n\t[token]\nend[0m");
        assert_eq!(cleaner.lines(&"é".repeat(100), 9), "éééé");
        let across = cleaner.lines(&format!("{}secret-token", "x".repeat(7)), 10);
        assert_eq!(across, "xxxxxxx[to");
    }

    #[test]
    fn control_characters_go_and_length_is_bounded_in_characters() {
        let cleaner = Cleaner::new(&Secret::new(""));
        assert_eq!(cleaner.text("\u{1b}[31mred\u{0}\nline\t\u{202e}end\u{85} "), "[31mred line end");
        assert_eq!(cleaner.text(&"é".repeat(2 * MAX_TEXT)).chars().count(), MAX_TEXT);
    }
}
