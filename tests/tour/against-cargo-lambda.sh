#!/usr/bin/env bash
# The tour against the functions as Lambda runs them: a process each, behind `cargo lambda watch` and its router, on the
# engines of `cargo dev --aws-only`. Needs cargo lambda, curl and openssl. Leaves nothing running behind.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# Longest wait, in seconds, for what is built already to answer.
patience=300

complain() { tail -n 20 "$work"/*.log; }
source tests/jobs.sh

has_double() { [[ -n $(printed engines.log 'provider double') ]]; }
answers() { curl -fsS --noproxy '*' --max-time "$patience" "$BASE/health" >/dev/null 2>&1; }

cargo lambda --version >/dev/null || fail 'cargo lambda is missing: pip install cargo-lambda'

# Built with the features of the whole workspace, as `cargo test` and `cargo lambda watch` build: nothing is built twice.
cargo build --workspace --bins --locked

cargo dev --aws-only --data-dir "$work/data" --port 0 >"$work/engines.log" 2>&1 &
jobs+=($!)
wait_for "${jobs[0]}" 'the engines' has_double

port=$(free_port 20000)
cargo lambda watch -A 127.0.0.1 -P "$port" --env-file "$work/data/lambda.env" --concurrency 4 --ignore-changes --locked \
  >"$work/lambda.log" 2>&1 &
jobs+=($!)

export BASE="http://127.0.0.1:$port" TOKEN DOUBLE
TOKEN=$(printed engines.log 'admin token')
DOUBLE=$(printed engines.log 'provider double')
wait_for "${jobs[1]}" 'cargo lambda' answers
# Nothing ticks here and nobody reads the queue: the tour hands its job over itself.
SYNC_FUNCTION="$BASE/2015-03-31/functions/sync/invocations" bash local/tour/tour.sh >"$work/tour.log"
grep '^ok ' "$work/tour.log"

# Review Board's paths end in a slash, which gets through to the function; who leaves it out is sent there.
for path in /api /api/info /api/session /api/repositories /api/review-requests /api/repositories/2147483647; do
  status() { curl -sS --noproxy '*' --max-time "$patience" -o /dev/null -w '%{http_code}' -H "Authorization: token $TOKEN" "$BASE$1"; }
  wanted=200
  if [[ $path == *[0-9] ]]; then wanted=404; fi
  [[ $(status "$path/") == "$wanted" && $(status "$path") == 301 ]] || fail "$path: $(status "$path/") with a slash, $(status "$path") without"
done
echo "ok paths keep their last slash"

# The samples of schedule and queue, as a developer sends them; the job names a repository that was made for it.
invoke() { cargo lambda invoke --invoke-address 127.0.0.1 --invoke-port "$port" sync --data-file "$1"; }
api() { curl -fsS --noproxy '*' --max-time "$patience" -H "Authorization: Bearer $TOKEN" -H 'content-type: application/json' "$@"; }
made=$(api "$BASE/api/repos" -d "{\"provider\":\"github\",\"name\":\"public/sampled\",\"apiBaseUrl\":\"$DOUBLE/github/api/v3\"}")
repo=$(grep -o '"id":"rep_[a-z0-9]*"' <<<"$made" | head -1 | cut -d'"' -f4)
invoke events/schedule-tick.json | tee "$work/tick.json"
grep -q '"queued":' "$work/tick.json" || fail 'the tick has not answered'
sed "s/rep_[a-z0-9]\{26\}/$repo/" events/sqs-sync-jobs.json >"$work/job.json"
invoke "$work/job.json" | tee "$work/job-answer.json"
api "$BASE/api/repos/$repo" | grep -q '"state":"ready"' || fail 'the sampled job has not synced its repository'
echo "ok the samples of schedule and queue sync a repository"

# The tour's task once more, as the stream would tell of it; then it is in the queue, where workers hear of it.
read -r tour_repo tour_task < <(sed -n 's/.*"task":{.*"id":"\(tsk_[a-z0-9]*\)".*"repoId":"\(rep_[a-z0-9]*\)".*/\2 \1/p' "$work/tour.log" | head -1)
[[ -n ${tour_task:-} ]] || fail 'the tour names no task'
dispatch() { cargo lambda invoke --invoke-address 127.0.0.1 --invoke-port "$port" dispatch --data-file "$1"; }
api -X POST "$BASE/api/tasks/$tour_task/retry" >/dev/null
sed "s/rep_[a-z0-9]\{26\}/$tour_repo/g; s/tsk_[a-z0-9]\{26\}/$tour_task/g" events/stream-new-task.json >"$work/record.json"
dispatch "$work/record.json" | tee "$work/record-answer.json"
grep -q '"batchItemFailures":\[\]' "$work/record-answer.json" || fail 'the sampled record was not handled'
queue=$(sed -n 's/^REPOPLANE_TASK_QUEUE_URL=//p' "$work/data/lambda.env")
curl -fsS --noproxy '*' "$DOUBLE/sqs" -H 'x-amz-target: AmazonSQS.ReceiveMessage' -H 'content-type: application/x-amz-json-1.0' \
  -d "{\"QueueUrl\":\"$queue\"}" | grep -q "$tour_task" || fail 'the queue does not tell of the task'
dispatch events/schedule-tick.json | tee "$work/dispatch-tick.json"
grep -q '"refused":0' "$work/dispatch-tick.json" || fail 'the tick of dispatch has not answered'
echo "ok the samples of stream and schedule hand tasks over"
