"""What the pinned emulator does otherwise than AWS, put right in its process. Each function is one correction."""

import json
import threading

from ministack import app
from ministack.core import iam_actions, iam_evaluator, lambda_runtime
from ministack.services import cloudwatch_logs, eventbridge, lambda_svc, s3, scheduler, stepfunctions, sts

_last = threading.local()


def node_errors_keep_their_names() -> None:
    """A Node error reaches Step Functions as its own name (AWS), not as Runtime.HandlerError, so Retry and Catch match.
    A process that was killed is Runtime.ExitError."""
    known = 'error: String(err.message || err), trace: err.stack || ""'
    assert known in lambda_runtime._NODEJS_WORKER_SCRIPT
    named = known + ', errorType: (err && err.name) || "Error"'
    lambda_runtime._NODEJS_WORKER_SCRIPT = lambda_runtime._NODEJS_WORKER_SCRIPT.replace(known, named)
    invoke, dispatch = lambda_runtime.Worker.invoke, lambda_svc._execute_function_dispatch

    def noting(self, event, request_id, *args, **kwargs):
        _last.answer = {}
        _last.answer = {"requestId": request_id, **invoke(self, event, request_id, *args, **kwargs)}
        return _last.answer

    def naming(*args, **kwargs):
        _last.answer = {}
        result = dispatch(*args, **kwargs)
        if result.get("error"):
            result["body"] = _error_of(_last.answer) or result.get("body")
        return result

    lambda_runtime.Worker.invoke, lambda_svc._execute_function_dispatch = noting, naming


def _error_of(answer: dict) -> dict | None:
    """What Lambda says of a failed invocation; None where the emulator's own words do."""
    if answer.get("errorType"):
        trace = answer["trace"].split("\n")
        return {"errorType": answer["errorType"], "errorMessage": answer["error"], "trace": trace}
    if answer.get("error") == "Worker process died":
        message = f"RequestId: {answer['requestId']} Error: Runtime exited with error: signal: killed"
        return {"errorType": "Runtime.ExitError", "errorMessage": message}
    return None


def quiet_calls_do_not_wait() -> None:
    """A call that logs nothing is not held for 50 ms in case it still does (an HTTP API call: 56 ms before, 3.5 after)."""
    lambda_runtime.Worker._drain_stderr_bounded.__defaults__ = (0.002, 0.005, 0.250)


def at_names_can_be_used_again() -> None:
    """A schedule that is made or changed again under its name fires again."""

    def forgetting(change):
        def changed(name, *args):
            for key in [key for key in scheduler._schedule_last_fired if key[2].endswith("/" + name)]:
                del scheduler._schedule_last_fired[key]
            return change(name, *args)

        return changed

    scheduler._create_schedule = forgetting(scheduler._create_schedule)
    scheduler._update_schedule = forgetting(scheduler._update_schedule)


def sessions_outlive_the_process() -> None:
    """Role sessions stay valid until they expire, as AWS's do: hosts go on after a restart of the emulator."""

    def get_state() -> dict:
        return {"sessions": dict(sts._sessions)}

    def load_persisted_state(data: dict) -> None:
        sts._sessions.update(data.get("sessions", {}))

    sts.get_state, sts.load_persisted_state = get_state, load_persisted_state


def _event_as_aws_sends_it(event: dict) -> dict:
    """An HTTP API event (payload 2.0): cookies on their own, nothing null that AWS leaves out, the true caller's address."""
    headers, context = event["headers"], event["requestContext"]
    if event.get("pathParameters") is None:
        event.pop("pathParameters", None)
    cookies = headers.pop("cookie", None)
    if cookies:
        event["cookies"] = cookies.split("; ")
    context["domainPrefix"] = context["domainName"].partition(".")[0]
    if "x-forwarded-for" in headers:
        context["http"]["sourceIp"] = headers["x-forwarded-for"].split(",")[0].strip()
    iam = context.get("authorizer", {}).get("iam")
    if iam is not None:
        iam.setdefault("cognitoIdentity", None)
    return event


def http_api_events_are_aws_shaped() -> None:
    execute = lambda_svc._execute_function_with_config_scope

    def executing(record, event, *args, **kwargs):
        if isinstance(event, dict) and event.get("version") == "2.0" and "http" in event.get("requestContext", {}):
            event = _event_as_aws_sends_it(event)
        return execute(record, event, *args, **kwargs)

    lambda_svc._execute_function_with_config_scope = executing


def a_failed_function_is_an_internal_error() -> None:
    """A function that throws, times out or dies answers 500 without a word of its error; one that is throttled, 503."""
    shape = lambda_svc.lambda_execute_result_to_api_proxy_response

    def own(status: int, message: str) -> dict:
        return {
            "statusCode": status,
            "headers": {"Content-Type": "application/json"},
            "body": '{"message":"%s"}' % message,
        }

    def shaping(result: dict):
        if result.get("throttle"):
            return own(503, "Service Unavailable"), None
        if result.get("error"):
            return own(500, "Internal Server Error"), None
        return shape(result)

    lambda_svc.lambda_execute_result_to_api_proxy_response = shaping


def events_are_told_as_aws_tells_them() -> None:
    """The root-like keys, which stand for AWS itself here, may send events of `aws.*`, as AWS's own services do; an
    event keeps the time it was sent with."""
    put, now = eventbridge._put_events, eventbridge._now_ts

    def putting(data, allow_aws_source=False):
        entries = data.get("Entries", [])
        if not 0 < len(entries) <= 10:
            return put(data, allow_aws_source)
        allowed = allow_aws_source or iam_evaluator._request_caller_arn.get().endswith(":root")
        results = []
        for entry in entries:
            _last.told = entry.get("Time")
            try:
                status, headers, body = put({"Entries": [entry]}, allowed)
            finally:
                _last.told = None
            results += json.loads(body)["Entries"]
        failed = sum("ErrorCode" in result for result in results)
        return status, headers, json.dumps({"FailedEntryCount": failed, "Entries": results}).encode()

    def telling():
        told = getattr(_last, "told", None)
        return float(told) if isinstance(told, (int, float)) else now()

    eventbridge._put_events, eventbridge._now_ts = putting, telling


def a_range_of_a_version_is_a_range() -> None:
    """GetObject of a version heeds `Range`, as that of the newest does."""
    get = s3._get_object

    def getting(bucket, key, headers, query_params=None):
        status, answered, body = get(bucket, key, headers, query_params)
        asked = headers.get("range", "")
        if status != 200 or not asked or not s3._qp(query_params or {}, "versionId", ""):
            return status, answered, body
        size = len(body)
        found = s3._parse_range(asked, size)
        if found is None:
            refusal = {"Content-Type": "application/xml", "Content-Range": f"bytes */{size}"}
            return 416, refusal, s3._xml_body(s3._range_error_xml(bucket, key))
        start, end = found
        # A checksum of the whole says nothing of a part.
        part = {name: value for name, value in answered.items() if not name.lower().startswith("x-amz-checksum")}
        part |= {"Content-Length": str(end + 1 - start), "Content-Range": f"bytes {start}-{end}/{size}"}
        return 206, part, body[start : end + 1]

    s3._get_object = getting


def a_mocked_error_is_retried_before_it_is_caught() -> None:
    """TestState asks Retry before Catch, and says which retrier matched; `retrierRetryCount` is how often it has done so."""
    test = stepfunctions._test_state

    def testing(data):
        mocked = _mocked_error(data)
        state = mocked and _tested_state(data)
        if not state:
            return test(data)
        counts = {at: _retries_so_far(data) for at in range(len(state.get("Retry", [])))}
        retrier, index = stepfunctions._find_matching_retrier(state.get("Retry", []), mocked["error"], counts)
        if retrier is None:
            return test(data)
        wait = retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2.0) ** _retries_so_far(data)
        details = {"retryIndex": index, "retryBackoffIntervalSeconds": min(wait, retrier.get("MaxDelaySeconds", wait))}
        answer = {"status": "RETRIABLE", "error": mocked["error"], "cause": mocked.get("cause", "")}
        return stepfunctions.json_response({**answer, "inspectionData": {"errorDetails": details}})

    stepfunctions._test_state = testing


def _mocked_error(data: dict) -> dict | None:
    error = (data.get("mock") or {}).get("errorOutput")
    return error if isinstance(error, dict) and error.get("error") else None


def _tested_state(data: dict) -> dict | None:
    definition = json.loads(data.get("definition") or "{}")
    states = definition.get("States")
    return definition if states is None else states.get(data.get("stateName") or definition.get("StartAt"))


def _retries_so_far(data: dict) -> int:
    return (data.get("stateConfiguration") or {}).get("retrierRetryCount", 0)


def loopback_counts_as_tls() -> None:
    """TLS-only statements (buckets, queues, topics) hold against everybody but this machine's own plain http.

    The one place where the local cloud is less strict than an account: policies stay as they were deployed.
    """
    pin = app.pin_request_origin
    app.pin_request_origin = lambda address, tls: pin(address, tls or address.startswith("127."))


def _field(body: bytes, name: str):
    try:
        return json.loads(body).get(name)
    except (ValueError, AttributeError):
        return None


def schedules_and_alarms_are_named_in_policies() -> None:
    """A schedule's ARN has its own group (not always `default`), and DeleteAlarms is about the alarms that it names:
    a policy that allows those alone then does."""
    extract = iam_actions.extract_resource_arn

    def extracting(service, method, path, headers, body, query_params, region, account_id):
        arn = extract(service, method, path, headers, body, query_params, region, account_id)
        if service == "scheduler" and ":schedule/default/" in arn:
            asked = query_params.get("groupName")
            asked = asked[0] if isinstance(asked, list) and asked else asked
            return arn.replace("/default/", f"/{_field(body, 'GroupName') or asked or 'default'}/")
        names = _field(body, "AlarmNames") if service == "monitoring" and arn == "*" else None
        if isinstance(names, list) and len(names) == 1:
            return f"arn:aws:cloudwatch:{region}:{account_id}:alarm:{names[0]}"
        return arn

    iam_actions.extract_resource_arn = extracting


def batches_are_their_single_actions() -> None:
    """SQS has no permission of its own for a batch: who may DeleteMessage may DeleteMessageBatch."""
    extract = iam_actions.extract_iam_action

    def extracting(*args, **kwargs):
        action = extract(*args, **kwargs)
        return action.removesuffix("Batch") if action and action.startswith("sqs:") else action

    iam_actions.extract_iam_action = extracting


KEPT_STREAMS, KEPT_EVENTS = 50, 1000


def _last_change(stream: dict) -> int:
    return max(stream.get("lastEventTimestamp") or 0, stream.get("creationTime") or 0)


def forget_old_logs() -> None:
    """Bounds what functions log: the emulator keeps all of it in memory for ever, and writes it with every save."""
    with cloudwatch_logs._log_events_lock:
        for group in cloudwatch_logs._log_groups.all_values():
            streams = group["streams"]
            by_age = sorted(streams, key=lambda name: _last_change(streams[name]))
            for name in by_age[:-KEPT_STREAMS]:
                del streams[name]
            for stream in streams.values():
                del stream["events"][:-KEPT_EVENTS]


KEPT_HISTORIES = 200


def forget_old_histories() -> None:
    """Of ended executions all are remembered, since their names stay taken, but only the newest with each step."""
    executions = stepfunctions._executions.all_values()
    ended = [one for one in executions if one.get("events") and one["status"] != "RUNNING"]
    ended.sort(key=lambda one: one.get("stopDate") or "")
    for execution in ended[:-KEPT_HISTORIES]:
        execution["events"] = []


def forget_the_old() -> None:
    forget_old_logs()
    forget_old_histories()


def apply() -> None:
    node_errors_keep_their_names()
    quiet_calls_do_not_wait()
    at_names_can_be_used_again()
    sessions_outlive_the_process()
    http_api_events_are_aws_shaped()
    a_failed_function_is_an_internal_error()
    events_are_told_as_aws_tells_them()
    a_range_of_a_version_is_a_range()
    a_mocked_error_is_retried_before_it_is_caught()
    loopback_counts_as_tls()
    schedules_and_alarms_are_named_in_policies()
    batches_are_their_single_actions()
