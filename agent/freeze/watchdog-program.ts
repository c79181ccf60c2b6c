/**
 * The watchdog: it freezes, and thaws whatever happens to the agent. Python, since node has no ioctl; given on the command line,
 * since the agent is one file. Descriptor 3 is the mountpoint, opened and checked by the agent: no path is looked up.
 *
 * It does the freezing itself. Another process could be killed with its freeze still under way (it waits for the writes that
 * have begun), a thaw would find nothing frozen yet, and the freeze would come true behind it.
 *
 * It writes the mark too: on a filesystem that is frozen already a write waits for the thaw, and here it keeps no thread of the
 * agent waiting.
 *
 * Words: it says "ready"; told "mark VALUE" it says "marked", or "unmarked ERRNO"; told "freeze" it says "frozen", or "refused ERRNO" and ends; told "thaw", or at the deadline, or when
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
        return os.read(0, 128).decode().strip() or "stopped"
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

def name_of(error):
    return errno.errorcode.get(error.errno, error.errno)

def mark(value):
    try:
        try:
            os.mkdir(".hivemind", 0o700, dir_fd=MOUNT)
        except FileExistsError:
            pass
        place = os.open(".hivemind", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=MOUNT)
        try:
            os.unlink("mark.new", dir_fd=place)
        except FileNotFoundError:
            pass
        file = os.open("mark.new", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=place)
        os.write(file, (value + "\\n").encode())
        os.fsync(file)
        os.rename("mark.new", "mark", src_dir_fd=place, dst_dir_fd=place)
        os.fsync(place)
        os.fsync(MOUNT)
        return ["marked"]
    except OSError as error:
        return ["unmarked", name_of(error)]

say("ready")
word = told()
if word.startswith("mark "):
    say(*mark(word[len("mark "):]))
    word = told()
if word != "freeze":
    sys.exit()
began = time.monotonic()
try:
    fcntl.ioctl(MOUNT, FREEZE, 0)
except OSError as error:
    say("refused", name_of(error))
    sys.exit()
say("frozen")
word = told(max(0, began + limit - time.monotonic()))
by = thaw("agent" if word == "thaw" else "deadline" if word == "deadline" else "stopped")
say("thawed", by, round((time.monotonic() - began) * 1000, 3))
`;
