#!/usr/bin/env python3
"""Refuses a host whose containers could be the host.

Whoever reaches the instance metadata service holds the host's identity. So it must want a token (IMDSv2), and its
token must not reach further than the host itself: hop limit 1. The limit is the TTL of the packets that carry the
token, and a socket with IP_MINTTL 2 is deaf to those with TTL 1: if a token comes through, containers get it too.

Exits 0 when both hold, 1 when not, 2 when the service does not answer. AWS_EC2_METADATA_SERVICE_ENDPOINT moves it.
"""
import os
import socket
import sys
from urllib.parse import urlsplit

IP_MINTTL = 21  # Linux: linux/in.h
TIMEOUT = 2.0
endpoint = urlsplit(os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or "http://169.254.169.254")
TOKEN = "PUT /latest/api/token HTTP/1.1\r\nHost: {host}\r\nX-aws-ec2-metadata-token-ttl-seconds: 60\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
READ = "GET {path} HTTP/1.1\r\nHost: {host}\r\n{header}Connection: close\r\n\r\n"


def call(request, min_ttl=0):
    """Status and body; None when nothing came back in time."""
    with socket.create_connection((endpoint.hostname, endpoint.port or 80), TIMEOUT) as conn:
        if min_ttl:
            conn.setsockopt(socket.IPPROTO_IP, IP_MINTTL, min_ttl)
        conn.sendall(request.encode())
        answer = b""
        try:
            while chunk := conn.recv(65536):
                answer += chunk
        except (TimeoutError, ConnectionResetError):
            pass
    if not answer:
        return None
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ", 2)[1]), body.decode(errors="replace").strip()


def read(path, token=None):
    header = f"X-aws-ec2-metadata-token: {token}\r\n" if token else ""
    return call(READ.format(path=path, host=endpoint.netloc, header=header))


def main():
    want_token = TOKEN.format(host=endpoint.netloc)
    try:
        token = call(want_token)
        if token is None or token[0] != 200:
            print("hivemind: the instance metadata service gives no token; is it switched off?", file=sys.stderr)
            return 2
        bare = read("/latest/meta-data/")
        reaches_further = call(want_token, min_ttl=2)
        found = read("/latest/meta-data/instance-id", token[1])
    except OSError as error:
        print(f"hivemind: the instance metadata service at {endpoint.geturl()} does not answer: {error}", file=sys.stderr)
        return 2
    wrong = []
    if bare is not None and bare[0] == 200:
        wrong.append("it answers without a token (IMDSv1)")
    if reaches_further is not None and reaches_further[0] == 200:
        wrong.append("its token reaches further than this host (hop limit above 1)")
    if not wrong:
        return 0
    instance = found[1] if found and found[0] == 200 else "INSTANCE-ID"
    print(
        f"hivemind: the instance metadata service is open to containers: {' and '.join(wrong)}.\n"
        "Any container could act as this host. Close it, from a machine that may change the instance:\n"
        f"  aws ec2 modify-instance-metadata-options --instance-id {instance} --http-endpoint enabled"
        " --http-tokens required --http-put-response-hop-limit 1",
        file=sys.stderr,
    )
    return 1


sys.exit(main())
