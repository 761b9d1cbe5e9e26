//! Registering many repositories at once: every item is checked for itself, so that a wrong one stops no other.

use super::CreateRepository;
use crate::error::{DomainError, FieldErrors};
use crate::input::{Field, Object};
use serde_json::Value;

/// Most repositories of one import.
pub const MAX_IMPORT: usize = 100;

/// Reads the body of `POST /api/repos/import`: `{repositories}`. Each item is a body of `POST /api/repos` without what is
/// shown once or set by administrators alone; a wrong one comes with its errors, whose pointers begin with its place.
///
/// # Errors
/// [`DomainError::Invalid`] when the list itself is wrong.
pub fn read_import(body: &Value) -> Result<Vec<Result<CreateRepository, DomainError>>, DomainError> {
    let mut errors = FieldErrors::new();
    let mut object = Object::root(body, &mut errors);
    let items = match object.array("repositories") {
        Field::Value(items) if (1..=MAX_IMPORT).contains(&items.len()) => items.as_slice(),
        Field::Value(_) | Field::Absent | Field::Null => {
            object.error("repositories", format!("must be a list of 1 to {MAX_IMPORT} repositories"));
            &[]
        }
        Field::Invalid => &[],
    };
    object.finish();
    errors.into_result(())?;
    Ok(items.iter().enumerate().map(|(index, item)| read_item(item, &format!("/repositories/{index}"))).collect())
}

fn read_item(item: &Value, pointer: &str) -> Result<CreateRepository, DomainError> {
    let mut errors = FieldErrors::new();
    let command = CreateRepository::read_at(item, pointer.to_owned(), &mut errors);
    let secret = format!("{pointer}/webhookSecret");
    let is_named = errors.as_slice().iter().any(|error| error.pointer == secret);
    if item.get("webhookSecret").is_some() && !is_named {
        errors.push(secret, "webhookSecret is not taken by an import; rotate the webhook's secret afterwards");
    }
    if !command.verification {
        let text = "an import does not switch verification off; change the repository afterwards";
        errors.push(format!("{pointer}/webhookVerification"), text);
    }
    errors.into_result(command)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn pointers(error: &DomainError) -> Vec<&str> {
        let DomainError::Invalid(errors) = error else { panic!("{error}") };
        errors.as_slice().iter().map(|error| error.pointer.as_str()).collect()
    }

    #[test]
    fn a_list_of_1_to_100_is_taken_and_nothing_else() {
        let item = json!({"provider": "github", "name": "acme/a"});
        for (body, wrong) in [
            (json!({"repositories": [item]}), vec![]),
            (json!({"repositories": vec![item.clone(); 100]}), vec![]),
            (json!({"repositories": vec![item.clone(); 101]}), vec!["/repositories"]),
            (json!({"repositories": []}), vec!["/repositories"]),
            (json!({"repositories": null}), vec!["/repositories"]),
            (json!({"repositories": {"0": item}}), vec!["/repositories"]),
            (json!({"repositories": [item], "more": 1}), vec!["/more"]),
            (json!({}), vec!["/repositories"]),
            (json!([item]), vec!["", "/repositories"]),
        ] {
            let read = read_import(&body);
            assert_eq!(read.as_ref().err().map(pointers).unwrap_or_default(), wrong, "{body}");
        }
    }

    #[test]
    fn a_wrong_item_names_its_place_and_stops_no_other() {
        let good = json!({"provider": "github", "name": "acme/a", "webhookVerification": "on"});
        for (item, wrong) in [
            (json!(7), vec!["", "/provider", "/name"]),
            (json!({"provider": "svn", "name": "", "x/y": 1}), vec!["/provider", "/name", "/x~1y"]),
            (json!({"provider": "git", "name": "a"}), vec!["/remoteUrl"]),
            (json!({"provider": "github", "name": "a", "metadata": {"k": 1}}), vec!["/metadata/k"]),
            (json!({"provider": "github", "name": "a", "branches": [{"name": 1}]}), vec!["/branches/0/name"]),
            (json!({"provider": "github", "name": "a", "webhookSecret": "s"}), vec!["/webhookSecret"]),
            (json!({"provider": "github", "name": "a", "webhookSecret": null}), vec!["/webhookSecret"]),
            (json!({"provider": "github", "name": "a", "webhookSecret": 7}), vec!["/webhookSecret"]),
            (json!({"provider": "github", "name": "a", "webhookVerification": "off"}), vec!["/webhookVerification"]),
        ] {
            let read = read_import(&json!({"repositories": [good, item, good]})).expect("a good list");
            assert!(read[0].is_ok() && read[2].is_ok(), "{item}");
            let expected: Vec<String> = wrong.iter().map(|place| format!("/repositories/1{place}")).collect();
            assert_eq!(pointers(read[1].as_ref().expect_err("a wrong item")), expected, "{item}");
        }
    }

    proptest! {
        #[test]
        fn whatever_an_item_is_only_it_is_wrong(text in "\\PC{0,40}", number in any::<i64>(), key in "\\PC{0,20}") {
            let items = json!([text, number, null, [text], {key: text}, {"provider": text, "name": number}]);
            let read = read_import(&json!({"repositories": items})).expect("a good list");
            for (index, item) in read.iter().enumerate() {
                let error = item.as_ref().expect_err("no repository");
                let own = format!("/repositories/{index}");
                prop_assert!(pointers(error).iter().all(|pointer| pointer.starts_with(&own)));
            }
        }
    }
}
