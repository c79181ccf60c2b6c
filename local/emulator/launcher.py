"""Starts the pinned emulator for the local cloud: corrected, remembering, and able to say who a caller is.

    launcher.py --port 4568 --identity-socket HOME/run/identity.sock

GATEWAY_PORT is the port of the edge, which the emulator writes into every URL that it hands out; --port is where the
emulator itself listens; TMPDIR is its alone. All other settings are MiniStack's own environment variables (see emulator.ts).
"""

import argparse
import asyncio
import glob
import logging
import os
import resource
import shutil
import socket
import sys
from importlib.metadata import version

PINNED = "1.5.33"
assert version("ministack") == PINNED, f"this launcher corrects ministack {PINNED}, found {version('ministack')}"

from hypercorn.asyncio import serve  # noqa: E402
from hypercorn.config import Config  # noqa: E402
from ministack import app as ministack  # noqa: E402
from ministack.core import lambda_runtime  # noqa: E402

import corrections  # noqa: E402
import identity  # noqa: E402
from saving import Saver, changes_state, end_with_parent  # noqa: E402

PRIVATE = 0o177
"""umask of the identity socket, which gives out secrets: the owner alone may use it."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--identity-socket", required=True)
    parser.add_argument("--tied", action="store_true", help="end with the process that started it (tests)")
    return parser.parse_args()


def application(saver: Saver):
    """MiniStack's ASGI application; what comes over the unix socket is for the identity service alone."""

    async def app(scope, receive, send):
        if scope["type"] == "http" and scope.get("server") is None:
            await identity.app(scope, receive, send)
            return
        if scope["type"] == "lifespan":
            saver.start()
        await ministack.app(scope, receive, send)
        if scope["type"] == "http" and changes_state(scope):
            saver.note()

    return app


def configuration(options: argparse.Namespace) -> Config:
    config = Config()
    config.bind = [f"{os.environ.get('BIND_HOST', '127.0.0.1')}:{options.port}", f"unix:{options.identity_socket}"]
    config.umask = PRIVATE
    config.keep_alive_timeout = 75
    config.loglevel = os.environ.get("LOG_LEVEL", "INFO").upper()
    return config


def be_alone(port: int) -> None:
    """Refuses to start beside another one; removes what functions of a killed one left unpacked."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            sys.exit(f"127.0.0.1:{port} is in use already")
    for left in glob.glob(os.path.join(os.environ["TMPDIR"], "ministack-lambda-*")):
        shutil.rmtree(left, ignore_errors=True)


def main() -> None:
    options = arguments()
    if options.tied:
        end_with_parent()
    be_alone(options.port)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    corrections.apply()
    saver = Saver(tidy=corrections.forget_the_old)
    ministack.save_all = lambda _services: saver.save_and_wait()
    logging.getLogger("hypercorn.access").setLevel(logging.WARNING)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.run_until_complete(serve(application(saver), configuration(options)))
    # The state is saved. Workflows that wait in threads of their own would keep the process, and go on with work that
    # nobody remembers.
    lambda_runtime.reset()
    os._exit(0)


if __name__ == "__main__":
    main()
