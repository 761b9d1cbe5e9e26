//! The address guard as a table: what may be called, and what a caller is told otherwise.

use super::*;
use repoplane_domain::access::EgressPlace;
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
    ("metadata.example.com", &["169.254.169.254"]),
    ("mapped-metadata.example.com", &["::ffff:169.254.169.254"]),
    ("here.example.com", &["127.0.0.1"]),
    ("any.example.com", &["0.0.0.0"]),
    ("ipv6-here.example.com", &["::1"]),
    ("runtime.example.com", &["10.7.7.7"]),
    ("xn--mnchen-3ya.example.com", &["140.82.121.3"]),
    ("xn--intrnet-8wa.example.com", &["10.1.2.3"]),
];

const ALLOW: &str = "127.0.0.1:9000 [::1]:9001 double.test:9002 10.9.9.9:443 gitlab.example.com=127.0.0.1:9003";
/// What no list can allow.
const ALLOW_METADATA: &str = "169.254.169.254:80 [fd00:ec2::254]:80 168.63.129.16:80 metadata.example.com:9004";

const HTTPS: &str = "the address must begin with https://";
const NO_USER: &str = "the address must not contain a user name or password";
/// Said of the name in the URL.
const INSIDE: &str = "does not resolve to public addresses only";

/// Said of an allow-listed name.
const BARRED: &str = "leads to an address that no list can allow";
/// The text is no URL at all: a provider's base URL and a redirect's target are refused where they are read.
const NO_URL: &str = "no URL";

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
    ("loopback, full-width digits", "https://１２７.０.０.１/", "127.0.0.1 is a loopback address"),
    ("loopback, full-width dots", "https://127．0．0．1/", "127.0.0.1 is a loopback address"),
    ("loopback, mixed bases", "https://0x7f.0.0.01/", "127.0.0.1 is a loopback address"),
    ("loopback, three parts", "https://127.0.1/", "127.0.0.1 is a loopback address"),
    ("loopback, tabs inside", "https://127.0\t.0.1/", "127.0.0.1 is a loopback address"),
    ("a number beyond 32 bits", "https://4294967296/", NO_URL),
    ("a part beyond a byte", "https://256.0.0.1/", NO_URL),
    ("a ninth octal digit", "https://0199.0.0.1/", NO_URL),
    ("five parts", "https://127.0.0.0.1/", NO_URL),
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
    ("metadata, octal", "https://0251.0376.0251.0376/", "169.254.169.254 is a cloud metadata address"),
    ("metadata, hexadecimal", "https://0xa9fea9fe/", "169.254.169.254 is a cloud metadata address"),
    ("metadata, trailing dot", "https://169.254.169.254./", "169.254.169.254 is a cloud metadata address"),
    ("container credentials", "https://169.254.170.2/v2/credentials", "169.254.170.2 is a link-local address"),
    ("metadata over http", "http://169.254.170.2/", HTTPS),
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
    ("IPv6 mapped metadata", "https://[::ffff:169.254.169.254]/", "[::ffff:a9fe:a9fe] is an IPv4-mapped address"),
    ("6to4 of metadata", "https://[2002:a9fe:a9fe::1]/", "[2002:a9fe:a9fe::1] is a cloud metadata address"),
    ("local NAT64", "https://[64:ff9b:1::10.0.0.1]/", "[64:ff9b:1::a00:1] is a local NAT64 address"),
    ("IPv6 long form", "https://[0:0:0:0:0:0:0:1]/", "[::1] is a loopback address"),
    ("IPv6 zone id", "https://[fe80::1%25eth0]/", NO_URL),
    ("IPv6 zone id, bare", "https://[fe80::1%eth0]/", NO_URL),
    ("IPv6 without brackets", "https://::1/", NO_URL),
    // Names, after their lookup.
    ("an international name", "https://münchen.example.com/", "public"),
    ("an international name inside", "https://intränet.example.com/", INSIDE),
    ("a name of full-width letters", "https://ｌｏｃａｌｈｏｓｔ/", INSIDE),
    ("a soft hyphen in the name", "https://local\u{ad}host/", INSIDE),
    ("a name of this machine", "https://here.example.com/", INSIDE),
    ("an unspecified answer", "https://any.example.com/", INSIDE),
    ("an IPv6 loopback answer", "https://ipv6-here.example.com/", INSIDE),
    ("a mapped metadata answer", "https://mapped-metadata.example.com/", INSIDE),
    ("a blank in the name", "https://git example.com/", NO_URL),
    ("no name", "https://", NO_URL),
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
    ("allowed metadata", "http://169.254.169.254/", "169.254.169.254 is a cloud metadata address"),
    ("allowed metadata, IPv6", "http://[fd00:ec2::254]/", "[fd00:ec2::254] is a cloud metadata address"),
    ("allowed platform address", "http://168.63.129.16/", "168.63.129.16 is a cloud metadata address"),
    ("allowed name of metadata", "http://metadata.example.com:9004/", BARRED),
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

/// A tenant's list. Its entries with metadata and runtime addresses come as if they had never been checked.
const TENANT: &[&str] = &[
    "127.0.0.1:9500",
    "git.tenant.test:8080",
    "10.5.5.5:443",
    "[fd12::5]:8443",
    "169.254.169.254:80",
    "[::ffff:169.254.169.254]:80",
    "[64:ff9b::169.254.169.254]:80",
    "168.63.129.16:80",
    "[fd00:ec2::254]:80",
    "169.254.170.2:80",
    "127.0.0.1:9001",
    "[::1]:9001",
    "0.0.0.0:9001",
    "10.7.7.7:9911",
    "metadata.example.com:443",
    "mapped-metadata.example.com:443",
    "here.example.com:9001",
    "here.example.com:9911",
    "here.example.com:9912",
    "any.example.com:9001",
    "ipv6-here.example.com:9001",
    "runtime.example.com:9911",
    "runtime.example.com:9912",
];

const METADATA: &str = "169.254.169.254 is a cloud metadata address";
const RUNTIME: &str = "is the runtime interface of the service itself";

/// The same for a tenant with the list above, where the function's runtime interface is 10.7.7.7:9911.
const TENANT_TABLE: &[(&str, &str, &str)] = &[
    ("allowed literal", "http://127.0.0.1:9500/", "allowed: http://127.0.0.1:9500/"),
    ("allowed literal, https", "https://127.0.0.1:9500/", "allowed: https://127.0.0.1:9500/"),
    ("allowed name", "http://git.tenant.test:8080/", "allowed: http://git.tenant.test:8080/"),
    ("allowed https port", "https://10.5.5.5/", "allowed: https://10.5.5.5/"),
    ("allowed IPv6", "http://[fd12::5]:8443/", "allowed: http://[fd12::5]:8443/"),
    ("the operator's list holds too", "http://127.0.0.1:9000/", "allowed: http://127.0.0.1:9000/"),
    ("public places as ever", "https://git.example.com/", "public"),
    ("another port", "http://127.0.0.1:9501/", HTTPS),
    ("another host", "https://10.5.5.6/", "10.5.5.6 is a private address"),
    ("user info", "http://me@127.0.0.1:9500/", NO_USER),
    ("metadata", "http://169.254.169.254/", HTTPS),
    ("metadata, decimal", "http://2852039166/", HTTPS),
    ("metadata over https", "https://169.254.169.254/", METADATA),
    ("metadata, mapped", "http://[::ffff:169.254.169.254]/", HTTPS),
    ("metadata, NAT64", "http://[64:ff9b::169.254.169.254]/", HTTPS),
    ("platform address", "http://168.63.129.16/", HTTPS),
    ("metadata, IPv6", "http://[fd00:ec2::254]/", HTTPS),
    ("container credentials", "http://169.254.170.2/", HTTPS),
    ("the runtime's port", "http://127.0.0.1:9001/", HTTPS),
    ("the runtime's port, IPv6, on the operator's list", "http://[::1]:9001/", "allowed: http://[::1]:9001/"),
    ("the runtime's port, any address", "http://0.0.0.0:9001/", HTTPS),
    ("the runtime's place of this function", "http://10.7.7.7:9911/", RUNTIME),
    ("a name of metadata", "https://metadata.example.com/", BARRED),
    ("a name of mapped metadata", "https://mapped-metadata.example.com/", BARRED),
    ("a name of the runtime", "http://here.example.com:9001/", BARRED),
    ("a name of this machine on the runtime's other port", "http://here.example.com:9911/", BARRED),
    ("a name of this machine", "http://here.example.com:9912/", "allowed: http://here.example.com:9912/"),
    ("a name of any address on the runtime's port", "http://any.example.com:9001/", BARRED),
    ("a name of IPv6 loopback on the runtime's port", "http://ipv6-here.example.com:9001/", BARRED),
    ("a name of the runtime's address", "http://runtime.example.com:9911/", BARRED),
    ("the same on another port", "http://runtime.example.com:9912/", "allowed: http://runtime.example.com:9912/"),
];

/// The verdict without calling anyone.
async fn verdict(egress: &Egress, url: &Url) -> String {
    let (reach, verdict) = match route(&egress.shared.settings, &egress.tenant.allowed, url) {
        Err(refusal) => return refusal.to_string(),
        Ok(Route::Allowed { url, reach, .. }) => (reach, format!("allowed: {url}")),
        Ok(Route::Public(_)) => (Reach::Public, "public".to_owned()),
    };
    // A name of the allow lists without an address is as good as one with a fitting address.
    let known = url.domain().filter(|name| NAMES.iter().any(|(known, _)| known == name));
    let Some(name) = known else { return verdict };
    match egress.shared.clients.names(reach).addresses(name.to_owned()).await {
        Ok(_) => verdict,
        Err(error) => error.to_string(),
    }
}

async fn keeps_to(egress: &Egress, table: &[(&str, &str, &str)]) {
    let mut looked_up = 0;
    for (rule, text, expected) in table {
        let url = match Url::parse(text) {
            Ok(url) => url,
            Err(_) => {
                assert_eq!(*expected, NO_URL, "{rule}: {text}");
                continue;
            }
        };
        let by_name = [INSIDE, BARRED].contains(expected);
        let host = url.host_str().unwrap_or_default();
        let expected =
            if by_name || *expected == RUNTIME { format!("{host} {expected}") } else { (*expected).to_owned() };
        assert_eq!(verdict(egress, &url).await, expected, "{rule}: {url}");
        looked_up += u64::from(by_name);
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

fn guarded(allow: &str) -> Egress {
    let settings = EgressSettings::from_allow_list(allow).unwrap().with_runtime("10.7.7.7:9911");
    Egress::with_lookup(settings, Arc::new(Table::new()))
}

#[tokio::test]
async fn the_guard_keeps_to_the_table() {
    keeps_to(&guarded(&format!("{ALLOW} {ALLOW_METADATA}")), TABLE).await;
}

#[tokio::test]
async fn a_tenants_list_adds_places_and_never_metadata_or_the_runtime() {
    let entries = |list: &[&str]| list.iter().map(|entry| (*entry).to_owned()).collect();
    let network = NetworkSettings { egress_allow: entries(TENANT), ca_certificates: vec![] };
    keeps_to(&guarded(ALLOW).for_tenant(&network), TENANT_TABLE).await;
    // The client itself refuses what the reading of settings leaves out.
    let egress = guarded(ALLOW);
    let places: Vec<_> = TENANT.iter().map(|entry| EgressPlace::parse(entry).unwrap()).collect();
    for url in [
        "http://169.254.169.254/",
        "http://[64:ff9b::169.254.169.254]/",
        "http://168.63.129.16/",
        "http://[fd00:ec2::254]/",
        "http://169.254.170.2/",
        "http://127.0.0.1:9001/",
        "http://0.0.0.0:9001/",
    ] {
        let refusal = route(&egress.shared.settings, &places, &Url::parse(url).unwrap()).unwrap_err();
        assert!(matches!(refusal, Refusal::Address { .. }), "{url}: {refusal}");
    }
    // Nobody else gets there, and what cannot be read allows nothing.
    let url = Url::parse("http://127.0.0.1:9500/").unwrap();
    assert_eq!(verdict(&egress, &url).await, HTTPS);
    let broken = ["127.0.0.1", "http://127.0.0.1:9500", "*:9500", "", "127.0.0.1:9500 "];
    let network = NetworkSettings { egress_allow: entries(&broken), ca_certificates: entries(&["no PEM"]) };
    assert_eq!(verdict(&egress.for_tenant(&network), &url).await, HTTPS);
}

const NOT_ENCRYPTED: &str =
    "git:// is not encrypted, and only used for places of an allow list; use https:// or ssh://";

/// Rule, host, port, transport, verdict: the addresses or the refusal.
const TRANSPORTS: &[(&str, &str, u16, Transport, &str)] = &[
    ("ssh", "git.example.com", 22, Transport::Ssh, "140.82.121.3:22 [2606:50c0:8000::153]:22"),
    ("git", "git.example.com", 9418, Transport::Git, NOT_ENCRYPTED),
    ("https", "git.example.com", 8443, Transport::Https, "140.82.121.3:8443 [2606:50c0:8000::153]:8443"),
    ("a literal", "140.82.121.3", 22, Transport::Ssh, "140.82.121.3:22"),
    ("a bare IPv6 literal", "2606:50c0:8000::153", 22, Transport::Ssh, "[2606:50c0:8000::153]:22"),
    ("an IPv6 literal", "[2606:50c0:8000::153]", 22, Transport::Ssh, "[2606:50c0:8000::153]:22"),
    ("ssh on the https port", "git.example.com", 443, Transport::Ssh, "port 443 is not allowed; use 22"),
    ("ssh on git's port", "git.example.com", 9418, Transport::Ssh, "port 9418 is not allowed; use 22"),
    ("git on ssh's port", "git.example.com", 22, Transport::Git, NOT_ENCRYPTED),
    ("https on ssh's port", "git.example.com", 22, Transport::Https, "port 22 is not allowed; use 443 or 8443"),
    ("loopback", "0x7f.1", 22, Transport::Ssh, "127.0.0.1 is a loopback address"),
    ("bare IPv6 loopback", "::1", 22, Transport::Ssh, "[::1] is a loopback address"),
    ("metadata", "169.254.169.254", 22, Transport::Ssh, "169.254.169.254 is a cloud metadata address"),
    (
        "a name inside",
        "intranet.example.com",
        22,
        Transport::Ssh,
        "intranet.example.com does not resolve to public addresses only",
    ),
    (
        "a mixed name",
        "mixed.example.com",
        22,
        Transport::Ssh,
        "mixed.example.com does not resolve to public addresses only",
    ),
    ("an unknown name", "unknown.example.com", 22, Transport::Ssh, "unknown.example.com:22 cannot be resolved"),
    ("no host", "", 22, Transport::Ssh, "the address has no host"),
    ("a path", "git.example.com/x", 22, Transport::Ssh, "the address has no host"),
    ("an option", "-oProxyCommand=x y", 22, Transport::Ssh, "the address has no host"),
    ("the operator's list", "127.0.0.1", 9000, Transport::Ssh, "127.0.0.1:9000"),
    ("the operator's list over git", "127.0.0.1", 9000, Transport::Git, "127.0.0.1:9000"),
    ("the tenant's list over git", "10.5.5.5", 2222, Transport::Git, "10.5.5.5:2222"),
    ("the tenant's list", "10.5.5.5", 2222, Transport::Ssh, "10.5.5.5:2222"),
    ("the tenant's list, another port", "10.5.5.5", 22, Transport::Ssh, "10.5.5.5 is a private address"),
    (
        "a tenant's name of metadata",
        "metadata.example.com",
        22,
        Transport::Ssh,
        "metadata.example.com leads to an address that no list can allow",
    ),
];

#[tokio::test]
async fn other_transports_have_the_same_guard_on_their_own_ports() {
    let allow = vec!["10.5.5.5:2222".to_owned(), "metadata.example.com:22".to_owned()];
    let egress = guarded(ALLOW).for_tenant(&NetworkSettings { egress_allow: allow, ca_certificates: vec![] });
    for (rule, host, port, transport, expected) in TRANSPORTS {
        let said = match egress.resolve(host, *port, *transport).await {
            Ok(addresses) => addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
            Err(EgressError::Refused(refusal)) => refusal.to_string(),
            Err(error) => error.to_string(),
        };
        assert_eq!(said, *expected, "{rule}");
    }
    assert_eq!(egress.calls(), 0);
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
    let egress = Egress::with_lookup(EgressSettings::default(), Arc::new(lookup));
    // The connector gets the very addresses that were checked, from one lookup.
    let given = egress.resolve("rebind.example.com", 443, Transport::Https).await.unwrap();
    assert_eq!(given, ["140.82.121.3:443".parse().unwrap()]);
    assert_eq!(lookups.load(Ordering::Relaxed), 1);
    // A later connection asks anew and is refused.
    let refusal = egress.resolve("rebind.example.com", 443, Transport::Https).await.unwrap_err();
    assert!(matches!(refusal, EgressError::Refused(Refusal::Name(name)) if name == "rebind.example.com"));
    let url = "https://rebind.example.com/".parse().unwrap();
    let refusal = egress.send(EgressRequest::get(url)).await.unwrap_err();
    assert!(matches!(refusal, EgressError::Refused(Refusal::Name(name)) if name == "rebind.example.com"));
}
