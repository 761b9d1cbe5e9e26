//! What a task keeps of the call that caused it, so that the way from a webhook to a worker can be followed in the logs.

/// Longest trace that is kept, in bytes.
const MAX_TRACE_BYTES: usize = 128;

/// The trace of a call: an X-Ray header (AWS X-Ray: tracing header), or any request id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace(String);

impl Trace {
    /// Takes the header `x-amzn-trace-id` or a request id; `None` unless it is short and of harmless characters.
    pub fn parse(text: &str) -> Option<Self> {
        let harmless = |b: u8| b.is_ascii_alphanumeric() || b"-_.:=;".contains(&b);
        ((1..=MAX_TRACE_BYTES).contains(&text.len()) && text.bytes().all(harmless)).then(|| Self(text.to_owned()))
    }

    /// The text as it came.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id to look for: the root of an X-Ray header, else the whole text.
    pub fn id(&self) -> &str {
        self.root().unwrap_or(&self.0)
    }

    /// The whole text, if it is an X-Ray header that SQS takes over for its consumers.
    pub fn x_ray(&self) -> Option<&str> {
        self.root().map(|_| self.0.as_str())
    }

    /// `1-<8 hexadecimal digits>-<24 of them>`.
    fn root(&self) -> Option<&str> {
        let root = self.0.split(';').find_map(|part| part.strip_prefix("Root="))?;
        let mut parts = root.split('-');
        let hex = |part: Option<&str>, digits| {
            part.is_some_and(|part| part.len() == digits && part.bytes().all(|b| b.is_ascii_hexdigit()))
        };
        (parts.next() == Some("1") && hex(parts.next(), 8) && hex(parts.next(), 24) && parts.next().is_none())
            .then_some(root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_x_ray_header_is_told_from_any_other_id() {
        let root = "1-5759e988-bd862e3fe1be46a994272793";
        let whole = format!("Root={root};Parent=53995c3f42cd8ad8;Sampled=1");
        let cases = [
            (whole.as_str(), Some((root, true))),
            ("Root=1-5759e988-bd862e3fe1be46a994272793", Some((root, true))),
            ("Self=1-x;Root=1-5759e988-bd862e3fe1be46a994272793", Some((root, true))),
            ("Root=2-5759e988-bd862e3fe1be46a994272793", Some(("Root=2-5759e988-bd862e3fe1be46a994272793", false))),
            ("Root=1-5759e98-bd862e3fe1be46a994272793", Some(("Root=1-5759e98-bd862e3fe1be46a994272793", false))),
            ("req_0123", Some(("req_0123", false))),
            ("", None),
            ("two words", None),
            ("line\nbreak", None),
        ];
        for (text, expected) in cases {
            let trace = Trace::parse(text);
            assert_eq!(trace.as_ref().map(|trace| (trace.id(), trace.x_ray().is_some())), expected, "{text}");
        }
        assert_eq!(Trace::parse(&"x".repeat(129)), None);
    }
}
