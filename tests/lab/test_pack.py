"""The lab packed into one file, and started from it by an engine that has no network."""

import os
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path

import pytest

from conftest import PROJECT, ROOT, run, wait_for
from dockerd import Engine, engine, sudo

# What students get is without the key.
KEY = {"docs/dosen.md", "docs/dosen.en.md"} | {
    str(path.relative_to(ROOT)) for path in (ROOT / "tests/lab/tugas").glob("*.py")
}
# One worker packs the image, and has the engine that starts without one.
pytestmark = [pytest.mark.usefixtures("image"), pytest.mark.xdist_group("pack")]


@cache
def architecture() -> str:
    return run("docker", "version", "-f", "{{.Server.Arch}}").stdout.strip()


@pytest.fixture(scope="module")
def bare() -> Iterator[Engine]:
    with engine(f"{PROJECT}-bare") as started:
        yield started


@pytest.fixture(scope="module")
def clone(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone in which one file is edited and another is new to git."""
    clone = tmp_path_factory.mktemp("lecturer") / "zmq"
    done = run("git", "clone", "-q", str(repository), str(clone))
    assert done.returncode == 0, done.stderr
    for name in "scripts/pack", ".gitattributes":  # as they are here, committed or not
        shutil.copy(ROOT / name, clone / name)
    with (clone / "pub/pubzmq.py").open("a") as script:
        script.write("# edited\n")
    (clone / "notes.txt").write_text("not for students\n")
    return clone


@pytest.fixture(scope="module")
def pack(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What scripts/pack writes."""
    stick = tmp_path_factory.mktemp("stick")
    done = run(str(clone / "scripts/pack"), cwd=stick)
    assert done.returncode == 0, done.stderr
    (pack,) = stick.iterdir()
    assert pack.name == f"praktikum-zmq-{architecture()}.tar.gz"
    assert done.stdout.startswith(f"{pack}: ")
    assert done.stdout.endswith(f"M, for machines with {architecture()}\n")
    assert "notes.txt" in run("git", "-C", str(clone), "status", "--short").stdout  # as before
    return pack


def lab_starts(bare: Engine, folder: Path) -> None:
    """Bring the lab up from the unfolded clone, send a request, and remove the lab."""
    lab = ["compose", "--ansi", "never", "-f", "praktikum-zmq/compose/zmq.yml"]
    try:
        up = run("docker", "-H", bare.host, *lab, "up", "-d", cwd=folder)
        assert up.returncode == 0, up.stderr
        assert up.stderr.count("Started") == 6
        assert "pull" not in up.stderr.lower().replace("zmq-pull", "")
        assert "build" not in up.stderr.lower()
        wait_for(lambda: "bound to" in bare.docker(*lab, "logs", "zmq-rep", cwd=folder))
        exec_req = ["exec", "-T", "zmq-req", "python", "clientzmq.py"]
        assert "Reply: 'World'" in bare.docker(*lab, *exec_req, cwd=folder)
    finally:
        bare.docker(*lab, "down", cwd=folder)


def test_pack_without_an_image(bare: Engine, tmp_path: Path) -> None:
    refuses(tmp_path, "pack", host=bare.host, words="no image yet: 'docker compose")


def test_the_lab_starts_from_the_pack_alone(bare: Engine, pack: Path, tmp_path: Path) -> None:
    assert sudo("ip", "-n", bare.name, "route", "show", "default") == ""
    assert bare.docker("images", "-q") == ""
    done = run("env", f"DOCKER_HOST={bare.host}", f"{ROOT}/scripts/unpack", str(pack), cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        f"The lab for {architecture()} is here: "
        "cd praktikum-zmq && docker compose -f compose/zmq.yml up -d\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["praktikum-zmq"]
    lab_starts(bare, tmp_path)


def test_the_two_plain_commands_do_the_same(bare: Engine, pack: Path, tmp_path: Path) -> None:
    before = bare.docker("images", "-q", "--no-trunc")
    assert before
    bare.docker("tag", "praktikum-zmq", "kept")
    bare.docker("image", "rm", "praktikum-zmq")
    assert bare.docker("load", "-i", str(pack)) == "Loaded image: praktikum-zmq:latest"
    bare.docker("image", "rm", "kept")
    assert bare.docker("images", "-q", "--no-trunc") == before
    assert run("tar", "-xzf", str(pack), "praktikum-zmq", cwd=tmp_path).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["praktikum-zmq"]  # see the next test


def test_the_pack_holds_the_files_that_git_knows(clone: Path, pack: Path, tmp_path: Path) -> None:
    assert run("tar", "-xzf", str(pack), "praktikum-zmq", cwd=tmp_path).returncode == 0
    unfolded = tmp_path / "praktikum-zmq"
    known = set(run("git", "-C", str(clone), "ls-files", "-z").stdout.strip("\0").split("\0"))
    assert files(unfolded) == known - KEY  # and no notes.txt
    archive = tmp_path / "main.zip"  # as a site for git makes it
    git = ["git", "-C", str(clone), "archive", "-o", str(archive), "HEAD"]
    assert run(*git).returncode == 0
    with zipfile.ZipFile(archive) as file:
        assert {name for name in file.namelist() if not name.endswith("/")} == known - KEY
    path = stub(tmp_path, architecture())
    done = run("env", path, str(clone / "scripts/pack"), "--dosen", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    shutil.rmtree(unfolded)
    assert run("tar", "-xzf", pack.name, "praktikum-zmq", cwd=tmp_path).returncode == 0
    assert files(unfolded) == known
    for name in known:
        assert (unfolded / name).read_bytes() == (clone / name).read_bytes(), name
        assert os.access(unfolded / name, os.X_OK) == os.access(clone / name, os.X_OK), name
    done = run(str(clone / "scripts/pack"), "--lecturer", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "pack: there is no option but --dosen: it leaves the answers in\n"


def files(folder: Path) -> set[str]:
    """Return the paths of all files in a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


# --- what goes wrong ----------------------------------------------------------------------------

NO_ENGINE = "unix:///nowhere/sock"


def stub(folder: Path, architecture: str) -> str:
    """Return a PATH in which docker has an image that is nothing, for speed."""
    docker = folder / "docker"
    save = 'case "$1" in save) tar -cT /dev/null ;;'
    docker.write_text(f"#!/bin/sh\n{save} image) echo {architecture} ;; esac\n")
    docker.chmod(0o755)
    return f"PATH={folder}:{os.environ['PATH']}"


@pytest.fixture(scope="module")
def light(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack whose image is nothing."""
    path = stub(tmp_path_factory.mktemp("stub"), architecture())
    stick = tmp_path_factory.mktemp("light")
    done = run("env", path, str(clone / "scripts/pack"), cwd=stick)
    assert done.returncode == 0, done.stderr
    (pack,) = stick.iterdir()
    return pack


def refuses(
    folder: Path,
    script: str | Path,
    *arguments: str,
    host: str = NO_ENGINE,
    path: str = "A=",
    words: str,
    root: Path = ROOT,
) -> None:
    """Require one line that holds these words, exit code 1, and nothing left in the folder."""
    before = sorted(folder.iterdir())
    script = root / "scripts" / script
    done = run("env", f"DOCKER_HOST={host}", path, str(script), *arguments, cwd=folder)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"{script.name}: ") and words in line
    assert sorted(folder.iterdir()) == before


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """A folder with hardly any space."""
    folder = tmp_path / "full"
    folder.mkdir()
    sudo("mount", "-t", "tmpfs", "-o", "size=64k,mode=777", "full", str(folder))
    yield folder
    sudo("umount", str(folder))


def test_pack_without_an_engine(tmp_path: Path) -> None:
    refuses(tmp_path, "pack", words="no engine answers")


def test_pack_outside_a_clone(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    copy = shutil.copy(ROOT / "scripts/pack", tmp_path / "scripts")
    refuses(tmp_path, copy, host="", words="not a git repository")


def test_pack_in_a_copied_clone(clone: Path, tmp_path: Path) -> None:
    """Git takes every file of it for changed, since the copies are newer."""
    fresh, copied = tmp_path / "fresh", tmp_path / "copied"
    run("git", "clone", "-q", str(clone), str(fresh))
    shutil.copy(clone / "scripts/pack", fresh / "scripts/pack")
    commit = "-c user.name=a -c user.email=b commit -q --allow-empty -am a"
    assert run("git", "-C", str(fresh), *commit.split()).returncode == 0
    assert run("cp", "-r", str(fresh), str(copied)).returncode == 0
    path = stub(tmp_path, "z80")
    done = run("env", path, str(copied / "scripts/pack"), cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    with tarfile.open(tmp_path / "praktikum-zmq-z80.tar.gz") as tar:
        assert "praktikum-zmq/rep/serverzmq.py" in tar.getnames()


def test_pack_on_a_full_disk(repository: Path, full: Path, tmp_path: Path) -> None:
    words, path = "No space left on device", stub(tmp_path, "z80")
    refuses(full, "pack", path=path, words=words, root=repository)


def test_unpack_without_a_pack(tmp_path: Path) -> None:
    refuses(tmp_path, "unpack", words="which pack?")
    refuses(tmp_path, "unpack", "there-is-none.tar.gz", words="there-is-none.tar.gz cannot be read")
    refuses(tmp_path, "unpack", f"{ROOT}/LICENSE", words="LICENSE is no pack of the lab")


def test_unpack_of_half_a_pack(light: Path, tmp_path: Path) -> None:
    half = tmp_path / "half.tar.gz"
    half.write_bytes(light.read_bytes()[: light.stat().st_size // 2])
    refuses(tmp_path, "unpack", str(half), words="not whole")


def test_unpack_without_an_engine(light: Path, tmp_path: Path) -> None:
    refuses(tmp_path, "unpack", str(light), words="no engine answers")


def test_unpack_for_another_architecture(tmp_path: Path) -> None:
    other = tmp_path / "other.tar.gz"
    with tarfile.open(other, "w:gz") as tar:
        member = tarfile.TarInfo("architecture")
        member.size = len(b"z80\n")
        tar.addfile(member, BytesIO(b"z80\n"))
    words = f"is for z80, and this engine runs {architecture()}"
    refuses(tmp_path, "unpack", str(other), host="", words=words)


def test_unpack_where_docker_is_podman(tmp_path: Path) -> None:
    """Podman's version has no .Server.Arch, but .Server.OsArch."""
    stub = tmp_path / "docker"
    stub.write_text('#!/bin/sh\ncase "$*" in *OsArch*) echo linux/s390x ;; *) exit 125 ;; esac\n')
    stub.chmod(0o755)
    with tarfile.open(tmp_path / "other.tar.gz", "w:gz") as tar:
        member = tarfile.TarInfo("architecture")
        member.size = len(b"z80\n")
        tar.addfile(member, BytesIO(b"z80\n"))
    command = ["env", f"PATH={tmp_path}:{os.environ['PATH']}", f"{ROOT}/scripts/unpack"]
    done = run(*command, "other.tar.gz", cwd=tmp_path)
    assert "is for z80, and this engine runs s390x" in done.stderr
    assert done.returncode == 1


def test_unpack_spares_what_is_there(light: Path, tmp_path: Path) -> None:
    (tmp_path / "praktikum-zmq").mkdir()
    refuses(tmp_path, "unpack", str(light), words="praktikum-zmq is there already")


def test_unpack_on_a_full_disk(light: Path, full: Path) -> None:
    refuses(full, "unpack", str(light), host="", words="tar: ")
