"""Makes a base image out of this machine, for builds that can reach no image registry.

    scripts/docker_base.py IMAGE      the engine is found through DOCKER_HOST; IMAGE is what FROM names

In it are this Python with its standard library and pip, a shell, the core utilities, and the libraries that they and
compiled packages load: about what `python:slim` holds, without a package manager.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import docker

PROGRAMS = (
    *("sh", "cat", "chmod", "chown", "cp", "echo", "env", "id", "ln", "ls", "mkdir"),
    *("mv", "rm", "sleep", "test", "touch", "true", "false", "uname"),
)
"""What commands of a Dockerfile may call."""
LOADED_LATER = (
    *("libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1", "libutil.so.1", "libresolv.so.2"),
    *("libstdc++.so.6", "libgcc_s.so.1", "libz.so.1"),
)
"""What packages with compiled parts expect of a system."""
LEFT_OUT = {"__pycache__", "site-packages", "dist-packages", "test", "tests", "idlelib", "turtledemo", "ensurepip"}


def make(image: str) -> None:
    """Write the file system into a tar and import it as `image`."""
    with tempfile.NamedTemporaryFile(suffix=".tar") as file:
        with tarfile.open(fileobj=file, mode="w") as tar:
            _fill(_Root(tar))
        file.flush()
        changes = ["ENV PATH=/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8", 'CMD ["python3"]']
        name, _, tag = image.partition(":")
        with contextlib.closing(docker.from_env()) as client:
            client.api.import_image_from_file(file.name, repository=name, tag=tag or "latest", changes=changes)
            client.images.get(image)


def _fill(root: _Root) -> None:
    for folder in ("usr/bin", "usr/lib", "usr/local/bin", "etc", "root", "proc", "sys", "dev", "var/tmp"):
        root.folder(folder)
    root.folder("tmp", 0o1777)
    for link in ("bin", "lib", "lib64"):
        if (path := Path("/") / link).is_symlink():
            root.link(link, os.readlink(path))  # noqa: PTH115 - as it is written
    root.text("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
    root.text("etc/group", "root:x:0:\n")

    programs = [Path("/usr/bin") / name for name in PROGRAMS if (Path("/usr/bin") / name).exists()]
    for program in programs:
        root.file(program, str(program))
    stdlib = Path(sysconfig.get_path("stdlib", vars={"base": sys.base_prefix, "installed_base": sys.base_prefix}))
    prefix = Path("/usr") if sys.base_prefix == "/usr" else Path("/usr/local")
    python = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    root.file(python, f"{prefix}/bin/{version}")
    root.link(f"{prefix}/bin/python3", version)
    root.tree(stdlib, f"{prefix}/lib/{version}")
    root.tree(
        Path(sysconfig.get_path("purelib")) / "pip", _site(python).replace(sys.base_prefix, str(prefix), 1) + "/pip"
    )
    compiled = [python, *programs, *stdlib.glob("lib-dynload/*.so")]
    for name, path in sorted({**_loaded(compiled), **_known(LOADED_LATER)}.items()):
        root.file(Path(path), name)


def _site(python: Path) -> str:
    """Where the bare interpreter looks for packages first."""
    line = [str(python), "-I", "-c", "import site; print(site.getsitepackages()[0])"]
    return subprocess.run(line, capture_output=True, text=True, check=True).stdout.strip()


def _loaded(files: Iterable[Path]) -> dict[str, str]:
    """Place -> file of every library that `files` load, the loader too."""
    told = subprocess.run(["ldd", *map(str, files)], capture_output=True, text=True, check=False).stdout
    found = re.findall(r"(?:=> |^\s+)(/\S+) \(0x", told, re.M)
    return {path: path for path in found}


def _known(names: Iterable[str]) -> dict[str, str]:
    cache = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    lines = {name: re.search(rf"^\s*{re.escape(name)} .*=> (\S+)$", cache, re.M) for name in names}
    found = [line[1] for line in lines.values() if line]
    return {path: path for path in found} | _loaded(map(Path, found))


class _Root:
    """A tar that is the root of a file system: everything belongs to root, and everyone may read it."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self._links = {"bin", "lib", "lib64"} & {
            p.name for p in map(Path, ("/bin", "/lib", "/lib64")) if p.is_symlink()
        }
        self._known: set[str] = set()

    def folder(self, name: str, mode: int = 0o755) -> None:
        self._parents(name)
        self._add(name, tarfile.DIRTYPE, mode=mode)

    def link(self, name: str, target: str) -> None:
        self._add(name.strip("/"), tarfile.SYMTYPE, target=target)

    def text(self, name: str, text: str) -> None:
        self._add(name, tarfile.REGTYPE, mode=0o644, data=text.encode())

    def file(self, source: Path, name: str) -> None:
        self._add(
            self._real(name),
            tarfile.REGTYPE,
            mode=0o755 if os.access(source, os.X_OK) else 0o644,
            data=source.read_bytes(),
        )

    def tree(self, source: Path, name: str) -> None:
        for path in self._files(source):
            self.file(path, f"{name}/{path.relative_to(source)}")

    def _files(self, folder: Path) -> Iterator[Path]:
        for path in sorted(folder.iterdir()):
            if path.is_dir() and path.name not in LEFT_OUT and not path.name.startswith("config-"):
                yield from self._files(path)
            elif path.is_file() and not path.name.endswith((".a", ".pyc")):
                yield path

    def _real(self, name: str) -> str:
        """The name below the root, with /lib and its like as the links that they are here."""
        first, _, rest = name.strip("/").partition("/")
        return f"usr/{first}/{rest}" if first in self._links else name.strip("/")

    def _parents(self, name: str) -> None:
        for parent in reversed(Path(name).parents[:-1]):
            self._add(str(parent), tarfile.DIRTYPE, mode=0o755)

    def _add(self, name: str, kind: bytes, *, mode: int = 0o777, data: bytes = b"", target: str = "") -> None:
        if name in self._known:
            return
        self._known.add(name)
        if kind != tarfile.DIRTYPE:
            self._parents(name)
        member = tarfile.TarInfo(name)
        member.type, member.mode, member.size, member.linkname = kind, mode, len(data), target
        self._tar.addfile(member, io.BytesIO(data) if data else None)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    make(sys.argv[1])
