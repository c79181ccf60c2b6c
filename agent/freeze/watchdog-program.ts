/**
 * The watchdog: it freezes, and thaws whatever happens to the agent. Python, since node has no ioctl; given on the command line,
 * since the agent is one file. Descriptor 3 is the mountpoint, opened and checked by the agent: no path is looked up.
 *
 * It does the freezing itself. Another process could be killed with its freeze still under way (it waits for the writes that
 * have begun), a thaw would find nothing frozen yet, and the freeze would come true behind it.
 *
 * Words: it says "ready"; told "freeze" it says "frozen", or "refused ERRNO" and ends; told "thaw", or at the deadline, or when
 * its input ends or it is asked to end, it thaws, says "thawed BY MILLISECONDS" and ends. BY: agent, deadline, stopped, or other
 * when it was not frozen any more. It thaws first and speaks then: nobody may be there to listen.
 */
export const watchdogProgram = `
import errno, fcntl, os, select, signal, sys, time

FREEZE, THAW, MOUNT = 0xC0045877, 0xC0045878, 3
RETRY_SECONDS, GIVE_UP_SECONDS = 0.1, 300
limit = int(sys.argv[1]) / 1000

woken, waker = os.pipe()
os.set_blocking(waker, False)
signal.set_wakeup_fd(waker)
for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(each, lambda *_: None)
try:
    with open("/proc/self/oom_score_adj", "w") as score:
        score.write("-1000")
except OSError:
    pass

def say(*words):
    try:
        os.write(1, (" ".join(map(str, words)) + "\\n").encode())
    except OSError:
        pass

def told(timeout=None):
    ready, _, _ = select.select([0, woken], [], [], timeout)
    if not ready:
        return "deadline"
    if 0 not in ready:
        return "stopped"
    try:
        return os.read(0, 64).decode().strip() or "stopped"
    except OSError:
        return "stopped"

def thaw(by):
    give_up = time.monotonic() + GIVE_UP_SECONDS
    while True:
        try:
            fcntl.ioctl(MOUNT, THAW, 0)
            return by
        except OSError as error:
            if error.errno == errno.EINVAL:
                return "other"
            if time.monotonic() > give_up:
                raise
        time.sleep(RETRY_SECONDS)

say("ready")
if told() != "freeze":
    sys.exit()
began = time.monotonic()
try:
    fcntl.ioctl(MOUNT, FREEZE, 0)
except OSError as error:
    say("refused", errno.errorcode.get(error.errno, error.errno))
    sys.exit()
say("frozen")
word = told(max(0, began + limit - time.monotonic()))
by = thaw("agent" if word == "thaw" else "deadline" if word == "deadline" else "stopped")
say("thawed", by, round((time.monotonic() - began) * 1000, 3))
`;
