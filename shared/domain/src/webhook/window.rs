//! When a task may run (contract: hookcode 4.5, schedule; design 8.3).

use crate::automation::Rule;
use crate::repository::Repository;
use crate::robot::{Robot, TimeWindow};
use crate::task::Schedule;
use crate::time::Timestamp;

/// Whether an instant lies in a window. The zone is an IANA name; an unknown one reads as UTC.
///
/// Equal hours mean always; a start after the end means across midnight.
pub fn is_active(window: TimeWindow, now: Timestamp, zone: &str) -> bool {
    let hour = now.hour_in(zone).or_else(|| now.hour_in("UTC")).unwrap_or_default();
    let (start, end) = (window.start_hour, window.end_hour);
    if start < end { (start..end).contains(&hour) } else { start == end || hour >= start || hour < end }
}

/// The schedule of an action: the rule's window beats the robot's; no window, no schedule.
pub fn schedule_of(repository: &Repository, rule: &Rule, robot: &Robot) -> Option<Schedule> {
    let timezone = repository.timezone.clone().unwrap_or_else(|| "UTC".to_owned());
    match (rule.time_window, robot.time_window) {
        (Some(window), _) => {
            Some(Schedule { source: "trigger".to_owned(), window, timezone, rule_id: Some(rule.id.clone()) })
        }
        (None, Some(window)) => Some(Schedule { source: "robot".to_owned(), window, timezone, rule_id: None }),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{repository, robot, rule};
    use super::*;
    use crate::repository::Provider;

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_second(1_768_867_200 + hour * 3600)
    }

    #[test]
    fn windows_hold_their_hours() {
        let cases = [
            ("4.5/schedule/equal", 9, 9, (0..24).collect::<Vec<i64>>()),
            ("4.5/schedule/day", 9, 12, vec![9, 10, 11]),
            ("4.5/schedule/midnight", 22, 2, vec![0, 1, 22, 23]),
            ("4.5/schedule/midnight", 23, 0, vec![23]),
        ];
        for (row, start_hour, end_hour, expected) in cases {
            let window = TimeWindow { start_hour, end_hour };
            let active: Vec<i64> = (0..24).filter(|hour| is_active(window, at(*hour), "UTC")).collect();
            assert_eq!(active, expected, "{row}");
        }
    }

    #[test]
    fn hours_are_those_of_the_zone() {
        let window = TimeWindow { start_hour: 9, end_hour: 10 };
        assert!(is_active(window, at(8), "Europe/Berlin"));
        assert!(!is_active(window, at(8), "UTC"));
        assert!(is_active(window, at(9), "Mars/Olympus"), "an unknown zone reads as UTC");
    }

    #[test]
    fn the_rules_window_beats_the_robots() {
        let mut repository = repository(Provider::Github);
        let mut robot = robot(1, "Rev");
        let mut rule = rule("r1", &[&robot]);
        assert_eq!(schedule_of(&repository, &rule, &robot), None, "4.5/schedule/none");
        robot.time_window = Some(TimeWindow { start_hour: 1, end_hour: 2 });
        let by_robot = schedule_of(&repository, &rule, &robot).unwrap();
        assert_eq!((by_robot.source.as_str(), by_robot.rule_id), ("robot", None), "4.5/schedule/robot");
        assert_eq!(by_robot.timezone, "UTC");
        rule.time_window = Some(TimeWindow { start_hour: 3, end_hour: 4 });
        repository.timezone = Some("Asia/Tokyo".into());
        let by_rule = schedule_of(&repository, &rule, &robot).unwrap();
        assert_eq!((by_rule.source.as_str(), by_rule.rule_id.as_deref()), ("trigger", Some("r1")), "4.5/schedule/rule");
        assert_eq!((by_rule.window.start_hour, by_rule.timezone.as_str()), (3, "Asia/Tokyo"));
    }
}
