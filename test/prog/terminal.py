# SPDX-License-Identifier: BSD-3-Clause
# terminal.py - p2pmpirun under an interactive shell: job control, the progress line. Prints TAP.
import os
import pty
import select
import subprocess
import sys
import time

RUN = os.environ["P2PMPI_BUILDDIR"] + "/src/tools/p2pmpirun"
count = faults = 0


def claim(sentence, is_true, seen=""):
    global count, faults
    count += 1
    print(("ok %d - %s" if is_true else "not ok %d - %s") % (count, sentence), flush=True)
    if not is_true:
        faults += 1
        print("\n".join("#   " + line for line in str(seen).splitlines()[-20:]))


class Shell:
    def __init__(self):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["PS1"] = "READY> "
            os.environ["TERM"] = "dumb"
            os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
        self.until("READY> ")

    # What comes until text is there; all of it when the time is over
    def until(self, text, seconds=30):
        seen, end = b"", time.time() + seconds
        while text.encode() not in seen and time.time() < end:
            if select.select([self.fd], [], [], 0.1)[0]:
                try:
                    piece = os.read(self.fd, 65536)
                except OSError:
                    break
                seen += piece
        return seen.decode(errors="replace")

    def type(self, text):
        os.write(self.fd, text.encode())


def states(mark):
    lines = subprocess.run(["ps", "-eo", "stat=,args="], capture_output=True, text=True).stdout.splitlines()
    return [line.split()[0] for line in lines if mark in line and "ps -eo" not in line and "bash" not in line]


def within(seconds, question):
    end = time.time() + seconds
    while time.time() < end:
        if question():
            return True
        time.sleep(0.05)
    return False


shell = Shell()
mark = "mark%d" % os.getpid()

shell.type(RUN + " -n 1 sh -c 'echo up; exec cat'\n")
shell.until("up\r\n")
shell.type("a typed line\n")
seen = shell.until("line\r\na typed line\r\n")
claim("what is typed goes to rank 0", "line\r\na typed line\r\n" in seen, seen)
shell.type("\x04")
claim("an end of file typed ends it", "READY> " in shell.until("READY> "))

shell.type(RUN + " -n 1 sh -c 'read x; echo \"got <$x>\"' &\n")
shell.until("READY> ")
claim("in the background it is not stopped by its terminal", not within(2, lambda: any("T" in s for s in states("got <"))))
shell.type("fg\n")
shell.until("got <$x>")
shell.type("hello\n")
seen = shell.until("got <hello>")
claim("brought to the foreground it reads", "got <hello>" in seen, seen)
shell.until("READY> ")

shell.type(RUN + " -n 2 sh -c 'while :; do echo tick; sleep 0.2; done' %s\n" % mark)
shell.until("tick\r\ntick")
shell.type("\x1a")
seen = shell.until("READY> ")
claim("Ctrl-Z stops it", "Stopped" in seen, seen)
claim("and its ranks", within(10, lambda: len(states(mark)) == 3 and all("T" in s for s in states(mark))), states(mark))
shell.type("fg\n")
shell.until(mark)
claim("fg lets the ranks go on", "tick" in shell.until("tick"))
shell.type("\x03")
shell.until("READY> ")
claim("Ctrl-C ends it", within(10, lambda: not states(mark)), states(mark))
shell.type("echo code=$?\n")
claim("Ctrl-C: exit code 1", "code=1" in shell.until("code=1"))

shell.type("exit\n")
print("1..%d" % count)
sys.exit(1 if faults else 0)
