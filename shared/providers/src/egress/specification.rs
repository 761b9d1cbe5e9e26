//! The address guard as a table: what may be called, and what a caller is told otherwise.

use super::names::GuardedNames;
use super::*;
use reqwest::dns::Resolve;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Names of the table below and their addresses.
const NAMES: &[(&str, &[&str])] = &[
    ("git.example.com", &["140.82.121.3", "2606:50c0:8000::153"]),
    ("localhost", &["127.0.0.1", "::1"]),
    ("localhost.", &["127.0.0.1"]),
    ("intranet.example.com", &["10.1.2.3"]),
    ("mixed.example.com", &["140.82.121.3", "192.168.0.1"]),
    ("mapped.example.com", &["::ffff:10.0.0.1"]),
    ("metadata.google.internal", &["169.254.169.254"]),
    ("nat64.example.com", &["64:ff9b::8c52:7903"]),
    ("nat64-inner.example.com", &["64:ff9b::a00:1"]),
    ("empty.example.com", &[]),
];

const ALLOW: &str = "127.0.0.1:9000 [::1]:9001 double.test:9002 10.9.9.9:443 gitlab.example.com=127.0.0.1:9003";

const HTTPS: &str = "the address must begin with https://";
const NO_USER: &str = "the address must not contain a user name or password";
/// Said of the name in the URL.
const INSIDE: &str = "does not resolve to public addresses only";

/// Name of the rule, URL, verdict: `public`, `allowed: <what is called>` or the refusal's text.
const TABLE: &[(&str, &str, &str)] = &[
    // Public places.
    ("https to a public name", "https://git.example.com/api/v3", "public"),
    ("the default port in words", "https://git.example.com:443/", "public"),
    ("the second port", "https://git.example.com:8443/", "public"),
    ("a public literal", "https://140.82.121.3/", "public"),
    ("a public IPv6 literal", "https://[2606:50c0:8000::153]/", "public"),
    ("NAT64 of a public address", "https://nat64.example.com/", "public"),
    ("6to4 of a public address", "https://[2002:8c52:7903::1]/", "public"),
    ("letters of any case", "HTTPS://GIT.example.COM/", "public"),
    // Scheme, port and user info.
    ("http", "http://git.example.com/", HTTPS),
    ("http on the https port", "http://git.example.com:443/", HTTPS),
    ("file", "file:///etc/passwd", HTTPS),
    ("gopher", "gopher://git.example.com/", HTTPS),
    ("ftp", "ftp://git.example.com/", HTTPS),
    ("data", "data:text/plain,x", HTTPS),
    ("ssh port", "https://git.example.com:22/", "port 22 is not allowed; use 443 or 8443"),
    ("http port", "https://git.example.com:80/", "port 80 is not allowed; use 443 or 8443"),
    ("database port", "https://git.example.com:6379/", "port 6379 is not allowed; use 443 or 8443"),
    ("user", "https://me@git.example.com/", NO_USER),
    ("user and password", "https://me:pw@git.example.com/", NO_USER),
    ("password alone", "https://:pw@git.example.com/", NO_USER),
    ("a host that looks like user info", "https://git.example.com@127.0.0.1/", NO_USER),
    ("user info at an allowed place", "http://me@127.0.0.1:9000/", NO_USER),
    // IPv4 literals in every spelling.
    ("loopback", "https://127.0.0.1/", "127.0.0.1 is a loopback address"),
    ("loopback, far end", "https://127.255.255.254/", "127.255.255.254 is a loopback address"),
    ("loopback, decimal", "https://2130706433/", "127.0.0.1 is a loopback address"),
    ("loopback, octal", "https://0177.0.0.1/", "127.0.0.1 is a loopback address"),
    ("loopback, octal in one", "https://017700000001/", "127.0.0.1 is a loopback address"),
    ("loopback, hexadecimal", "https://0x7f000001/", "127.0.0.1 is a loopback address"),
    ("loopback, hexadecimal parts", "https://0x7f.0x0.0x0.0x1/", "127.0.0.1 is a loopback address"),
    ("loopback, short", "https://127.1/", "127.0.0.1 is a loopback address"),
    ("loopback, trailing dot", "https://127.0.0.1./", "127.0.0.1 is a loopback address"),
    ("loopback, percent-encoded", "https://%31%32%37.0.0.1/", "127.0.0.1 is a loopback address"),
    ("loopback, circled digits", "https://①②⑦.⓪.⓪.①/", "127.0.0.1 is a loopback address"),
    ("loopback, ideographic dots", "https://127。0。0。1/", "127.0.0.1 is a loopback address"),
    ("unspecified", "https://0.0.0.0/", "0.0.0.0 is an unspecified address"),
    ("unspecified, short", "https://0/", "0.0.0.0 is an unspecified address"),
    ("this network", "https://0.1.2.3/", "0.1.2.3 is an address of \"this network\""),
    ("private 10", "https://10.0.0.1/", "10.0.0.1 is a private address"),
    ("private 172", "https://172.31.255.255/", "172.31.255.255 is a private address"),
    ("private 192", "https://192.168.1.1/", "192.168.1.1 is a private address"),
    ("carrier-grade NAT", "https://100.64.0.1/", "100.64.0.1 is a carrier-grade NAT address"),
    ("link-local", "https://169.254.1.1/", "169.254.1.1 is a link-local address"),
    ("metadata", "https://169.254.169.254/latest/meta-data/", "169.254.169.254 is a cloud metadata address"),
    ("metadata, decimal", "https://2852039166/", "169.254.169.254 is a cloud metadata address"),
    ("metadata over http", "http://169.254.169.254/", HTTPS),
    ("platform address", "https://168.63.129.16/", "168.63.129.16 is a cloud metadata address"),
    ("protocol assignments", "https://192.0.0.1/", "192.0.0.1 is a reserved address"),
    ("documentation", "https://192.0.2.1/", "192.0.2.1 is a documentation address"),
    ("benchmarking", "https://198.18.0.1/", "198.18.0.1 is a benchmarking address"),
    ("multicast", "https://224.0.0.1/", "224.0.0.1 is a multicast address"),
    ("reserved", "https://240.0.0.1/", "240.0.0.1 is a reserved address"),
    ("broadcast", "https://255.255.255.255/", "255.255.255.255 is a reserved address"),
    // IPv6 literals.
    ("IPv6 loopback", "https://[::1]/", "[::1] is a loopback address"),
    ("IPv6 unspecified", "https://[::]/", "[::] is an unspecified address"),
    ("IPv6 unique local", "https://[fd12:3456::1]/", "[fd12:3456::1] is a private address"),
    ("IPv6 link-local", "https://[fe80::1]/", "[fe80::1] is a link-local address"),
    ("IPv6 multicast", "https://[ff02::1]/", "[ff02::1] is a multicast address"),
    ("IPv6 documentation", "https://[2001:db8::1]/", "[2001:db8::1] is a documentation address"),
    ("IPv6 metadata", "https://[fd00:ec2::254]/", "[fd00:ec2::254] is a cloud metadata address"),
    ("IPv6 mapped loopback", "https://[::ffff:127.0.0.1]/", "[::ffff:7f00:1] is an IPv4-mapped address"),
    ("IPv6 mapped public address", "https://[::ffff:8.8.8.8]/", "[::ffff:808:808] is an IPv4-mapped address"),
    ("IPv6 compatible", "https://[::127.0.0.1]/", "[::7f00:1] is an IPv4-compatible address"),
    ("NAT64 of a private address", "https://[64:ff9b::10.0.0.1]/", "[64:ff9b::a00:1] is a private address"),
    ("NAT64 of metadata", "https://[64:ff9b::169.254.169.254]/", "[64:ff9b::a9fe:a9fe] is a cloud metadata address"),
    ("6to4 of a private address", "https://[2002:c0a8:101::1]/", "[2002:c0a8:101::1] is a private address"),
    ("Teredo", "https://[2001:0:1::1]/", "[2001:0:1::1] is a reserved address"),
    ("outside global unicast", "https://[4000::1]/", "[4000::1] is a reserved address"),
    // Names, after their lookup.
    ("localhost", "https://localhost/", INSIDE),
    ("localhost, trailing dot", "https://localhost./", INSIDE),
    ("a name inside", "https://intranet.example.com/", INSIDE),
    ("one bad address of two", "https://mixed.example.com/", INSIDE),
    ("a mapped answer", "https://mapped.example.com/", INSIDE),
    ("a metadata name", "https://metadata.google.internal/", INSIDE),
    ("NAT64 of a name inside", "https://nat64-inner.example.com/", INSIDE),
    // The allow list: that host with that port, nothing near it.
    ("allowed literal, http", "http://127.0.0.1:9000/x?y", "allowed: http://127.0.0.1:9000/x?y"),
    ("allowed literal, https", "https://127.0.0.1:9000/", "allowed: https://127.0.0.1:9000/"),
    ("allowed literal, other spelling", "http://0x7f.1:9000/", "allowed: http://127.0.0.1:9000/"),
    ("allowed IPv6", "http://[::1]:9001/", "allowed: http://[::1]:9001/"),
    ("allowed name", "http://double.test:9002/", "allowed: http://double.test:9002/"),
    ("allowed default port", "https://10.9.9.9/", "allowed: https://10.9.9.9/"),
    ("allowed host, other port", "http://127.0.0.1:9001/", HTTPS),
    ("allowed host, https port", "https://127.0.0.1/", "127.0.0.1 is a loopback address"),
    ("allowed port, other host", "http://127.0.0.2:9000/", HTTPS),
    ("allowed place, other scheme", "ftp://127.0.0.1:9000/", HTTPS),
    ("allowed https place over http", "http://10.9.9.9/", HTTPS),
    // Stand-ins of public names.
    ("stand-in", "https://gitlab.example.com/api?q", "allowed: http://127.0.0.1:9003/api?q"),
    ("stand-in, second port", "https://gitlab.example.com:8443/", "allowed: http://127.0.0.1:9003/"),
    ("stand-in over http", "http://gitlab.example.com/", HTTPS),
    ("stand-in, other port", "https://gitlab.example.com:9003/", "port 9003 is not allowed; use 443 or 8443"),
    ("the stand-in's place itself", "http://127.0.0.1:9003/", HTTPS),
];

struct Table(BTreeMap<&'static str, Vec<IpAddr>>);

impl Table {
    fn new() -> Self {
        let parse = |list: &[&str]| list.iter().map(|text| text.parse().unwrap()).collect();
        Self(NAMES.iter().map(|(name, list)| (*name, parse(list))).collect())
    }
}

impl Lookup for Table {
    fn lookup(&self, name: String) -> LookupFuture {
        let found = self.0.get(name.as_str()).cloned().ok_or(std::io::ErrorKind::NotFound.into());
        Box::pin(std::future::ready(found))
    }
}

/// The verdict without calling anyone.
async fn verdict(settings: &EgressSettings, url: &Url) -> String {
    match route(settings, url) {
        Err(refusal) => refusal.to_string(),
        Ok(Route::Allowed { url, .. }) => format!("allowed: {url}"),
        Ok(Route::Public(url)) => {
            let Some(name) = url.domain() else { return "public".to_owned() };
            let names = GuardedNames { lookup: Arc::new(Table::new()), public_only: true };
            match names.resolve(name.parse().unwrap()).await {
                Ok(_) => "public".to_owned(),
                Err(error) => error.to_string(),
            }
        }
    }
}

#[tokio::test]
async fn the_guard_keeps_to_the_table() {
    let settings = EgressSettings::from_allow_list(ALLOW).unwrap();
    let egress = Egress::with_lookup(settings.clone(), Arc::new(Table::new()));
    let mut looked_up = 0;
    for (rule, url, expected) in TABLE {
        let url = Url::parse(url).unwrap();
        let named = format!("{} {INSIDE}", url.host_str().unwrap_or_default());
        let inside = *expected == INSIDE;
        let expected = if inside { &named } else { *expected };
        assert_eq!(verdict(&settings, &url).await, expected, "{rule}: {url}");
        looked_up += u64::from(inside);
        if expected == "public" || expected.starts_with("allowed") {
            continue;
        }
        // The whole client says the same, and for places that need no lookup it says so before any connection.
        match egress.send(EgressRequest::get(url.clone())).await {
            Err(EgressError::Refused(refusal)) => assert_eq!(refusal.to_string(), expected, "{rule}: {url}"),
            other => panic!("{rule}: {url}: {other:?}"),
        }
    }
    assert_eq!(egress.calls(), looked_up);
}

#[tokio::test]
async fn a_name_without_address_cannot_be_resolved() {
    let egress = Egress::with_lookup(EgressSettings::default(), Arc::new(Table::new()));
    for name in ["empty.example.com", "unknown.example.com"] {
        let url = Url::parse(&format!("https://{name}/?access_token=hunter2")).unwrap();
        let error = egress.send(EgressRequest::get(url)).await.unwrap_err();
        assert_eq!(error.to_string(), format!("{name} cannot be resolved"));
        assert!(!format!("{error:?}").contains("hunter2"));
    }
}

/// Answers with a public address first and a private one from then on, as a rebinding name server does.
#[derive(Default)]
struct Rebinding(Arc<AtomicU64>);

impl Lookup for Rebinding {
    fn lookup(&self, _: String) -> LookupFuture {
        let first = self.0.fetch_add(1, Ordering::Relaxed) == 0;
        let address: IpAddr = if first { [140, 82, 121, 3].into() } else { [127, 0, 0, 1].into() };
        Box::pin(std::future::ready(Ok(vec![address])))
    }
}

#[tokio::test]
async fn a_second_lookup_that_turns_private_is_never_used() {
    let lookup = Rebinding::default();
    let lookups = lookup.0.clone();
    let names = GuardedNames { lookup: Arc::new(lookup), public_only: true };
    // The connector gets the very addresses that were checked, from one lookup.
    let given: Vec<_> = names.resolve("rebind.example.com".parse().unwrap()).await.unwrap().collect();
    assert_eq!(given, ["140.82.121.3:0".parse().unwrap()]);
    assert_eq!(lookups.load(Ordering::Relaxed), 1);
    // A later connection asks anew and is refused.
    let Err(refusal) = names.resolve("rebind.example.com".parse().unwrap()).await else { panic!("accepted") };
    assert_eq!(refusal.downcast_ref(), Some(&Refusal::Name("rebind.example.com".to_owned())));
}
