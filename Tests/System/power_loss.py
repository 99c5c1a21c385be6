"""What a power cut leaves of a folder, from the record that powerloss.c makes of everything a program asked of the
disk there.

What was synced survives: a file's bytes by a sync of the file, a name by a sync of its folder. Of the rest a choice
survives:

- "nothing";
- "prefix": everything up to some moment;
- "torn": any part, in any order, sector by sector.

Two more are for checking the record itself: "everything", which must be what the disk holds, and "no-sync", a disk
that lied about its syncs."""

import pathlib
import random
import shutil
import struct
import subprocess

SECTOR = 512
SOURCE = pathlib.Path(__file__).with_name("powerloss.c")
CHOICES = ["nothing", "prefix", "torn"]
HEAD = struct.Struct("<cIIQ")


def build_shim(folder):
    """Compiles the recorder. - Returns: what to preload."""
    library = folder / "powerloss.so"
    compiler = shutil.which("cc") or shutil.which("clang")
    subprocess.run([compiler, "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"], check=True)
    return library


class Disk:
    """The folder a program runs on, from one start to the power cut."""

    def __init__(self, folder, log):
        self.folder = folder
        self.log = log
        self.remember()

    def remember(self):
        """What is there now is safe, and a new record begins."""
        self.log.write_bytes(b"")
        self.start = {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in self.folder.rglob("*") if path.is_file() and not path.name.endswith("-shm")
        }

    def cut_power(self, choice):
        """Makes the folder what the power cut leaves. - Returns: how many of the steps since the start were lost."""
        steps = self._steps()
        kept = self._kept(steps, choice)
        files = self._replay(steps, kept, choice)
        for path in self.folder.rglob("*"):
            if path.is_file():
                path.unlink()
        for name, content in files.items():
            path = self.folder / name
            path.write_bytes(content)
            path.chmod(0o600)
        self.remember()
        return len(kept) - sum(kept)

    def everything(self):
        """The folder as the record has it, nothing lost: name and content."""
        steps = self._steps()
        return self._replay(steps, [True] * len(steps), "everything")

    def _steps(self):
        """The record, with the number of the file that each step is about: names change, files stay."""
        numbers = {name: number for number, name in enumerate(self.start)}
        count = len(numbers)
        steps = []
        with self.log.open("rb") as log:
            # A last record that was cut off did not happen: its program never heard that it did.
            while len(head := log.read(HEAD.size)) == HEAD.size:
                kind, path_length, length, offset = HEAD.unpack(head)
                path = log.read(path_length).decode()
                data = log.read(length)
                if len(data) < length:
                    break
                kind = kind.decode()
                if kind == "C":
                    numbers[path] = count
                    count += 1
                number = numbers.get(path)
                if kind == "R":
                    numbers[data.decode()] = numbers.pop(path)
                elif kind == "L":
                    numbers[data.decode()] = number
                elif kind == "U":
                    numbers.pop(path, None)
                steps.append((kind, number, path, offset, data))
        return steps

    @staticmethod
    def _kept(steps, choice):
        # Up to which record each file's bytes and each folder's names are safe.
        files, folders = {}, {}
        kept = []
        for index, (kind, number, path, offset, _) in reversed(list(enumerate(steps))):
            if kind == "S":
                # Only a folder has no number of its own.
                safe, key = (folders, path) if number is None else (files, number)
                safe[key] = max(safe.get(key, 0), offset)
                kept.append(True)
            elif kind in "WT":
                kept.append(index < files.get(number, 0))
            else:
                kept.append(index < folders.get(path.rpartition("/")[0], 0))
        kept.reverse()
        last = random.randrange(len(steps) + 1)
        if choice == "no-sync":
            return [False] * len(steps)
        if choice == "prefix":
            return [safe or index < last for index, safe in enumerate(kept)]
        if choice == "torn":
            return [safe or random.random() < 0.7 for safe in kept]
        return kept

    def _replay(self, steps, kept, choice):
        synced = self._kept(steps, "nothing")
        names = {name: number for number, name in enumerate(self.start)}
        contents = {number: bytearray(content) for number, content in enumerate(self.start.values())}
        for (kind, number, path, offset, data), survives, safe in zip(steps, kept, synced, strict=True):
            if not survives:
                continue
            content = contents.setdefault(number, bytearray())
            if kind == "W":
                for start in range(0, len(data), SECTOR):
                    part = data[start:start + SECTOR]
                    if safe or choice != "torn" or random.random() < 0.7:
                        put(content, offset + start, part)
            elif kind == "T":
                put(content, offset, b"")
                del content[offset:]
            elif kind == "C":
                names[path] = number
            elif kind in "RL":
                names[data.decode()] = number
                if kind == "R":
                    names.pop(path, None)
            elif kind == "U":
                names.pop(path, None)
        return {name: bytes(contents.get(number, b"")) for name, number in names.items()}


def put(content, offset, data):
    """Writes at a place; what lies before it and was never written is zeros."""
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset:offset + len(data)] = data
