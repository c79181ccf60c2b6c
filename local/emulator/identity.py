"""Who a caller is and what its policies allow, for the edge: JSON over HTTP on a unix socket, never on a port.

    POST /resolve    {accessKeyId, sessionToken}
      -> {secretAccessKey, sessionToken, accountId, principalArn, userId, type} | {error: {code, message}}
    POST /authorize  {accessKeyId, region, requests: [{action, resource, context, missing}]}
      -> {decisions: [{decision: "Allow" | "Deny" | "ImplicitDeny", sid}]} | {error: {code, message}}
    POST /admit      both questions in one: the fields of both, {principal, decisions} | {error: {code, message}}

A context holds what the caller of /authorize knows: aws:RequestTag/*, aws:TagKeys, aws:ResourceTag/* and the
service's own keys (ec2:ResourceTag/*, ec2:CreateAction). The caller's own keys (aws:userid, aws:PrincipalTag/*) are
added here. A `missing` resource does not exist: conditions on its tags then count as met, so that the service can say
that it is not there, as EC2 does. Everything is answered by the evaluator that also judges the emulator's own services.
"""

import json
from dataclasses import replace

from ministack.core import iam_evaluator as iam
from ministack.core.responses import get_account_id


def _failure(error) -> dict:
    return {"error": {"code": error.code, "message": error.message}}


def resolve(request: dict) -> dict:
    found = iam.resolve_credential(request["accessKeyId"], session_token=request.get("sessionToken") or None)
    if isinstance(found, iam.CredentialResolutionError):
        return _failure(found)
    return {
        "secretAccessKey": found.secret_access_key,
        "sessionToken": found.session_token,
        "accountId": found.account_id,
        "principalArn": found.principal_arn,
        "userId": found.principal_id,
        "type": found.principal_type,
    }


def _without_tag_conditions(layer: list[list[iam.ParsedStatement]]) -> list[list[iam.ParsedStatement]]:
    def kept(conditions: dict) -> dict:
        return {
            operator: {key: value for key, value in keys.items() if ":resourcetag/" not in key.lower()}
            for operator, keys in conditions.items()
        }

    return [[replace(statement, conditions=kept(statement.conditions)) for statement in policy] for policy in layer]


def _decide(principal: iam.PrincipalInfo, region: str, asked: dict) -> dict:
    if principal.policies is None:
        return {"decision": "Allow", "sid": ""}
    context = {key.lower(): value for key, value in (asked.get("context") or {}).items()}
    context.setdefault("aws:tagkeys", None)
    layers = [principal.policies, *principal.limits]
    if asked.get("missing"):
        layers = [_without_tag_conditions(layer) for layer in layers]
    result = iam.evaluate(
        iam.EvalContext(
            principal_arn=principal.arn,
            principal_type=principal.type,
            principal_account=principal.account,
            action=asked["action"],
            resource_arn=asked.get("resource") or "*",
            region=region,
            secure_transport=True,  # loopback's plain http counts as TLS, see corrections.py
            service_context=context,
            principal_keys=principal.keys,
        ),
        *layers,
    )
    return {"decision": result.decision, "sid": result.matched_sid}


def authorize(request: dict) -> dict:
    principal = iam.resolve_principal(request["accessKeyId"], get_account_id())
    if isinstance(principal, iam.AuthError):
        return _failure(principal)
    region = request.get("region") or "us-east-1"
    return {"decisions": [_decide(principal, region, asked) for asked in request["requests"]]}


def admit(request: dict) -> dict:
    principal = resolve(request)
    return principal if "error" in principal else {"principal": principal, **authorize(request)}


ROUTES = {"/resolve": resolve, "/authorize": authorize, "/admit": admit}


async def _body(receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _answer(path: str, body: bytes) -> tuple[int, dict]:
    route = ROUTES.get(path)
    if route is None:
        return 404, {"error": {"code": "NotFound", "message": f"no {path} here; there are {', '.join(ROUTES)}"}}
    try:
        return 200, route(json.loads(body))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return 400, {"error": {"code": "BadRequest", "message": repr(error)}}


async def app(scope, receive, send) -> None:
    status, answer = _answer(scope["path"], await _body(receive))
    body = json.dumps(answer).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
