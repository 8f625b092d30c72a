"""The one list of problem codes, as `GET /v1/errors` shows it.

What a service refuses with travels as it is; it is listed here so that integrators find every code in one place.
"""

from typing import Any, NamedTuple


class Code(NamedTuple):
    """A stable code: its title, usual HTTP status, what it means, what to do, and whether repeating it may help."""

    code: str
    title: str
    status: int
    meaning: str
    remedy: str
    retry: bool = False


def _field(code: str, title: str, remedy: str) -> Code:
    return Code(code, title, 400, "Said of one field of one item.", remedy)


FIELD_CODES = (
    _field("invalid_type", "The wrong JSON type", "Give the type named in `detail`."),
    _field("required", "A field is missing", "Give the field: this type of fact needs it."),
    _field("unknown_type", "Not a type of fact", "Use call.…, agent.… or source.restarted."),
    _field("empty", "An empty text", "Give a text, or leave the field out."),
    _field("too_long", "Too long", "Shorten it to the length named in `detail`."),
    _field("too_deep", "Nested too deeply", "Flatten it to the depth named in `detail`."),
    _field("invalid_characters", "Characters that cannot be kept", "Leave out control characters."),
    _field("out_of_range", "Out of range", "Give a number in the range named in `detail`."),
    _field("not_allowed", "Not one of the words", "Use a word named in `detail`."),
    _field("invalid_phone_number", "Not an E.164 number", "Write it as +33199000001; leave withheld numbers out."),
    _field("missing_offset", "An instant without its offset", "End it with Z or with an offset from UTC."),
    _field("invalid_instant", "Not an instant", "Write it as RFC 3339: 2026-11-21T09:14:03.120Z."),
    _field("instant_out_of_range", "An impossible year", "Give an instant of the years named in `detail`."),
    _field("invalid_digest", "Not a SHA-256", "Give 64 hexadecimal digits."),
    _field("missing_column", "A column is missing", "Name it in the first line, or map one of yours to it."),
    _field("column_twice", "A column named twice", "Name each column once, after the mapping too."),
    _field("forbidden_field", "A field that the law forbids", "Leave it out."),
    _field("invalid_field", "An invalid field", "Do what `detail` says."),
)

RULE_CODES = (
    Code("budget.cost_centre.open_already", "The code is taken", 409, "A cost centre of this code was opened before, "
         "and may be closed by now; what was booked under it keeps its meaning.", "Open another code."),
    Code("budget.cost_centre.not_open", "Not open", 409, "The cost centre was never opened, or is closed.",
         "Open it, or take another."),
    Code("budget.report.range_empty", "An empty range", 422, "A report ends before it begins.",
         "Give a `to` that is later than `from`."),
    Code("calls.identity.taken", "Stands for somebody else", 409, "An outside name is mapped to another inside name "
         "for some of the same time.", "End or correct the mapping that `detail` names, or give another time."),
    Code("calls.identity.time_empty", "An empty time", 422, "A mapping ends before it begins.",
         "Give a `valid_to` that is later than `valid_from`."),
    Code("calls.identity.unknown", "No such outside name", 404, "No outside name of this id was ever mapped.",
         "Map it first: POST /v1/identities."),
    Code("calls.customer.name_malformed", "Not a customer's name", 422, "A customer is named by what a CRM calls them.",
         "Name them system:value, such as hubspot:4711."),
    Code("calls.customer.unknown", "No such customer", 404, "Nobody was saved under this name.",
         "Save the customer first."),
    Code("calls.queue.calendar_unknown", "No such calendar", 422, "A queue names a calendar that does not exist.",
         "Adopt the calendar first, or leave `calendar` out."),
    Code("calls.calendar.place_unknown", "No such public holidays", 422, "A calendar names a country or a subdivision "
         "whose public holidays are not known.", "Give ISO 3166 codes, or list the days under `holidays`."),
    Code("calls.calendar.span_empty", "An empty span", 422, "A closure or an opening ends before it begins.",
         "Give an `ends_at` that is later than `begins_at`."),
    Code("calls.disposition.set_already", "It has a disposition", 409, "A call has one final disposition, and this one "
         "has it.", "Correct it, with a reason."),
    Code("calls.disposition.none_to_correct", "No disposition yet", 409, "A correction finds no disposition that "
         "stands.", "Set the disposition."),
    Code("calls.list.range_missing", "Of which range?", 422, "Calls out of hours are found within a range only.",
         "Give `from` and `to`."),
    Code("calls.agents_hidden", "Agents are not shown to you", 403, "A client of the centre asks for an agent by name, "
         "and its settings do not let it.", "Leave `agent` out."),
    Code("calls.report.nothing_named", "Of what?", 422, "An explanation names neither a queue nor a group of "
         "the report.", "Give `queue`, `client` or `campaign`."),
    Code("calls.report.zones_differ", "Days that begin apart", 422, "The queues of a client or a campaign are counted "
         "in different zones.", "Give the same `timezone` to the report and the explanation."),
    Code("calls.queue.reason_both_ways", "A reason counted and excluded", 422, "A service level policy counts a reason "
         "as abandoned and excludes it too.", "Name each reason in one of the two lists."),
    Code("calls.report.range_empty", "An empty range", 422, "A report ends before it begins.",
         "Give a `to` that is later than `from`."),
    Code("calls.report.range_too_long", "Too long a range", 422, "A report covers more days than one may.",
         "Ask for a shorter range."),
    Code("calls.report.policy_unknown", "Unknown policy", 422, "No queue of the report has had a policy of that name.",
         "Name a policy that a queue has adopted, or leave `policy` out for the one in force."),
    Code("calls.report.too_many_legs", "Too many legs", 422, "A report on agents covers more legs than one may.",
         "Ask for a shorter range, for one queue or agent, or with `group_by=agent`."),
    Code("calls.report.names_not_shown", "Agents are not named", 403, "Somebody who sees totals or some agents alone "
         "asked for what names others.", "Leave `agent` out, and group by queue or total; of doubts, ask how many."),
    Code("calls.report.end_missing", "A total without its end", 422, "A total is explained only with its end.",
         "Give the `to` that the report had."),
    Code("calls.report.too_much_history", "Too much to find out", 422, "A report as known at an instant would have to "
         "read more facts than one may.", "Ask for a shorter range, or for one queue, team or agent."),
    Code("calls.report.takes_too_long", "Takes too long", 422, "A report covers more than can be looked at within the "
         "time that a caller waits.", "Ask for a shorter range."),
    Code("calls.quota.exists", "Set already", 409, "A quota is set once under its id.", "Revise it instead."),
    Code("calls.quota.unknown", "No such quota", 404, "No quota has this id.", "Check the id; set the quota first."),
    Code("calls.quota.not_yours", "The other party's quota", 409, "A quota that one party set alone is revised by that "
         "party.", "Set a quota of your own, or one jointly."),
    Code("calls.quota.nothing_to_agree", "Nothing to agree to", 409, "No agreement is awaited from the caller's party.",
         "Nothing is left to do; revise the quota to propose other figures."),
    Code("calls.quota.metric_not_of_agent", "Not a metric of agents", 422, "The metric is of queues, neither of agents "
         "nor of teams.", "Take a metric that `detail` names, or the scope of a queue."),
    Code("calls.quota.agent_not_for_clients", "Not with a client", 422, "Clients know no agents and no teams: a quota "
         "of one is the centre's alone.", "Name a queue."),
    Code("calls.quota.flag_without_dispositions", "A flag without dispositions", 422, "Only dispositions have flags.",
         "Take the metric `dispositions`, or leave `flag` out."),
    Code("calls.quota.target_not_a_share", "Not a share", 422, "Levels and rates are shares.",
         "Give a number from 0 to 1."),
    Code("calls.quota.span_incomplete", "A span without both ends", 422, "A single span has a first and a last day.",
         "Give both."),
    Code("calls.quota.span_too_long", "Too long a span", 422, "A span covers more days than a report may.",
         "Give a shorter span."),
    Code("calls.quota.begins_too_early", "Too early a beginning", 422, "A quota begins further back than it may.",
         "Give a later first day."),
    Code("calls.quota.ends_before_it_begins", "An end before the beginning", 422, "The last day is before the first.",
         "Give a later last day."),
    Code("calls.alert_rule.exists", "Made already", 409, "A rule is made once under its id.", "Replace it instead."),
    Code("calls.alert_rule.unknown", "No such rule", 404, "No alert rule has this id.",
         "Check the id; make the rule first."),
    Code("calls.alert_rule.scope_unfit", "Not a figure of that", 422, "What is watched has no such figure.",
         "Take a measure that `detail` names, or another scope."),
    Code("calls.alert.unknown", "No such alert", 404, "No alert has this id.", "Check the id."),
    Code("calls.report_schedule.exists", "Set already", 409, "A schedule is set once under its id.",
         "Replace it instead."),
    Code("calls.report_schedule.unknown", "No such schedule", 404, "No report schedule has this id.",
         "Check the id; set the schedule first."),
    Code("calls.report_schedule.client_not_yours", "Another client", 422, "A client schedules what it may see itself.",
         "Leave `client` out."),
    Code("calls.report_schedule.report_unknown", "No such report", 422, "There is no report of that name that has rows "
         "for a period and is the caller's to see.", "Name a report that `detail` lists."),
    Code("calls.report_schedule.parameter_unfit", "Not a parameter of the report", 422, "The report does not take that "
         "parameter, or not that value.", "Correct what `errors` points at; leave out `from` and `to`."),
    Code("staff.employee.hired_already", "Hired already", 409, "An employee is hired once.",
         "Hire somebody else under a new id."),
    Code("staff.employee.unknown", "No such employee", 404, "Nobody was hired under this id.",
         "Check the id; hire the employee first."),
    Code("staff.employee.not_there_yet", "Not there yet", 422, "A transfer begins before the employee does.",
         "Give the day named in `detail`, or a later one."),
    Code("staff.employee.agent_taken", "Name taken", 409, "Another employee bears that agent name on some of the same "
         "days.", "Give another name, or the other employee another one first."),
    Code("staff.supervision.not_running", "No supervised period", 409, "The employee is not under supervision now.",
         "Start a supervised period."),
    Code("staff.supervision.started_already", "Under supervision already", 409, "A supervised period is running, or "
         "was signed off.", "Go on with the period there is."),
    Code("staff.supervision.own_supervisor", "Their own supervisor", 422, "A trainee is named among the supervisors.",
         "Name other employees."),
    Code("staff.supervision.own_period", "Your own period", 409, "Trainees do not judge their own supervised period.",
         "Have a supervisor do it."),
    Code("staff.supervision.not_longer", "Not longer", 422, "An extension gives no more weeks than the minimum now.",
         "Give more weeks than `detail` names."),
    Code("staff.supervision.too_early", "Too early", 409, "The minimum weeks of the supervised period are not past.",
         "Sign off on the day named in `detail`, or later."),
    Code("staff.supervision.duties_missing", "Duties not proven", 409, "The trainee has yet to prove a duty.",
         "Have the duties named in `detail` proven."),
    Code("staff.supervision.induction_missing", "Induction not finished", 409, "The trainee has yet to finish their "
         "induction, as far as training has told.", "Complete the steps of the induction's learning plan."),
    Code("training.induction.course_twice", "A course named twice", 422, "An induction names a course more than once.",
         "Name each course once."),
    Code("training.plan.started_already", "Started already", 409, "A learning plan is started once.",
         "Start another plan."),
    Code("training.plan.unknown", "No such plan", 404, "No learning plan has this id.",
         "Find the plan by its employee."),
    Code("training.plan.step_unknown", "Not a step of the plan", 422, "The plan has no step of that course.",
         "Name a step that `detail` lists."),
    Code("training.plan.step_completed", "Completed already", 409, "The step was completed before.",
         "Name a step that is open; `detail` lists them."),
    Code("training.award.granted_already", "Granted already", 409, "An award is granted once.",
         "Grant another award under a new id."),
    Code("training.award.amount_not_positive", "Not a positive amount", 422, "An award is of an amount above zero.",
         "Give an amount above zero."),
    Code("training.award.unknown", "No such award", 404, "No award has this id.",
         "Check the id; grant the award first."),
    Code("training.award.approved_already", "Approved already", 409, "An award is approved once.",
         "Nothing is left to do."),
    Code("training.award.own_grant", "Your own grant", 409, "Whoever grants an award does not approve it.",
         "Have somebody else approve it."),
    Code("training.award.own_award", "Your own award", 409, "Nobody approves an award that they get themselves.",
         "Have somebody else approve it."),
)  # fmt: skip

CODES: dict[str, Code] = {
    code.code: code
    for code in (
        *FIELD_CODES,
        *RULE_CODES,
        Code("request.malformed_json", "The body is not JSON", 400, "The body, or a line of it, is not valid JSON.",
             "Correct the text at the place named in `errors`. NaN and unpaired surrogates are not JSON."),
        Code("request.not_utf8", "The body is not UTF-8", 400, "The bytes sent are not valid UTF-8.",
             "Encode the body as UTF-8."),
        Code("request.empty", "There is nothing in the body", 400, "The body holds no item.", "Send at least one."),
        Code("request.none_acceptable", "Not one item was acceptable", 400,
             "Every item was rejected; nothing was stored.", "Correct each item named in `errors` and send it again."),
        Code("request.malformed_header", "A header cannot be read", 400, "A request header is malformed.",
             "Correct the header named in `detail`."),
        Code("request.malformed_compression", "The body cannot be inflated", 400,
             "The body is not the gzip stream that Content-Encoding announces.", "Send a complete gzip stream."),
        Code("request.invalid", "A field is invalid", 422, "A field of path, query or body is not as declared.",
             "Correct each field named in `errors`."),
        Code("request.too_large", "The body is too large", 413, "The body, inflated, is over the limit; nothing of it "
             "was taken.", "Send it in smaller parts."),
        Code("request.too_many_items", "Too many items", 413, "The body holds more items than one request may; "
             "nothing of it was taken.", "Send it in smaller parts."),
        Code("request.media_type_unsupported", "This media type is not taken here", 415,
             "Content-Type names something that this path does not read.", "Use one of the types named in `detail`."),
        Code("request.encoding_unsupported", "This content encoding is not taken", 415,
             "Content-Encoding is neither gzip nor identity.", "Send the body plain or with gzip."),
        Code("request.charset_unsupported", "This character set is not taken", 415,
             "Content-Type names a character set other than UTF-8.", "Encode the body as UTF-8."),
        Code("request.not_found", "Not found", 404, "There is nothing here, or nothing that you may know of.",
             "Check path and identifiers; /openapi.json lists every path."),
        Code("request.method_not_allowed", "Method not allowed", 405, "The path exists, but not for this method.",
             "Use one of the methods in the Allow header."),
        Code("request.not_acceptable", "Not to be had in this form", 406, "Accept names no media type that this can be "
             "answered in.", "Name one of those in `detail`, or leave Accept out."),
        Code("request.version_stale", "The thing has changed", 412, "If-Match names another version than the present.",
             "Read it again, decide again, and send the new ETag."),
        Code("request.if_match_missing", "If-Match is needed", 428, "An existing thing is only changed by those who "
             "have seen its present version.", "Read it and send its ETag as If-Match."),
        Code("request.conflict", "Others change this too", 409, "The thing was changed by others each time the command "
             "was tried.", "Repeat it.", retry=True),
        Code("request.not_yet_known", "Not yet known", 409, "`as_of` or `as_known_at` names an instant that has not "
             "passed, or has so lately that something may still be recorded by then.", "Ask again later.", retry=True),
        Code("request.cursor_expired", "The cursor has expired", 410, "The list has moved on too far.",
             "Start again without a cursor."),
        Code("request.rate_limited", "Too many requests", 429, "The caller's rate limit is used up.",
             "Wait as long as Retry-After says, or send more items in a request.", retry=True),
        Code("request.outcome_unknown", "The outcome is unknown", 504, "The service did not answer in time; the "
             "command may have been carried out.", "Repeat it unchanged with the same Idempotency-Key.", retry=True),
        Code("request.position_not_reached", "The read model is not there yet", 503, "The position asked for by "
             "Plateau-Min-Position was not reached within 2 s.", "Repeat it after Retry-After.", retry=True),
        Code("request.internal", "Something is broken on our side", 500, "An error that was not foreseen; it has been "
             "logged under `request_id`.", "Report the request_id.", retry=True),
        Code("live.too_many_listeners", "Too many listeners", 503, "As many follow the floor as this process serves.",
             "Come back after Retry-After, or follow on fewer screens.", retry=True),
        Code("auth.missing", "Who are you?", 401, "The request has no credentials.",
             "Send Authorization: Bearer with a token or an API key."),
        Code("auth.unknown", "These credentials are not known", 401, "The token or API key is unknown, expired, "
             "revoked or not made for this service.", "Get a valid one."),
        Code("auth.not_allowed", "Not allowed", 403, "The credentials do not hold the scope named in `detail`.",
             "Ask an administrator for a role or key with that scope."),
        Code("auth.grants_too_much", "More than you hold", 403, "A key cannot hold scopes, sources or queues that its "
             "maker lacks.", "Leave out what `detail` names."),
        Code("auth.source_not_allowed", "Not your source", 403, "The key is limited to certain sources, and this is "
             "none of them.", "Send as a source of the key, or use another key."),
        Code("auth.proof_wrong", "Not proven", 401, "The signature, password or token is not that of the source's "
             "secret.", "Check the source's secret, and for a signature the address that was called: see "
             "PLATEAU_PUBLIC_URL."),
        Code("auth.source_guarded", "The source has a secret", 403, "Only whoever proves to know the source's secret "
             "may send as it, or a key that names it.", "Use the secret, or a key with the source in its `sources`."),
        Code("idempotency.key_reused", "The key belongs to another request", 422, "The Idempotency-Key was used before "
             "with another method, path or body.", "Use a new key for a new request."),
        Code("idempotency.in_progress", "The first request is still running", 409, "A request with this "
             "Idempotency-Key has not been answered yet.", "Wait a moment and repeat it.", retry=True),
        Code("service.unavailable", "Not available now", 503, "Something that is needed for an answer cannot be "
             "reached now.", "Repeat the request unchanged after Retry-After.", retry=True),
        Code("webhooks.not_set_up", "No secrets can be kept", 503, "The gateway has no key to seal secrets with.",
             "Set PLATEAU_GATEWAY_KEY of gateway and deliveries to base64 of 32 bytes."),
        Code("webhooks.endpoint.disabled", "The endpoint is disabled", 409, "A disabled endpoint gets nothing.",
             "Resume it first; then replay what it missed."),
        Code("webhooks.endpoint.named", "Alert rules name it", 409, "An alert would be told to nobody there.",
             "Take it out of the `webhooks` of the rules that `detail` names, then repeat it."),
        Code("webhooks.endpoint.unknown", "No such endpoint", 422, "What is ordered names a webhook endpoint that "
             "is not there.", "Make the endpoint first, or leave it out."),
        Code("webhooks.endpoint.too_many", "Too many endpoints", 409, "There are as many webhook endpoints as there "
             "may be.", "Delete one that is not needed."),
        Code("webhooks.replay.range_empty", "An empty range", 422, "A replay ends before it begins.",
             "Give a `to` that is later than `from`."),
        Code("webhooks.delivery.being_sent", "Being sent now", 409, "The delivery is being sent this moment.",
             "Look at it again in half a minute.", retry=True),
        Code("dead_letter.not_taken", "Its queue does not take it", 503, "The queue that the message came from is full "
             "or not there; the message stays aside.", "Do what `detail` says, then repeat it.", retry=True),
        Code("ingest.not_confirmed", "Not acknowledged", 503, "The broker did not confirm that it has all items. "
             "Whatever had arrived counts once.", "Repeat the request unchanged after Retry-After.", retry=True),
        Code("ingest.item_too_large", "The item is too large", 413, "One fact is larger than a fact may be.",
             "Leave out of `data` what the figures do not need."),
        Code("ingest.invalid_cloudevent", "Not a CloudEvent 1.0", 400, "A required attribute is missing or wrong.",
             "Give id, source, type and specversion 1.0, and JSON `data`."),
        Code("export.too_many_rows", "Too many rows for a spreadsheet", 422, "A sheet has room for 1 048 575 rows.",
             "Narrow the filters, or ask for text/csv, which has no such limit."),
        Code("telephony.malformed_row", "Not a row of calls", 400, "A column is empty, or has a value that it "
             "cannot have.", "Correct the column that `pointer` names; the other rows stand."),
        Code("crm.signature_wrong", "Not signed by the provider", 401, "The signature of a CRM's webhook is missing, "
             "wrong, or older than five minutes.", "Enter the provider's signing secret in the connection."),
        Code("telephony.malformed_line", "Not a line of this log", 400, "The line is cut off or has a value that its "
             "event cannot have.", "Send whole lines as the telephone system wrote them."),
        Code("telephony.time_missing", "An event without its time", 400, "Nothing says when the event happened.",
             "Have the telephone system stamp its events, as `detail` says."),
        Code("telephony.malformed_event", "Not an event of this feed", 400, "An event or record lacks what makes it "
             "one, or has a value that cannot be read.", "Send it as the telephone system wrote it."),
    )
}  # fmt: skip


def catalogue() -> dict[str, Any]:
    """Every code with its meaning, what to do, and whether to repeat the request."""
    return {"items": [code._asdict() for code in CODES.values()], "next": None}
