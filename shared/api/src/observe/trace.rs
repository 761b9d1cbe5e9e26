//! The trace that a request belongs to, if whoever sent it names one.

use http::HeaderMap;

/// Longest trace id that is taken over, in bytes.
const MAX_BYTES: usize = 128;

/// The trace of AWS X-Ray, else that of W3C Trace Context.
pub(crate) fn trace_of(headers: &HeaderMap) -> Option<String> {
    let given = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let known = given("x-amzn-trace-id").filter(|text| is_amazons(text));
    known.or_else(|| given("traceparent").filter(|text| is_w3cs(text))).map(str::to_owned)
}

/// `Root=1-…;Parent=…;Sampled=1` (AWS X-Ray: tracing header).
fn is_amazons(text: &str) -> bool {
    text.len() <= MAX_BYTES
        && text.split(';').any(|part| part.starts_with("Root=1-"))
        && text.split(';').all(|part| {
            part.split_once('=').is_some_and(|(name, value)| {
                matches!(name, "Root" | "Self" | "Parent" | "Sampled" | "Lineage")
                    && value.bytes().all(|b| b.is_ascii_hexdigit() || b"-:".contains(&b))
            })
        })
}

/// `00-<32 hex>-<16 hex>-<2 hex>` (W3C Trace Context, 3.2).
fn is_w3cs(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    lengths == [2, 32, 16, 2] && parts.iter().all(|part| part.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_a_trace_is_taken_over() {
        let amazons = "Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=1";
        let w3cs = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        for (name, value, taken) in [
            ("x-amzn-trace-id", amazons, true),
            ("x-amzn-trace-id", "Root=1-67891233-abcdef012345678912345678", true),
            ("x-amzn-trace-id", "Root=rpt_secret", false),
            ("x-amzn-trace-id", "Self=1-6789", false),
            ("x-amzn-trace-id", "Root=1-67891233;token=rpt_secret", false),
            ("traceparent", w3cs, true),
            ("traceparent", "00-rpt_secret-b7ad6b7169203331-01", false),
            ("traceparent", "", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            assert_eq!(trace_of(&headers).as_deref(), taken.then_some(value), "{name}: {value}");
        }
    }
}
