use super::*;
use serde_json::json;

/// Attributes of the wire.
fn wire(value: &Value) -> Value {
    match value {
        Value::Null => json!({"NULL": true}),
        Value::Bool(flag) => json!({"BOOL": flag}),
        Value::Number(number) => json!({"N": number.to_string()}),
        Value::String(text) => json!({"S": text}),
        Value::Array(list) => json!({"L": list.iter().map(wire).collect::<Vec<_>>()}),
        Value::Object(map) => {
            json!({"M": map.iter().map(|(name, value)| (name.clone(), wire(value))).collect::<serde_json::Map<_, _>>()})
        }
    }
}

fn item(pk: &str, sk: &str, mut attributes: Value) -> Value {
    attributes["pk"] = json!(pk);
    attributes["sk"] = json!(sk);
    let attributes = attributes.as_object().cloned().unwrap_or_default();
    attributes.iter().map(|(name, value)| (name.clone(), wire(value))).collect()
}

/// One delivery with one open task.
fn whole() -> Vec<Value> {
    let summary = json!({"id": "dlv_1", "repoId": "rep_1", "taskIds": ["tsk_1"], "result": "accepted",
                         "signatureVerified": true});
    let task = json!({"id": "tsk_1", "repoId": "rep_1", "deliveryId": "dlv_1", "groupId": "grp_1", "status": "queued",
                      "robotId": "rob_1", "ruleId": "r1"});
    vec![
        item("DELIVERIES#rep_1", "dlv_1", json!({"data": summary, "open_tasks": 1, "chunks": 1})),
        item("DELIVERY#dlv_1", "DETAIL", json!({"data": summary})),
        item("DELIVERY#dlv_1", "BODY#000", json!({})),
        item("REPO#rep_1", "TASK#tsk_1", json!({"data": task, "open_pk": "OPEN#rep_1", "holds_schedule": true})),
        item("REPO#rep_1", "GROUP#grp_1", json!({"data": {"id": "grp_1"}, "tasks": 1})),
        item("REPO#rep_1", "SCHEDULED#rob_1#r1", json!({"data": "tsk_1"})),
        item("LOCATOR#tsk_1", "-", json!({"data": "rep_1", "delivery": "dlv_1"})),
        item(
            "TWIN#rep_1#guid:1",
            "-",
            json!({"data": {"delivery": "dlv_1", "response": {"tasks": [{"id": "tsk_1"}]}}}),
        ),
        item(
            "REPO#rep_1",
            "D#1RECORD",
            json!({"data": {"id": "rep_1", "tenant": "tnt_1", "number": 7, "namespace": "product/a",
                                                            "product": {}, "enabled": true}}),
        ),
        item("REPO#rep_1", "D#2STATE", json!({"data": {"version": 1}})),
        item("ROSTER#tnt_1", "rep_1", json!({"data": {"archived": false}})),
        item("NUMBER#tnt_1#7", "REPOSITORY", json!({"data": "rep_1"})),
        item("NAMESPACE#tnt_1#abc", "rep_1", json!({"data": "rep_1"})),
        item("REPO#rep_1", "D#3MEMBERS", json!({"data": {"members": [{"user_id": "usr_1", "role": "owner"}]}})),
        item("UNIQUE#tnt_1#NAME#abc", "-", json!({"data": "rep_1"})),
        item("MEMBERSHIPS#tnt_1#usr_1", "rep_1", json!({"data": "owner"})),
        item(
            "PRODUCTS#tnt_1",
            "a",
            json!({"data": {"name": "a", "tenant": "tnt_1", "version": 1, "members": [{"role": "owner"}]}, "version": 1}),
        ),
        item("PRODUCT#tnt_1#a", "USES", json!({"repositories": 1})),
        item("UNIQUE#tnt_1#PRODUCTNAME#abc", "-", json!({"data": "a"})),
    ]
}

#[test]
fn what_fits_together_passes() {
    assert_eq!(check(&whole()), Ok(()));
    assert_eq!(check(&[]), Ok(()));
}

#[test]
fn no_item_can_be_missing_unnoticed() {
    for index in 0..whole().len() {
        let mut items = whole();
        let gone = items.remove(index);
        // The twin key, the membership and the claim are the only ones that nothing else leads to.
        let leads = ["TWIN#", "MEMBERSHIPS#"].iter().any(|begin| gone["pk"]["S"].to_string().contains(begin));
        assert_eq!(check(&items).is_err(), !leads, "{gone}");
    }
}

#[test]
fn a_delivery_that_expires_under_its_open_task_and_a_wrong_count_are_found() {
    let mut items = whole();
    items[2]["expires_at"] = json!({"N": "1"});
    items[4]["tasks"] = json!({"N": "2"});
    items.push(item("ELSEWHERE#1", "-", json!({})));
    let wrong = check(&items).unwrap_err();
    assert_eq!(wrong.len(), 3, "{wrong:?}");
}

#[test]
fn held_documents_are_listed() {
    let mut items = whole();
    items.push(item("REPO#rep_1", "D#5CREDENTIALS", json!({"lease": "lse_1", "lease_until": 7})));
    assert_eq!(leases(&items), ["REPO#rep_1 D#5CREDENTIALS until 7"]);
    items.push(item("REPO#rep_2", "D#5CREDENTIALS", json!({"lease": "lse_1"})));
    assert!(check(&items).is_err(), "a hold without an end");
}

#[test]
fn a_membership_in_another_role_and_a_locator_of_another_delivery_are_found() {
    let mut items = whole();
    items[6]["delivery"] = json!({"S": "dlv_2"});
    items[13]["data"] = json!({"S": "member"});
    assert_eq!(check(&items).unwrap_err().len(), 2);
}

#[test]
fn a_deleted_repository_leaves_a_tombstone_and_what_ends_by_itself() {
    let summary = json!({"id": "dlv_1", "repoId": "rep_1", "taskIds": ["tsk_1"], "signatureVerified": true});
    let left = |expires: Value| {
        vec![
            item("REPO#rep_1", "A#TOMBSTONE", json!({"data": {}})),
            item("DELIVERIES#rep_1", "dlv_1", json!({"data": summary, "open_tasks": 1, "chunks": 1, "expires_at": 9})),
            item("DELIVERY#dlv_1", "DETAIL", json!({"data": summary, "expires_at": 9})),
            item("DELIVERY#dlv_1", "BODY#000", expires),
        ]
    };
    assert_eq!(check(&left(json!({"expires_at": 9}))), Ok(()));
    assert!(check(&left(json!({}))).is_err(), "a body without an end");
    let mut items = left(json!({"expires_at": 9}));
    items.push(item("REPO#rep_1", "D#3MEMBERS", json!({"data": {}})));
    items.push(item("MEMBERSHIPS#tnt_1#usr_1", "rep_1", json!({"data": "owner"})));
    items.push(item("UNIQUE#tnt_1#NAME#abc", "-", json!({"data": "rep_1"})));
    assert_eq!(check(&items).unwrap_err().len(), 4, "{:?}", check(&items));
}

#[test]
fn a_kept_answer_and_a_call_in_flight_end() {
    let key = "IDEMPOTENCY#tnt_1#usr_1#abc";
    let answer = json!({"data": {"fingerprint": "f", "answer": "{}"}, "expires_at": 9});
    let flight = json!({"data": {"fingerprint": "f", "until": 7}, "lease": "lse_1", "expires_at": 9});
    assert_eq!(check(&[item(key, "-", answer)]), Ok(()));
    assert_eq!(check(&[item(key, "-", flight)]), Ok(()));
    let bare = json!({"data": {"fingerprint": "f"}});
    assert_eq!(check(&[item(key, "-", bare)]).unwrap_err().len(), 2);
}

#[test]
fn a_trusted_host_stands_in_its_own_place_and_is_counted() {
    let tenant = || item("TENANT#tnt_1", "TENANT", json!({"data": {}}));
    let count = |tallied: u32| item("COUNTER#tnt_1", "TRUSTEDHOSTS", json!({"tallied": tallied}));
    let host = |place: &str| item("TRUSTED#tnt_1", "git.example.com:22", json!({"data": {"place": place}}));
    assert_eq!(check(&[tenant(), count(1), host("git.example.com:22")]), Ok(()));
    assert_eq!(check(&[tenant(), count(1), host("git.example.com:2222")]).unwrap_err().len(), 1);
    assert_eq!(check(&[count(1), host("git.example.com:22")]).unwrap_err().len(), 1);
    assert_eq!(check(&[tenant(), host("git.example.com:22")]).unwrap_err().len(), 1);
    assert_eq!(check(&[tenant(), count(2), host("git.example.com:22")]).unwrap_err().len(), 1);
    assert_eq!(check(&[count(0)]), Ok(()));
}
