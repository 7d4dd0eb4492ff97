"""A system of its own on this machine: a root file system in namespaces, which nothing outlives."""

import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
DEBIAN, UBUNTU = "Debian", "Ubuntu"
ENDS = {signal.SIGINT, signal.SIGTERM}
BINFMT = Path("/proc/sys/fs/binfmt_misc")
QEMU = (  # the first 20 bytes of an ELF program for arm64, and which bits of them count
    r":qemu-aarch64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
    r":\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
    ":/usr/bin/qemu-aarch64-static:F"
)
INIT = """
mount --bind . . && cd "$PWD" &&
mount -t proc proc proc && mount -t sysfs sys sys && mount --rbind /sys/fs/cgroup sys/fs/cgroup &&
mount -t tmpfs -o mode=755 dev dev && mkdir dev/pts dev/shm dev/net &&
cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty dev/ &&
mknod -m 666 dev/net/tun c 10 200 && mknod -m 666 dev/fuse c 10 229 &&
ln -s pts/ptmx dev/ptmx && ln -s /proc/self/fd dev/fd &&
mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 pts dev/pts &&
mount -t tmpfs -o mode=1777 shm dev/shm && mount -t tmpfs -o mode=755 run run && mkdir run/lock &&
hostname "$0" && pivot_root . mnt && umount -l mnt && mount --make-rshared / && echo up &&
while :; do sleep 60; done # process 1: it takes in what loses its parent
"""


def on_this_machine(*command: str, cwd: Path | None = None) -> str:
    """Run a command here, as root, require that it succeeds, and return what it prints."""
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd)
    if done.returncode:
        raise RuntimeError((done.stderr + done.stdout).strip().splitlines()[-1])
    return done.stdout


def archive(origin: str, script: str) -> str:
    """Return the address of Debian's archive that this machine uses, or of debootstrap's Ubuntu."""
    if origin == UBUNTU:
        known: list[str] = re.findall(r"default_mirror (\S+)", Path(script).read_text())
        return next(one for one in known if "//archive." in one)
    targets = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
    return on_this_machine(*targets, f"Origin: {DEBIAN}").split()[0]


class Machine(ExitStack):
    """A system of its own; leaving it removes it."""

    def __init__(self, name: str, suite: str, origin: str) -> None:
        super().__init__()
        self.name, self.engine, self.compose = name, "–", "–"
        self.rows: list[tuple[str, str]] = []
        try:
            folder = tempfile.mkdtemp(prefix="engines.", dir="/var/tmp")  # /tmp may forbid devices
            self.callback(signal.pthread_sigmask, signal.SIG_UNBLOCK, ENDS)
            self.callback(shutil.rmtree, folder)
            os.chmod(folder, 0o755)
            self.root = Path(folder, "root")
            self.unpack(suite, origin)
            self.furnish()
            self.start()
        except BaseException:
            self.close()
            raise

    def unpack(self, suite: str, origin: str) -> None:
        """Make the root file system from the packages of an archive."""
        options, components, suites = ["--include=sudo,procps"], "main", [suite]
        script = "sid"
        if origin == UBUNTU:
            components, suites, script = "main universe", [suite, f"{suite}-updates"], "gutsy"
            options.append("--components=main,universe")
        if self.name == "arm64":
            options.append("--arch=arm64")
            self.emulate()
        # This machine may lack the keys of newer ones; for a throw-away tree that is no loss.
        script = f"/usr/share/debootstrap/scripts/{script}"
        mirror = archive(origin, script)
        on_this_machine(
            *"unshare -m debootstrap --variant=minbase --no-check-gpg".split(), *options,
            suite, str(self.root), mirror, script,
        )  # fmt: skip
        self.write("etc/apt/sources.list", *(
            f"deb [trusted=yes check-valid-until=no] {mirror} {each} {components}"
            for each in suites
        ))  # fmt: skip

    def emulate(self) -> None:
        """Let this machine run programs for arm64."""
        if not (BINFMT / "register").exists():
            on_this_machine("mount", "-t", "binfmt_misc", "binfmt_misc", str(BINFMT))
            self.callback(on_this_machine, "umount", str(BINFMT))
        if not (BINFMT / "qemu-aarch64").exists():
            (BINFMT / "register").write_text(QEMU)
            self.callback((BINFMT / "qemu-aarch64").write_text, "-1")

    def furnish(self) -> None:
        """Give it a way to names, a user who may use sudo, and a clone of this project."""
        self.write("etc/resolv.conf", "nameserver 10.0.2.3")  # slirp4netns passes on what is asked
        self.write("etc/hosts", f"127.0.0.1 localhost {self.name}")
        self.write("etc/sudoers.d/student", "student ALL=(ALL) NOPASSWD: ALL")
        # Behind a proxy with a certificate of its own, it has to trust what this machine trusts.
        for certificate in glob.glob("/usr/local/share/ca-certificates/*.crt"):
            self.write(certificate[1:], Path(certificate).read_text())
        on_this_machine("chroot", str(self.root), "useradd", "-ms", "/bin/bash", "student")
        clone = self.root / "home/student/zmq"
        clone.mkdir()
        files = f"git ls-files -z | tar -c --null -T - | tar -xC {clone}"
        on_this_machine("sh", "-c", files, cwd=ROOT)
        on_this_machine("chroot", str(self.root), "chown", "-R", "student:", "/home/student")

    def start(self) -> None:
        """Start process 1 in it, on a network of its own."""
        network = f"engines-{self.name}"
        on_this_machine("ip", "netns", "add", network)
        self.callback(on_this_machine, "ip", "netns", "delete", network)
        on_this_machine("ip", "-n", network, "link", "set", "lo", "up")
        path = f"/run/netns/{network}"
        slirp = subprocess.Popen(
            ["slirp4netns", "--configure", "--netns-type=path", path, "eth0"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.callback(slirp.wait)
        self.callback(slirp.kill)
        # `ip netns exec` would hide the cgroups, and the engine would not start.
        unshare = subprocess.Popen(
            [*f"nsenter --net={path} unshare -muipf --propagation private bash -c".split(), INIT]
            + [self.name],
            cwd=self.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        assert unshare.stdout
        if (said := unshare.stdout.readline()) != "up\n":
            raise RuntimeError(f"its process 1 does not start: {said.strip()}")
        self.first = Path(f"/proc/{unshare.pid}/task/{unshare.pid}/children").read_text().strip()
        # Podman leaves its cgroup, which is this machine's too; what is in use cannot be removed.
        empty = "find /sys/fs/cgroup -depth -path '*/libpod_parent*' -type d -exec rmdir {} +; :"
        self.callback(on_this_machine, "sh", "-c", empty)
        self.callback(unshare.wait)
        self.callback(os.kill, int(self.first), 9)  # and with it all that runs there
        self.callback(self.run, "docker ps -aq | xargs -r docker rm -f; podman rm -fat 0", "root")
        self.callback(signal.pthread_sigmask, signal.SIG_BLOCK, ENDS)  # while all this is removed

    def write(self, path: str, *lines: str) -> None:
        """Write a file of the machine."""
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text("".join(f"{line}\n" for line in lines))

    def own_users(self) -> None:
        """Let the user have users of its own, as a rootless engine needs them, and a /run."""
        self.write("etc/subuid", "student:100000:65536")
        self.write("etc/subgid", "student:100000:65536")
        self.run("install -d -o student -m 700 /run/user/student", "root")

    def run(self, command: str, user: str = "student") -> tuple[int, str]:
        """Run a command there, in the lab's folder; return its exit code and all it says."""
        print(f"\n{self.name}$ {command}", file=sys.stderr, flush=True)
        sbin = "/usr/local/sbin:/usr/sbin:/sbin:" if user == "root" else ""
        home = "/root" if user == "root" else f"/home/{user}"
        inside = ["nsenter", "-m", "-u", "-i", "-n", "-p", "-t", self.first]
        inside += ["env", "-i", f"PATH={sbin}/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8"]
        inside += [f"HOME={home}", f"USER={user}", "TERM=dumb", f"XDG_RUNTIME_DIR=/run/user/{user}"]
        inside += ["PODMAN_IGNORE_CGROUPSV1_WARNING=1"]  # else each command of Podman says it
        inside += ["/usr/bin/setpriv", "--reuid", user, "--regid", user, "--init-groups"]
        begun = time.monotonic()
        done = subprocess.run(
            [*inside, "bash", "-c", f"cd /home/student/zmq; {command}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", timeout=3600,
        )  # fmt: skip
        print(done.stdout, f"({time.monotonic() - begun:.0f} s)", file=sys.stderr, flush=True)
        return done.returncode, done.stdout

    def try_(self, step: str, command: str, words: str = "", user: str = "student") -> None:
        """Run a command, and note a row: it works if it exits with 0 and says these words."""
        code, said = self.run(command, user)
        seen = "works"
        if code or words not in said:
            lines = [line for line in said.splitlines() if line.strip()] or [f"exit code {code}"]
            errors = [line for line in lines if "rror" in line]
            errors.sort(key=lambda line: not line.startswith("Error"))
            cause = next(iter(errors), lines[-1])
            seen = f"`{cause.strip()[:160].replace('|', '/').replace('`', '')}`"
        self.rows.append((step, seen))

    def print_rows(self) -> None:
        """Print what was tried."""
        for step, seen in self.rows:
            print(f"| {self.name} | {self.engine} | {self.compose} | {step} | {seen} |", flush=True)
