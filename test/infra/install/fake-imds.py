#!/usr/bin/env python3
"""An instance metadata service for tests: prints its port, then serves until it is killed.

Options by environment: HOP_LIMIT (TTL of the packets that answer a token request), TOKENS (required or optional),
SECRET (part of the credentials). Knows what EC2's has of it: token, instance id, role and its credentials.
"""
import http.server
import json
import os
import socket

hop_limit = int(os.environ.get("HOP_LIMIT", "1"))
required = os.environ.get("TOKENS", "required") == "required"
documents = {
    "/latest/meta-data/": "instance-id\niam/",
    "/latest/meta-data/instance-id": "i-0123456789abcdef0",
    "/latest/meta-data/iam/security-credentials/": "HostRole",
    "/latest/meta-data/iam/security-credentials/HostRole": json.dumps(
        {"Code": "Success", "AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": "s3cr3t/+=", "Token": "session+token=="},
        indent=2,
    ),
}


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def do_PUT(self):
        # As EC2: only this answer carries the limit.
        self.connection.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, hop_limit)
        self.answer(200, "TOKEN")

    def do_GET(self):
        if self.headers.get("X-aws-ec2-metadata-token") != "TOKEN" and required:
            self.answer(401, "")
        elif self.path in documents:
            self.answer(200, documents[self.path])
        else:
            self.answer(404, "")

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
