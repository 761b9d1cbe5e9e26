//! Who is spoken to in a comment (contract: hookcode 4.5, handle rule).

use crate::robot::Robot;

/// The handle of a name: one leading `@` dropped, lower case, blanks and other characters outside `[a-z0-9_-]` as
/// `-`, runs of `-` as one, no `-` or `_` at the ends. `None` when nothing is left.
pub fn handle(name: &str) -> Option<String> {
    let name = name.trim();
    let name = name.strip_prefix('@').unwrap_or(name).trim();
    let mut slug = String::with_capacity(name.len());
    for c in name.to_lowercase().chars() {
        let c = if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' { c } else { '-' };
        if c != '-' || !slug.ends_with('-') {
            slug.push(c);
        }
    }
    let slug = slug.trim_matches(['-', '_']);
    (!slug.is_empty()).then(|| slug.to_owned())
}

/// Every mention of a text in its order, lower-case, with its `@`: an `@`, a letter or digit, then letters, digits,
/// `_` and `-`.
pub fn mentions(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('@') {
        rest = &rest[at + 1..];
        if rest.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))).unwrap_or(rest.len());
            found.push(format!("@{}", rest[..end].to_ascii_lowercase()));
            rest = &rest[end..];
        }
    }
    found
}

/// The handles that a robot answers to: those of its name and of its account's user name and display name.
pub(super) fn handles_of(robot: &Robot) -> Vec<String> {
    let names = [Some(robot.name.as_str()), robot.account.username.as_deref(), robot.account.display_name.as_deref()];
    names.into_iter().flatten().filter_map(handle).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_become_handles() {
        for (name, expected) in [
            ("Rev Bot", Some("rev-bot")),
            ("@rev-bot", Some("rev-bot")),
            ("@@rev", Some("rev")),
            ("  @ Rev   Bot ", Some("rev-bot")),
            ("rev__bot_", Some("rev__bot")),
            ("--Rev---Bot--", Some("rev-bot")),
            ("Prüfer №1", Some("pr-fer-1")),
            ("___", None),
            ("@", None),
            ("机器人", None),
        ] {
            assert_eq!(handle(name).as_deref(), expected, "{} {name}", "4.5/context/handle");
        }
    }

    #[test]
    fn mentions_are_found_anywhere_in_a_text() {
        let text = "@Rev-Bot please, cc @ann_1, mail@example.com (@x) @-no @ @@twice";
        assert_eq!(mentions(text), ["@rev-bot", "@ann_1", "@example", "@x", "@twice"], "4.5/context/mentions");
        assert_eq!(mentions("@ä @é"), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn the_handle_of_a_handle_is_itself(name in "\\PC{0,40}") {
            if let Some(once) = handle(&name) {
                prop_assert_eq!(handle(&once), Some(once.clone()));
                prop_assert!(once.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c)));
                prop_assert_eq!(handle(&format!("@{once}")), Some(once));
            }
        }

        #[test]
        fn any_text_is_searched_without_panic(text in "[@a-zé_ -]{0,40}") {
            for mention in mentions(&text) {
                prop_assert!(text.to_ascii_lowercase().contains(&mention));
            }
        }
    }
}
