#!/usr/bin/env bash
# The main job from a shell: register a repository, give it a robot and a rule, post a signed webhook, take the task; then
# look at the skills that its sync has found. Ends with a failure at the first surprise. Needs curl and openssl.
#
# usage: BASE=http://127.0.0.1:9000 TOKEN=rpt_… DOUBLE=http://127.0.0.1:9001 bash local/tour/tour.sh
#
# Under cargo lambda nothing ticks and nobody reads the queue: name where the function `sync` is invoked, and the tour does it,
#   SYNC_FUNCTION=http://127.0.0.1:9100/2015-03-31/functions/sync/invocations
# or leave the skills out with SYNC_FUNCTION=none.
set -euo pipefail
: "${BASE:?the address of the API}" "${TOKEN:?an access token}" "${DOUBLE:?the address of the provider double}"

# check TITLE TEXT PATTERN: the text must hold the pattern.
check() {
  if ! grep -q -- "$3" <<<"$2"; then
    printf 'surprise: %s\n  expected: %s\n  in: %s\n' "$1" "$3" "$2" >&2
    exit 1
  fi
  printf 'ok  %s\n' "$1"
}

#> Who am I?
ME=$(curl -sS "$BASE/api/me" -H "Authorization: Bearer $TOKEN"); echo "$ME"
check "the token is known" "$ME" '"kind":"personal"'

#> Register a repository. Its webhook secret is shown in this one answer.
NUMBER="$((RANDOM * 32768 + RANDOM))"; NAME="acme/widgets-$NUMBER"
CREATED=$(curl -sS "$BASE/api/repos" -H "Authorization: Bearer $TOKEN" -H 'content-type: application/json' -d '{"provider":"github","name":"'$NAME'","externalId":"'$NAME'","apiBaseUrl":"'$DOUBLE'/github/api/v3"}'); echo "$CREATED"
REPO=$(sed 's/.*"id":"\(rep_[a-z0-9]*\)".*/\1/' <<<"$CREATED"); SECRET=$(sed 's/.*"webhookSecret":"\([^"]*\)".*/\1/' <<<"$CREATED")
check "the repository is registered" "$CREATED" '"webhookPath":"/api/webhook/github/rep_'

#> Give it a git token, kept in the vault and never shown again.
PATCHED=$(curl -sS -X PATCH "$BASE/api/repos/$REPO" -H "Authorization: Bearer $TOKEN" -H 'content-type: application/json' -d '{"repoProviderCredential":{"profiles":[{"id":"bot","remark":"the bot","token":"demo-admin-token"}],"defaultProfileId":"bot"},"modelProviderCredential":{"codex":{"profiles":[{"id":"team","remark":"the team","apiKey":"demo-model-key","apiBaseUrl":"'$DOUBLE'/openai/v1"}],"defaultProfileId":"team"}}}'); echo "$PATCHED"
check "the token is masked" "$PATCHED" '"hasToken":true'

#> Attach a robot, and test its token at the provider: a passing test enables it.
ROBOT=$(curl -sS "$BASE/api/repos/$REPO/robots" -H "Authorization: Bearer $TOKEN" -H 'content-type: application/json' -d '{"name":"Triage","promptDefault":"Triage issue #{{issue.number}}: {{issue.title}}","repoCredentialSource":"repo","repoCredentialProfileId":"bot","modelProviderConfig":{"credentialSource":"repo","credentialProfileId":"team"}}' | sed 's/.*"id":"\(rob_[a-z0-9]*\)".*/\1/'); echo "$ROBOT"
TESTED=$(curl -sS -X POST "$BASE/api/repos/$REPO/robots/$ROBOT/test" -H "Authorization: Bearer $TOKEN"); echo "$TESTED"
check "the robot passes its test" "$TESTED" '"git":{"ok":true},"model":{"ok":true},"ok":true'

#> What does the provider know of the repository, and what happened there?
META=$(curl -sS "$BASE/api/repos/$REPO/provider-meta?credentialSource=repo" -H "Authorization: Bearer $TOKEN"); echo "$META"
check "the provider shows it" "$META" '"visibility":"private"'
ACTIVITY=$(curl -sS "$BASE/api/repos/$REPO/provider-activity?credentialSource=repo&pageSize=1" -H "Authorization: Bearer $TOKEN"); echo "$ACTIVITY"
check "there are commits" "$ACTIVITY" '"commits":{"hasMore":true'

#> Let it triage every new issue.
RULES=$(curl -sS -X PUT "$BASE/api/repos/$REPO/automation" -H "Authorization: Bearer $TOKEN" -H 'content-type: application/json' -d '{"config":{"version":2,"events":{"issue":{"rules":[{"name":"Triage new issues","match":{"all":[{"field":"event.subType","op":"in","values":["created"]}]},"actions":[{"robotId":"'$ROBOT'"}]}]}}}}'); echo "$RULES"
check "the rule is stored" "$RULES" '"name":"Triage new issues"'

#> Set the webhook up at the provider, with the events that the rule needs. A second time there is nothing to do.
HOOK=$(curl -sS -X POST "$BASE/api/repos/$REPO/provider-hook" -H "Authorization: Bearer $TOKEN"); echo "$HOOK"
check "the webhook is there" "$HOOK" '"change":"created"'
HOOK=$(curl -sS -X POST "$BASE/api/repos/$REPO/provider-hook" -H "Authorization: Bearer $TOKEN"); echo "$HOOK"
check "and right" "$HOOK" '"change":"none".*"inSync":true'

#> The provider posts a webhook, signed with the secret of the first answer.
PAYLOAD='{"action":"opened","issue":{"number":7,"title":"Crash on start","body":"It crashes.","html_url":"'$DOUBLE'/'$NAME'/issues/7"},"repository":{"id":'$NUMBER',"full_name":"'$NAME'","html_url":"'$DOUBLE'/github/'$NAME'","default_branch":"main"},"sender":{"login":"octocat","id":1,"type":"User"}}'
SIGNATURE="sha256=$(printf %s "$PAYLOAD" | openssl dgst -sha256 -hmac "$SECRET" | sed 's/.* //')"
ANSWER=$(curl -sS "$BASE/api/webhook/github/$REPO" -H 'content-type: application/json' -H 'x-github-event: issues' -H "x-github-delivery: tour-$REPO" -H "x-hub-signature-256: $SIGNATURE" --data-binary "$PAYLOAD"); echo "$ANSWER"
TASK=$(sed 's/.*"id":"\(tsk_[a-z0-9]*\)".*/\1/' <<<"$ANSWER")
check "one task came out" "$ANSWER" '^{"tasks":\[{"groupId":"grp_[0-9a-f]*","id":"tsk_[a-z0-9]*","robotId":"rob_[a-z0-9]*"}\]}$'

#> The same webhook again makes no second task.
AGAIN=$(curl -sS "$BASE/api/webhook/github/$REPO" -H 'content-type: application/json' -H 'x-github-event: issues' -H "x-github-delivery: tour-$REPO" -H "x-hub-signature-256: $SIGNATURE" --data-binary "$PAYLOAD"); echo "$AGAIN"
check "the twin is recognised" "$AGAIN" '"duplicate_of":"dlv_'

#> A forged one is refused, and recorded.
FORGED=$(curl -sS "$BASE/api/webhook/github/$REPO" -H 'content-type: application/json' -H 'x-github-event: issues' -H 'x-hub-signature-256: sha256=00' --data-binary "$PAYLOAD"); echo "$FORGED"
check "the forgery is refused" "$FORGED" '"reason":"invalid signature"'
DELIVERIES=$(curl -sS "$BASE/api/repos/$REPO/webhook-deliveries" -H "Authorization: Bearer $TOKEN"); echo "$DELIVERIES"
check "both are listed" "$DELIVERIES" '"result":"rejected".*"result":"accepted"'

#> A worker claims the task and finishes it.
CLAIM=$(curl -sS "$BASE/api/tasks/$TASK/claim" -H "Authorization: Bearer $TOKEN" -H 'content-type: application/json' -d '{"worker":"laptop"}'); echo "$CLAIM"
check "the prompt is rendered" "$CLAIM" '"prompt":"Triage issue #7: Crash on start"'
LEASE=$(sed 's/.*"leaseId":"\(lse_[a-z0-9]*\)".*/\1/' <<<"$CLAIM")
DONE=$(curl -sS -X PATCH "$BASE/api/tasks/$TASK" -H "Authorization: Bearer $TOKEN" -H 'content-type: application/json' -d '{"status":"succeeded","leaseId":"'$LEASE'","result":{"comment":"labelled as bug"}}'); echo "$DONE"
check "the task is done" "$DONE" '"status":"succeeded"'

#> Meanwhile its branch was scanned. Which skills are on it?
for _ in $(seq 90); do [ -z "${SYNC_FUNCTION:-}" ] || [ "$SYNC_FUNCTION" = none ] || curl -sS "$SYNC_FUNCTION" -d '{"Records":[{"messageId":"1","body":"{\"repository\":\"'$REPO'\"}"}]}'; SYNC=$(curl -sS "$BASE/api/repos/$REPO" -H "Authorization: Bearer $TOKEN" | sed 's/.*"sync":\({[^}]*}\).*/\1/'); case "${SYNC_FUNCTION:-}$SYNC" in none*|*'"state":"ready"'*) break;; esac; sleep 1; done; echo "$SYNC"
SKILLS=$(curl -sS "$BASE/api/repos/$REPO/skills" -H "Authorization: Bearer $TOKEN"); echo "$SKILLS"
SKILL=$(curl -sS "$BASE/api/repos/$REPO/skills/$(sed 's/.*"id":"\(skl_[a-z0-9]*\)","lint":\[\],"metadata":{"team":.*/\1/' <<<"$SKILLS")" -H "Authorization: Bearer $TOKEN"); echo "$SKILL"
check "the sync has ended, or is left out" "${SYNC_FUNCTION:-}$SYNC" '^none\|"state":"ready"'
check "both skills are listed" "${SYNC_FUNCTION:-}$SKILLS" '^none\|"name":"triage".*"name":"release-notes"'
check "one is shown with its tools" "${SYNC_FUNCTION:-}$SKILL" '^none\|"Bash(gh issue:\*)"'

#> Ask for a sync now, without waiting for the schedule.
SYNCED=$(curl -sS -X POST "$BASE/api/repos/$REPO/sync" -H "Authorization: Bearer $TOKEN"); echo "$SYNCED"
check "it is on its way" "$SYNCED" '"state":"syncing"'
