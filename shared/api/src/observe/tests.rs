use super::*;
use serde_json::Value;

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Kept {
    fn lines(&self) -> Vec<Value> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// The rules of the format (CloudWatch Logs: Embedded metric format specification, its JSON schema and its text).
fn check_format(line: &Value) {
    let embedded = &line["_aws"];
    assert!(embedded["Timestamp"].as_i64().is_some_and(|at| at > 0), "{line}");
    let directives = embedded["CloudWatchMetrics"].as_array().unwrap();
    assert!(!directives.is_empty());
    for directive in directives {
        let namespace = directive["Namespace"].as_str().unwrap();
        assert!((1..=1024).contains(&namespace.len()));
        let sets = directive["Dimensions"].as_array().unwrap();
        assert!(!sets.is_empty());
        for name in sets.iter().flat_map(|set| set.as_array().unwrap()) {
            let value = line[name.as_str().unwrap()].as_str().unwrap();
            assert!((1..=1024).contains(&value.len()) && value.is_ascii(), "a dimension is a text of the root: {name}");
        }
        assert!(sets.iter().all(|set| set.as_array().unwrap().len() <= 30));
        let metrics = directive["Metrics"].as_array().unwrap();
        assert!((1..=100).contains(&metrics.len()));
        for metric in metrics {
            let name = metric["Name"].as_str().unwrap();
            assert!(line[name].is_number(), "a metric is a number of the root: {name}");
            assert!(["Count", "Milliseconds", "Seconds"].contains(&metric["Unit"].as_str().unwrap()));
        }
    }
}

#[tokio::test]
async fn an_invocation_is_one_line_with_its_metrics() {
    let kept = Kept::default();
    let observer = Observer::on("sync", "test", kept.clone());
    let done: Result<u8, &str> = observer
        .invocation("tick", async {
            count(Metric::SyncsDue, 2.0);
            tokio::spawn(carried(async { count(Metric::SyncsDue, 3.0) })).await.unwrap();
            Ok(7)
        })
        .await;
    assert_eq!(done, Ok(7));
    let failed: Result<u8, &str> = observer.invocation("sweep", async { Err("the text of an error") }).await;
    assert!(failed.is_err());
    let lines = kept.lines();
    assert_eq!(lines.len(), 2);
    lines.iter().for_each(check_format);
    let (first, second) = (&lines[0], &lines[1]);
    assert_eq!((&first["kind"], &first["outcome"], &first["SyncsDue"]), (&"tick".into(), &"done".into(), &5.0.into()));
    assert_eq!((&first["Function"], &first["Stage"]), (&"sync".into(), &"test".into()));
    assert_eq!((&first["cold_start"], &second["cold_start"]), (&true.into(), &false.into()), "the first of a process");
    assert_eq!((&second["outcome"], &second["FailedInvocations"]), (&"failed".into(), &1.0.into()));
    assert!(!second.to_string().contains("the text of an error"));
    assert!(first.get("Requests").is_none());
}

#[tokio::test]
async fn every_metric_fits_the_format() {
    let kept = Kept::default();
    let all = async {
        Metric::ALL.into_iter().for_each(|metric| count(metric, 1.0));
        Ok::<_, &str>(())
    };
    Observer::on("all", "test", kept.clone()).invocation("all", all).await.unwrap();
    let line = &kept.lines()[0];
    check_format(line);
    let named = |at: usize| line["_aws"]["CloudWatchMetrics"][at]["Metrics"].as_array().unwrap().len();
    assert_eq!(named(0), Metric::ALL.len());
    assert_eq!(named(1), Metric::ALL.into_iter().filter(|metric| metric.is_of_the_stage()).count());
}

#[test]
fn a_stage_is_a_short_plain_name() {
    for (text, expected) in
        [("prod", "prod"), (" eu 1 ", "eu 1"), ("", "default"), ("é", "default"), ("a\nb", "default")]
    {
        assert_eq!(stage_of(text), expected, "{text}");
    }
    assert_eq!(stage_of(&"x".repeat(65)), "default");
}
