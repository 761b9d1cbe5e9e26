//! Reading `SKILL.md`.

use super::*;

fn read(text: &str) -> Result<FrontMatter, Vec<Lint>> {
    read_front_matter(text.as_bytes(), Some("pdf"))
}

/// Codes and lines of what is wrong.
fn lints(text: impl AsRef<[u8]>) -> Vec<(LintCode, u32)> {
    let lints = read_front_matter(text.as_ref(), Some("pdf")).unwrap_err();
    assert!(!lints.is_empty() && lints.len() <= MAX_LINTS);
    assert!(lints.iter().all(|lint| !lint.message.is_empty()), "{lints:?}");
    lints.into_iter().map(|lint| (lint.code, lint.line)).collect()
}

fn with(more: &str) -> String {
    format!("---\nname: pdf\ndescription: d\n{more}\n---\n")
}

#[test]
fn everything_that_the_format_knows_is_read() {
    let text = "---\nname: pdf\ndescription: >\n  Reads forms.\n  Use it for PDFs.\nlicense: Apache-2.0\n\
                compatibility: Needs qpdf\nmetadata:\n  author: acme\n  version: 1.10\n  empty:\n\
                allowed-tools: Bash(git add:*), Read  Read Write\nuser-invocable: true\nhooks: {a: [{b: 1}]}\n---\n# Body\n---\n";
    let read = read(text).unwrap();
    assert_eq!((read.name.as_str(), read.description.as_str()), ("pdf", "Reads forms. Use it for PDFs."));
    assert_eq!((read.license.as_deref(), read.compatibility.as_deref()), (Some("Apache-2.0"), Some("Needs qpdf")));
    let metadata: Vec<_> = read.metadata.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(metadata, [("author", "acme"), ("empty", ""), ("version", "1.10")], "as written");
    assert_eq!(read.allowed_tools, ["Bash(git add:*)", "Read", "Write"]);
}

#[test]
fn tools_may_be_a_list_and_nothing_else_is_needed() {
    let read = |more: &str| read(&with(more)).unwrap().allowed_tools;
    assert_eq!(read("allowed-tools:\n- Read\n- Bash(a, b)\n- Read"), ["Read", "Bash(a, b)"]);
    assert!(read("allowed-tools:").is_empty());
    assert!(read("allowed-tools: []").is_empty());
    assert!(read("").is_empty());
}

#[test]
fn marks_and_line_ends_of_other_systems_are_read() {
    for text in ["\u{feff}---\nname: pdf\ndescription: d\n---", "---\r\nname: pdf\r\ndescription: d\r\n---\r\n# Body"] {
        assert_eq!(read(text).unwrap().description, "d", "{text:?}");
    }
    assert_eq!(read("--- \nname: 'pdf'\ndescription: \"d\"\n---  \n").unwrap().name, "pdf");
}

#[test]
fn every_fault_has_its_code_and_line() {
    use LintCode::*;
    let long = |what: &str, length: usize| with(&format!("{what}: {}", "ü".repeat(length)));
    let many = |length: usize| (0..length).map(|n| format!("  k{n}: v\n")).collect::<String>();
    for (text, expected) in [
        (String::new(), vec![(FrontMatterMissing, 1)]),
        ("# PDF\n---\nname: pdf\n---".to_owned(), vec![(FrontMatterMissing, 1)]),
        ("----\nname: pdf\n----".to_owned(), vec![(FrontMatterMissing, 1)]),
        ("---\rname: pdf\r---\r".to_owned(), vec![(FrontMatterMissing, 1)]),
        ("---\nname: pdf\n".to_owned(), vec![(FrontMatterUnclosed, 1)]),
        ("---\n---\n".to_owned(), vec![(NameMissing, 1), (DescriptionMissing, 1)]),
        (with("x: [y"), vec![(YamlSyntax, 4)]),
        (with("a: b: c"), vec![(YamlSyntax, 4)]),
        (with("x: \u{7}"), vec![(YamlSyntax, 4)]),
        (with("name: pdf"), vec![(YamlDuplicateKey, 4)]),
        (with("metadata:\n  a: 1\n  a: 2"), vec![(YamlDuplicateKey, 6)]),
        ("---\n- name\n---\n".to_owned(), vec![(YamlType, 2)]),
        ("---\nname: [pdf]\n---\n".to_owned(), vec![(YamlType, 2)]),
        (with("license: {a: b}"), vec![(YamlType, 4)]),
        (with("metadata:\n  a:\n    b: c"), vec![(YamlType, 6)]),
        (with("metadata: text"), vec![(YamlType, 4)]),
        (with("allowed-tools: {a: b}"), vec![(YamlType, 4)]),
        (with("allowed-tools: true"), vec![(YamlType, 4)]),
        (with("...\nmore: x"), vec![(YamlTooComplex, 5)]),
        ("---\nname: Pdf\ndescription: d\n---\n".to_owned(), vec![(NameInvalid, 2)]),
        ("---\n# note\nname: -pdf\n---\n".to_owned(), vec![(DescriptionMissing, 1), (NameInvalid, 3)]),
        ("---\nname: xls\ndescription: d\n---\n".to_owned(), vec![(NameNotFolder, 2)]),
        ("---\nname: ~\ndescription: ''\n---\n".to_owned(), vec![(NameMissing, 1), (DescriptionMissing, 1)]),
        ("---\nname: pdf\ndescription: \"a\\0b\"\n---\n".to_owned(), vec![(DescriptionInvalid, 3)]),
        (long("compatibility", 501), vec![(CompatibilityInvalid, 4)]),
        (long("license", 501), vec![(LicenseInvalid, 4)]),
        (with(&format!("metadata:\n{}", many(51))), vec![(MetadataInvalid, 5)]),
        (with(&format!("metadata: {{a: {}}}", "ü".repeat(501))), vec![(MetadataInvalid, 4)]),
        (with(&format!("metadata: {{{}: a}}", "k".repeat(256))), vec![(MetadataInvalid, 4)]),
        (with("metadata: {'': a}"), vec![(MetadataInvalid, 4)]),
        (long("allowed-tools", 201), vec![(AllowedToolsInvalid, 4)]),
        (
            with(&format!("allowed-tools: {}", (0..101).map(|n| format!("t{n} ")).collect::<String>())),
            vec![(AllowedToolsInvalid, 4)],
        ),
    ] {
        assert_eq!(lints(&text), expected, "{}", text.chars().take(200).collect::<String>());
    }
    assert_eq!(lints(b"---\nname: pdf\n\xff\n---\n"), [(NotUtf8, 3)]);
    let all = long("compatibility", 501).replace("pdf", "P").replace(": d", ": ");
    assert_eq!(lints(all), [(DescriptionMissing, 1), (NameInvalid, 2), (CompatibilityInvalid, 4)], "all are told");
}

#[test]
fn lengths_count_characters_and_their_limits_are_within() {
    let at_limits = with(&format!(
        "compatibility: {}\nlicense: {}\nmetadata:\n  {}: {}\nallowed-tools: {}",
        "ü".repeat(MAX_COMPATIBILITY_CHARS),
        "ü".repeat(MAX_LICENSE_CHARS),
        "ü".repeat(MAX_METADATA_KEY_CHARS),
        "ü".repeat(MAX_METADATA_VALUE_CHARS),
        "ü".repeat(MAX_TOOL_CHARS),
    ));
    assert!(read(&at_limits).is_ok());
    let description = |length: usize| read(&format!("---\nname: pdf\ndescription: {}\n---", "語".repeat(length)));
    assert!(description(MAX_DESCRIPTION_CHARS).is_ok());
    assert_eq!(description(MAX_DESCRIPTION_CHARS + 1).unwrap_err()[0].code, LintCode::DescriptionInvalid);
}

#[test]
fn names_follow_the_format() {
    for good in ["a", "1password", "a-b-c", &"x".repeat(64)] {
        assert!(is_skill_name(good), "{good}");
    }
    for bad in ["", "-a", "a-", "a--b", "A", "a_b", "a b", "ä", "a\n", &"x".repeat(65)] {
        assert!(!is_skill_name(bad), "{bad}");
    }
    let root = read_front_matter(b"---\nname: anything\ndescription: d\n---\n", None).unwrap();
    assert_eq!(root.name, "anything", "in the repository's root the name is free");
}

#[test]
fn bombs_end_at_a_budget() {
    let chain = |open: &str, link: &dyn Fn(char, char) -> String| {
        let mut text = open.to_owned();
        for (before, name) in ('a'..'k').zip('b'..='k') {
            text += &link(before, name);
        }
        with(&text)
    };
    let laughs = chain("a: &a [x,x,x,x,x,x,x,x,x]\n", &|before, name| {
        let links = vec![format!("*{before}"); 9].join(",");
        format!("{name}: &{name} [{links}]\n")
    });
    let merges = chain("a: &a {x: 1}\n", &|before, name| format!("{name}: &{name}\n  <<: *{before}\n  y{name}: 1\n"));
    let merge = with("<<: {license: MIT}");
    let alias = with("license: *unknown");
    let blocks = with(&(0..100).map(|level| format!("{}a:\n", " ".repeat(level))).collect::<String>());
    let events = with(&format!("x: [{}]", "a,".repeat(8_000)));
    for text in [laughs, merges, merge, alias, blocks, events] {
        assert_eq!(lints(&text)[0].0, LintCode::YamlTooComplex, "{}", &text[..60]);
    }
    // The reader itself refuses to go so deep.
    let flow = lints(with(&format!("x: {}", "[".repeat(10_000))));
    assert!(matches!(flow[0].0, LintCode::YamlTooComplex | LintCode::YamlSyntax), "{flow:?}");
    let keys = lints(with(&format!("x: {}", "{? ".repeat(5_000))));
    assert!(matches!(keys[0].0, LintCode::YamlTooComplex | LintCode::YamlSyntax), "{keys:?}");
    let long = format!("---\nname: pdf\n{}\n---\n", "# x\n".repeat(MAX_FRONT_MATTER_BYTES / 4 + 1));
    assert_eq!(lints(long), [(LintCode::FrontMatterTooLarge, 1)]);
    let endless = format!("---\nname: {}", "x".repeat(MAX_FRONT_MATTER_BYTES));
    assert_eq!(lints(endless), [(LintCode::FrontMatterTooLarge, 1)], "not searched to its end");
}
