use super::*;
use proptest::prelude::*;

fn told(spec: &str) -> Result<String, Vec<String>> {
    match read_spec(spec.as_bytes()) {
        Ok(PackageIdentity { name, epoch, version, release, .. }) => Ok(format!("{name} {epoch} {version} {release}")),
        Err(unresolved) => Err(unresolved.iter().map(ToString::to_string).collect()),
    }
}

fn with(release: &str, before: &str) -> Result<String, Vec<String>> {
    told(&format!("{before}\nName: foo\nVersion: 1.0\nRelease: {release}\n\n%description\nName: other\n"))
}

#[test]
fn what_the_file_says_is_put_in() {
    let spec = "# A comment with %{macros}\n%define upstream_version 2.1-rc3\n%global major 4\n%define libname %mklibname foo %{major}\n\
                Summary: Foo: a thing\nname:\t perl-Foo \nEPOCH: 2\nVersion: %{major}.1\nRelease: 0.%{version}%{?beta_never_asked:x}\n";
    assert_eq!(told(spec), Err(vec!["release needs the macro beta_never_asked of the build system".to_owned()]));
    assert_eq!(told(&spec.replace("%{?beta_never_asked:x}", "")), Ok("perl-Foo 2 4.1 0.4.1".to_owned()));
    for (release, before, expected) in [
        ("1", "", "1"),
        ("%rel", "%define rel 3", "3"),
        ("%{rel}.%{rel}", "%define rel 3", "3.3"),
        ("%{?rel}", "%global rel 3", "3"),
        ("1%{?beta:.%{beta}}", "%define beta b2", "1.b2"),
        ("1%{!?beta:.final}", "%define beta b2", "1"),
        ("%a_c", "%define a_c %{b_d}\n%define b_d 7", "7"),
        ("1%{!!?beta:.b}", "%define beta b2", "1.b"),
        // At once, and when it is used.
        ("%{late}.%{early}", "%define one 1\n%global early %{one}\n%define late %{one}\n%define one 2", "2.1"),
    ] {
        assert_eq!(with(release, before), Ok(format!("foo 0 1.0 {expected}")), "{release} {before}");
    }
}

#[test]
fn what_it_does_not_say_is_reported_and_not_guessed() {
    for (release, before, reason) in [
        ("1%{?dist}", "", "needs the macro dist of the build system"),
        ("%mkrel 1", "", "needs the macro mkrel of the build system"),
        ("%{nowhere}", "", "needs the macro nowhere of the build system"),
        ("%(date +%Y)", "", "needs something to be run"),
        ("%[1 + 1]", "", "needs something to be run"),
        ("%{expr: 1 + 1}", "", "needs something to be run"),
        ("%{rel", "", "needs something to be run"),
        ("%rel", "%define rel() 3", "needs something to be run"),
        ("%rel", "%define rel 3 \\\n4", "needs something to be run"),
        ("%rel", "%global rel %(echo 3)", "needs something to be run"),
        ("%rel", "%if 0%{?fedora}\n%define rel 3\n%endif", "depends on a condition"),
        ("%rel", "%define rel 3\n%ifarch x86_64\n%define rel 4\n%endif", "depends on a condition"),
        ("%rel", "%{!?rel: %define rel 3}", "needs the macro rel of the build system"),
        ("%rel", "%define rel 3\n%undefine rel", "needs the macro rel of the build system"),
        ("%rel", "%define rel %{rel}", "needs too many macros"),
        ("%one", "%define one %two\n%define two %one", "needs too many macros"),
        ("1-2", "", "is not one: 1-2"),
        ("", "", "is not one: "),
        ("1 2", "", "is not one: 1 2"),
    ] {
        assert_eq!(with(release, before), Err(vec![format!("release {reason}")]), "{release} {before}");
    }
    assert_eq!(told("Name: a\nName: b\nVersion: 1\nRelease: 1"), Err(vec!["name is there more than once".to_owned()]));
    assert_eq!(
        told("%if 1\nEpoch: 1\n%endif\nName: a\nVersion: 1\nRelease: 1"),
        Err(vec!["epoch depends on a condition".to_owned()])
    );
    assert_eq!(told("%include other\nName: a\n").unwrap_err().len(), 3);
    assert_eq!(told("").unwrap_err(), ["name is not there", "version is not there", "release is not there"]);
}

#[test]
fn macros_that_blow_up_end() {
    let mut spec = "%define a00 xxxxxxxxxx\n".to_owned();
    for level in 1..40 {
        let used = format!("%{{a{:02}}}", level - 1);
        spec += &format!("%define a{level:02} {}\n", used.repeat(10));
    }
    spec += "Name: %{a39}\nVersion: %{a03}\nRelease: 1\n";
    assert_eq!(told(&spec).unwrap_err(), ["name needs too many macros", "version needs too many macros"]);
    assert_eq!(read_spec(&vec![b'%'; MAX_SPEC_BYTES + 1]).unwrap_err().len(), 4);
    assert!(read_spec("%{".repeat(MAX_SPEC_BYTES / 2).as_bytes()).is_err());
    assert!(read_spec("%define x \\\n".repeat(40_000).as_bytes()).is_err());
}

proptest! {
    #[test]
    fn any_file_is_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read_spec(&bytes);
    }

    #[test]
    fn what_looks_like_a_spec_is_read_without_panic(
        lines in prop::collection::vec(
            "(%(define|global|undefine|if|endif|include) |Name:|Version:|Release: ?)?[%{}()!?:a-c0-9 \\\\é]{0,20}", 0..20),
    ) {
        let _ = read_spec(lines.join("\n").as_bytes());
    }
}
