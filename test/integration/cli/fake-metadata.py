"""An instance metadata service on loopback: fake-metadata.py TTL V1. TTL is the hop limit of what it sends; V1 is yes or no.

Prints its port, then serves until its stdin closes. Knows tokens and the instance id, nothing else.
"""
import http.server
import socket
import sys
import threading

ttl, v1 = int(sys.argv[1]), sys.argv[2] == "yes"


class Metadata(http.server.BaseHTTPRequestHandler):
    def answer(self, status, text):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def do_PUT(self):
        self.answer(200, "a-token")

    def do_GET(self):
        known = self.headers.get("x-aws-ec2-metadata-token") == "a-token"
        self.answer(200 if known or v1 else 401, "i-0123456789abcdef0" if known or v1 else "")

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Metadata)
server.socket.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
print(server.server_port, flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
