use super::*;
use crate::package::{MAX_PACKAGE_TEXT_BYTES, PackageKind};
use proptest::prelude::*;
use serde_json::json;

fn good() -> Value {
    json!({
        "projectId": 9, "name": "perl-Foo", "epoch": 1, "version": "1.190.200", "release": "6", "type": "source",
        "committerName": "Bob", "committerEmail": "bob@example.org",
    })
}

fn ndjson(rows: &[Value]) -> Vec<u8> {
    rows.iter().map(|row| format!("{row}\n")).collect::<String>().into_bytes()
}

fn wrong(form: UploadForm, body: &[u8]) -> Vec<(String, String)> {
    match read_upload(form, body) {
        Err(DomainError::Invalid(errors)) => {
            errors.as_slice().iter().map(|error| (error.pointer.clone(), error.message.clone())).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn both_forms_say_the_same() {
    let lines =
        ndjson(&[good(), json!({"projectId": 10, "name": "b", "version": "2~rc1", "release": "1", "type": "binary"})]);
    let csv = "projectId,name,epoch,version,release,type,committerName,committerEmail\r\n\
               9,perl-Foo,1,1.190.200,6,source,Bob,bob@example.org\r\n\
               10,b,,2~rc1,1,binary,,\r\n";
    let read = read_upload(UploadForm::Ndjson, &lines).unwrap();
    assert_eq!(read, read_upload(UploadForm::Csv, csv.as_bytes()).unwrap());
    let (first, second) = (&read[0], &read[1]);
    assert_eq!((first.project, first.identity.epoch, first.identity.kind), (9, 1, PackageKind::Source));
    assert_eq!(
        (first.committer_name.as_deref(), first.committer_email.as_deref()),
        (Some("Bob"), Some("bob@example.org"))
    );
    assert_eq!((second.identity.epoch, &second.committer_name, second.identity.kind), (0, &None, PackageKind::Binary));
}

#[test]
fn columns_come_in_any_order_and_what_may_be_left_out_is() {
    let csv = "\u{feff}type,release,version,name,projectId\nsource,\"6\",1,a,9\n\nbinary,6,1,a,9\n";
    let read = read_upload(UploadForm::Csv, csv.as_bytes()).unwrap();
    assert_eq!(
        read.iter().map(|row| row.identity.kind).collect::<Vec<_>>(),
        [PackageKind::Source, PackageKind::Binary]
    );
}

#[test]
fn every_wrong_row_is_named_by_its_line() {
    let mut bad = good();
    bad["name"] = json!("-foo");
    bad["version"] = json!("1-2");
    bad["arch"] = json!("x86_64");
    let mut body = ndjson(&[good(), bad]);
    body.extend(b"\n[1]\n{\n");
    let said = wrong(UploadForm::Ndjson, &body);
    let places: Vec<_> =
        said.iter().map(|(pointer, message)| (&**pointer, message.split(':').next().unwrap())).collect();
    let expected = [("/1/name", "line 2"), ("/1/version", "line 2"), ("/1/arch", "line 2"), ("/2", "line 4")];
    assert_eq!(places[..4], expected);
    assert_eq!(places.last(), Some(&("/3", "line 5")));
    let csv = "projectId,name,version,release,type\nx,a,1,1,source\n1,a,1\n1,\"b\nc\",1,1,source\n1,c,,1,other\n";
    let said = wrong(UploadForm::Csv, csv.as_bytes());
    let places: Vec<_> =
        said.iter().map(|(pointer, message)| (&**pointer, message.split(':').next().unwrap())).collect();
    let expected = [
        ("/0/projectId", "line 2"),
        ("/1", "line 3"),
        ("/2/name", "line 4"),
        ("/3/version", "line 6"),
        ("/3/type", "line 6"),
    ];
    assert_eq!(places, expected);
}

#[test]
fn a_field_that_is_wrong_is_refused() {
    let long = "a".repeat(MAX_PACKAGE_TEXT_BYTES + 1);
    for (key, value) in [
        ("projectId", json!(0)),
        ("projectId", json!("9")),
        ("projectId", Value::Null),
        ("name", json!("")),
        ("name", json!("a b")),
        ("name", json!("é")),
        ("name", json!("../x")),
        ("name", json!(long)),
        ("epoch", json!(-1)),
        ("epoch", json!(4_294_967_296_u64)),
        ("version", json!("")),
        ("version", json!("%{version}")),
        ("release", json!("1-2")),
        ("release", json!(long)),
        ("type", json!("Source")),
        ("type", json!(1)),
        ("committerName", json!("a\nb")),
        ("committerEmail", json!("x".repeat(255))),
    ] {
        let mut row = good();
        row[key] = value.clone();
        let said = wrong(UploadForm::Ndjson, &ndjson(&[row]));
        assert_eq!(
            said.iter().map(|(pointer, _)| &**pointer).collect::<Vec<_>>(),
            [format!("/0/{key}")],
            "{key} {value}"
        );
    }
}

#[test]
fn a_header_that_is_wrong_says_so_once() {
    for (csv, count) in [
        ("", 5),
        ("projectId,name,version,release,type", 1),
        ("projectId,name,version,release,type,name\n", 1),
        ("projectId,name,version,release,type,\n", 1),
        ("Project owner,Project name,Package name\n1,2,3\n", 8),
    ] {
        let said = wrong(UploadForm::Csv, csv.as_bytes());
        assert_eq!(said.len(), count, "{csv}: {said:?}");
    }
    assert_eq!(wrong(UploadForm::Ndjson, b" \n\n"), [(String::new(), "the upload has no rows".to_owned())]);
}

#[test]
fn what_is_too_much_is_refused_as_a_whole() {
    let too_large = |form, body: &[u8]| matches!(read_upload(form, body), Err(DomainError::TooLarge(_)));
    let row = "{\"projectId\":1,\"name\":\"a\",\"version\":\"1\",\"release\":\"1\",\"type\":\"source\"}\n";
    assert!(read_upload(UploadForm::Ndjson, row.repeat(MAX_UPLOAD_ROWS).as_bytes()).is_ok());
    assert!(too_large(UploadForm::Ndjson, row.repeat(MAX_UPLOAD_ROWS + 1).as_bytes()));
    assert!(too_large(UploadForm::Ndjson, &vec![b' '; MAX_UPLOAD_BYTES + 1]));
    // Wrong rows: a bounded number, and as much text.
    let said = wrong(UploadForm::Ndjson, "x\n".repeat(1_000).as_bytes());
    assert_eq!(said.len(), MAX_WRONG_ROWS + 1);
    let said = wrong(UploadForm::Ndjson, format!("{{\"name\":\"{}\"}}\n", "a".repeat(100_000)).as_bytes());
    assert_eq!(said.len(), 1);
    assert!(said[0].1.len() < 200);
}

proptest! {
    #[test]
    fn anything_is_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[{}\",:a-z\n0-9]{0,80}") {
        for form in [UploadForm::Ndjson, UploadForm::Csv] {
            let _ = read_upload(form, &bytes);
            let _ = read_upload(form, text.as_bytes());
            let _ = read_upload(form, format!("projectId,name,version,release,type\n{text}").as_bytes());
        }
    }
}
