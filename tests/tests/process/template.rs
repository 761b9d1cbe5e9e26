//! What the template wires: everything that invokes a function names its alias, nothing is tried for ever, what is given
//! up is told of, and what is logged expires.

use crate::workspace::read;
use serde_yaml_ng::Value;
use std::collections::BTreeSet;

const SQS_READER: [&str; 3] = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"];
const STREAM_READER: [&str; 4] =
    ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"];

/// A CloudFormation function in its short form, like `!Ref Name`.
fn short(tag: &str, value: &Value) -> Option<String> {
    let Value::Tagged(tagged) = value else { return None };
    (tagged.tag == tag).then(|| tagged.value.as_str().map(str::to_owned)).flatten()
}

struct Template(Value);

impl Template {
    fn read() -> Self {
        Self(serde_yaml_ng::from_str(&read("infra/template.yaml")).expect("YAML"))
    }

    /// Logical ids and properties of the resources of a type.
    fn of_type(&self, kind: &str) -> Vec<(&str, &Value)> {
        let resources = self.0["Resources"].as_mapping().expect("resources").iter();
        let of_kind = resources.filter(|(_, resource)| resource["Type"].as_str() == Some(kind));
        of_kind.map(|(name, resource)| (name.as_str().expect("a name"), &resource["Properties"])).collect()
    }

    fn functions(&self) -> Vec<(&str, &Value)> {
        self.of_type("AWS::Serverless::Function")
    }

    /// Seconds after which an invocation ends.
    fn timeout(&self, function: &str) -> u64 {
        let own = &self.0["Resources"][function]["Properties"]["Timeout"];
        own.as_u64().or_else(|| self.0["Globals"]["Function"]["Timeout"].as_u64()).expect("a time limit")
    }

    /// The function whose alias something names.
    #[track_caller]
    fn aliased(&self, what: &str, value: &Value) -> String {
        let named = short("Ref", value).and_then(|text| text.strip_suffix(".Alias").map(str::to_owned));
        let named = named.unwrap_or_else(|| panic!("{what} names {value:?} and no alias"));
        assert!(self.functions().iter().any(|(function, _)| *function == named), "{what} names {named}");
        named
    }

    fn mappings(&self) -> Vec<(&str, String, &Value)> {
        let mappings = self.of_type("AWS::Lambda::EventSourceMapping").into_iter();
        mappings.map(|(name, it)| (name, self.aliased(name, &it["FunctionName"]), it)).collect()
    }
}

/// The queue or stream that a mapping reads, and what of it is named: `("SyncJobs", "Arn")`.
fn source(mapping: &Value) -> (String, String) {
    let text = short("GetAtt", &mapping["EventSourceArn"]).expect("a source");
    let (resource, attribute) = text.split_once('.').expect("an attribute");
    (resource.to_owned(), attribute.to_owned())
}

#[test]
fn everything_that_invokes_a_function_names_its_alias() {
    let template = Template::read();
    assert_eq!(template.0["Globals"]["Function"]["AutoPublishAlias"].as_str(), Some("live"));
    assert_eq!(template.0["Globals"]["Function"]["AutoPublishAliasAllProperties"].as_bool(), Some(true));
    for (function, properties) in template.functions() {
        assert_eq!(short("Ref", &properties["AutoPublishCodeSha256"]).as_deref(), Some("Release"), "{function}");
    }
    let mut integrated = BTreeSet::new();
    for (name, integration) in template.of_type("AWS::ApiGatewayV2::Integration") {
        integrated.insert(template.aliased(name, &integration["IntegrationUri"]));
        assert_eq!(integration["PayloadFormatVersion"].as_str(), Some("2.0"), "{name}");
    }
    let permitted: BTreeSet<_> = template
        .of_type("AWS::Lambda::Permission")
        .into_iter()
        .map(|(name, permission)| template.aliased(name, &permission["FunctionName"]))
        .collect();
    assert_eq!(integrated, permitted, "functions behind the gateway, and those that it may invoke");
    assert!(!template.mappings().is_empty());
    // A schedule of a function's own follows its alias; one that is written out would have to be looked at here.
    assert!(template.of_type("AWS::Scheduler::Schedule").is_empty());
}

#[test]
fn schedules_are_not_repeated() {
    for (function, properties) in Template::read().functions() {
        for (name, event) in properties["Events"].as_mapping().into_iter().flatten() {
            let name = name.as_str().unwrap_or_default();
            assert_eq!(event["Type"].as_str(), Some("ScheduleV2"), "{function} {name}");
            let retries = &event["Properties"]["RetryPolicy"]["MaximumRetryAttempts"];
            assert_eq!(retries.as_u64(), Some(0), "{function} {name}");
            // SAM's own name would be the same in every stack of the account.
            let named = short("Sub", &event["Properties"]["Name"]);
            assert!(named.is_some_and(|text| text.starts_with("${AWS::StackName}-")), "{function} {name}");
        }
    }
}

#[test]
fn a_message_stays_hidden_for_six_times_as_long_as_its_function_may_run() {
    let template = Template::read();
    for (name, function, mapping) in template.mappings() {
        let (queue, _) = source(mapping);
        let queue = &template.0["Resources"][queue.as_str()];
        if queue["Type"].as_str() != Some("AWS::SQS::Queue") {
            continue;
        }
        let hidden = queue["Properties"]["VisibilityTimeout"].as_u64().expect("seconds");
        assert!(hidden >= 6 * template.timeout(&function), "{name}: {hidden} s");
        let responses = mapping["FunctionResponseTypes"].as_sequence().expect("response types");
        assert!(responses.iter().any(|kind| kind.as_str() == Some("ReportBatchItemFailures")), "{name}");
        assert!(queue["Properties"]["RedrivePolicy"]["maxReceiveCount"].as_u64().is_some(), "{name}");
    }
}

#[test]
fn a_stream_does_not_stand_still_for_a_batch() {
    let template = Template::read();
    let streams: Vec<_> =
        template.mappings().into_iter().filter(|(_, _, it)| source(it).1.contains("Stream")).collect();
    assert_eq!(streams.len(), 1);
    for (name, _, mapping) in streams {
        let age = mapping["MaximumRecordAgeInSeconds"].as_i64().unwrap_or(-1);
        let attempts = mapping["MaximumRetryAttempts"].as_i64().unwrap_or(-1);
        assert!((60..=86_400).contains(&age) && (0..=100).contains(&attempts), "{name}: {age} s, {attempts} attempts");
        assert!(short("GetAtt", &mapping["DestinationConfig"]["OnFailure"]["Destination"]).is_some(), "{name}");
        assert!(mapping["FilterCriteria"]["Filters"][0]["Pattern"].is_string(), "{name}");
    }
}

#[test]
fn who_reads_a_queue_or_a_stream_may_do_that_and_nothing_more() {
    let template = Template::read();
    let mut readers = BTreeSet::new();
    for (name, function, mapping) in template.mappings() {
        let role = format!("{function}Role");
        let policies =
            template.0["Resources"][role.as_str()]["Properties"]["Policies"].as_sequence().expect("policies");
        let policy = policies.iter().find(|policy| policy["PolicyName"].as_str() == Some("EventSource"));
        let policy = policy.unwrap_or_else(|| panic!("{role} has no policy for {name}"));
        let allowed: BTreeSet<(String, String)> = policy["PolicyDocument"]["Statement"]
            .as_sequence()
            .expect("statements")
            .iter()
            .flat_map(|statement| {
                let resource = short("GetAtt", &statement["Resource"]).expect("one resource");
                let action = &statement["Action"];
                let list = action.as_sequence().cloned().unwrap_or_else(|| vec![action.clone()]);
                list.into_iter().map(move |it| (it.as_str().expect("an action").to_owned(), resource.clone()))
            })
            .collect();
        let (read, attribute) = source(mapping);
        let actions: &[&str] = if attribute == "StreamArn" { &STREAM_READER } else { &SQS_READER };
        let given_up = short("GetAtt", &mapping["DestinationConfig"]["OnFailure"]["Destination"]);
        let needed: BTreeSet<_> = actions
            .iter()
            .map(|action| ((*action).to_owned(), format!("{read}.{attribute}")))
            .chain(given_up.map(|queue| ("sqs:SendMessage".to_owned(), queue)))
            .collect();
        assert_eq!(allowed, needed, "{role}");
        readers.insert(role);
    }
    for (role, properties) in template.of_type("AWS::IAM::Role") {
        let policies = properties["Policies"].as_sequence().expect("policies");
        let reads = policies.iter().any(|policy| policy["PolicyName"].as_str() == Some("EventSource"));
        assert_eq!(reads, readers.contains(role), "{role}");
    }
}

#[test]
fn each_function_has_a_role_of_its_own() {
    let template = Template::read();
    let roles: Vec<_> = template.of_type("AWS::IAM::Role").into_iter().map(|(role, _)| role.to_owned()).collect();
    let taken: Vec<_> = template
        .functions()
        .into_iter()
        .map(|(function, it)| {
            let role = short("GetAtt", &it["Role"]).unwrap_or_else(|| panic!("{function} has SAM's role"));
            role.trim_end_matches(".Arn").to_owned()
        })
        .collect();
    assert_eq!(taken, roles);
    // Interfaces in a VPC and traces are a role's to make only where they are asked for.
    for (role, properties) in template.of_type("AWS::IAM::Role") {
        for policy in properties["ManagedPolicyArns"].as_sequence().expect("managed policies") {
            let always = short("Sub", policy);
            assert!(always.is_none_or(|arn| arn.ends_with("/AWSLambdaBasicExecutionRole")), "{role}: {policy:?}");
        }
    }
}

#[test]
fn what_is_given_up_is_told_of() {
    let template = Template::read();
    let mut dead_letters = BTreeSet::new();
    for (_, queue) in template.of_type("AWS::SQS::Queue") {
        dead_letters.extend(short("GetAtt", &queue["RedrivePolicy"]["deadLetterTargetArn"]));
    }
    for (_, _, mapping) in template.mappings() {
        dead_letters.extend(short("GetAtt", &mapping["DestinationConfig"]["OnFailure"]["Destination"]));
    }
    let alarms = template.of_type("AWS::CloudWatch::Alarm");
    let watched: BTreeSet<_> = alarms
        .iter()
        .filter(|(_, alarm)| alarm["MetricName"].as_str() == Some("ApproximateNumberOfMessagesVisible"))
        .filter_map(|(_, alarm)| short("GetAtt", &alarm["Dimensions"][0]["Value"]))
        .map(|name| name.replace(".QueueName", ".Arn"))
        .collect();
    assert!(dead_letters.len() >= 2);
    assert_eq!(dead_letters, watched, "queues of dead letters, and those with an alarm");
    let named = |metric: &str| {
        alarms.iter().any(|(_, alarm)| {
            alarm["MetricName"].as_str() == Some(metric)
                || alarm["Metrics"].as_sequence().is_some_and(|list| {
                    list.iter().any(|it| it["MetricStat"]["Metric"]["MetricName"].as_str() == Some(metric))
                })
        })
    };
    let metrics = [
        "5xx",
        "ApiThrottles",
        "Throttles",
        "Errors",
        "IteratorAge",
        "ApproximateAgeOfOldestMessage",
        "WebhooksRejected",
    ];
    for metric in metrics {
        assert!(named(metric), "no alarm for {metric}");
    }
    for (name, alarm) in alarms {
        let Value::Tagged(actions) = &alarm["AlarmActions"] else { panic!("{name} tells nobody") };
        assert_eq!(actions.value[0].as_str(), Some("HasAlarmTopic"), "{name}");
    }
}

#[test]
fn sums_over_functions_leave_none_out() {
    let template = Template::read();
    let functions: BTreeSet<_> = template.functions().into_iter().map(|(name, _)| name.to_owned()).collect();
    for alarm in ["FunctionErrorsAlarm", "FunctionThrottlesAlarm"] {
        let metrics = template.0["Resources"][alarm]["Properties"]["Metrics"].as_sequence().expect("metrics").iter();
        let summed = metrics.filter_map(|it| short("Ref", &it["MetricStat"]["Metric"]["Dimensions"][0]["Value"]));
        assert_eq!(summed.collect::<BTreeSet<_>>(), functions, "{alarm}");
    }
}

#[test]
fn logs_expire() {
    let template = Template::read();
    let groups = template.of_type("AWS::Logs::LogGroup");
    for (name, group) in &groups {
        assert_eq!(short("Ref", &group["RetentionInDays"]).as_deref(), Some("LogRetentionDays"), "{name}");
    }
    for (function, properties) in template.functions() {
        let group = short("Ref", &properties["LoggingConfig"]["LogGroup"]);
        assert!(group.is_some_and(|group| groups.iter().any(|(name, _)| *name == group)), "{function}");
    }
}

#[test]
fn a_stack_stands_in_no_other_ones_way_and_leaves_its_data() {
    let template = Template::read();
    for (kind, name) in [
        ("AWS::DynamoDB::Table", "TableName"),
        ("AWS::SecretsManager::Secret", "Name"),
        ("AWS::SQS::Queue", "QueueName"),
        ("AWS::Serverless::Function", "FunctionName"),
        ("AWS::IAM::Role", "RoleName"),
    ] {
        for (id, properties) in template.of_type(kind) {
            assert!(properties[name].is_null(), "{id} has a fixed name");
        }
    }
    for id in ["Table", "BootstrapSecret"] {
        for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
            assert_eq!(template.0["Resources"][id][policy].as_str(), Some("Retain"), "{id} {policy}");
        }
    }
}

#[test]
fn the_page_tells_every_parameter_output_and_alarm() {
    let template = Template::read();
    let page = format!("{}{}", read("docs/deploy.md"), read("docs/operate.md"));
    let keys = |of: &str| {
        let keys = template.0[of].as_mapping().expect("a mapping").keys();
        keys.map(|key| key.as_str().expect("a name").to_owned()).collect::<Vec<_>>()
    };
    let alarms = template.of_type("AWS::CloudWatch::Alarm").into_iter().map(|(name, _)| name.to_owned());
    for name in keys("Parameters").into_iter().chain(keys("Outputs")).chain(alarms) {
        assert!(page.contains(&format!("`{name}`")), "{name}");
    }
}
