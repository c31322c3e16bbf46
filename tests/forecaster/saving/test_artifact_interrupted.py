"""Saves that fail or are killed: a whole artifact can be loaded at every moment."""

import errno
import itertools
import os
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from forecaster import Forecaster
from forecaster.saving import artifact, serving
from forecaster.utils import files
from tests.helpers.artifacts import HELPERS, contents

SIBLINGS = (".artifact.new", ".artifact.previous")


def first_weights(model):
    return model.model_.get_weights()[0]


def fails_at(monkeypatch, name, owner=artifact):
    def fail(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(owner, name, fail)


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("write", serving.Serving),
        ("write_arrays", artifact),
        ("sha256", artifact),
        ("write_whole", artifact),
        ("fsync", files.os),
    ],
)
def test_a_disk_that_is_full(name, owner, overwrite, two, saved, monkeypatch):
    (_, second), _ = two
    first, folder = saved
    if not overwrite:
        shutil.rmtree(folder)
    before = contents(folder.parent)
    fails_at(monkeypatch, name, owner)
    with pytest.raises(OSError, match="No space left on device"):
        second.save(folder, overwrite=overwrite)
    monkeypatch.undo()
    assert contents(folder.parent) == before
    assert [path.name for path in folder.parent.iterdir()] == ["artifact"] * overwrite
    if overwrite:
        assert np.array_equal(Forecaster.load(folder).predict(), first.predict())


@pytest.mark.parametrize("moment", [1, 2])
def test_a_move_that_fails_is_undone(moment, two, saved, monkeypatch):
    (_, second), _ = two
    first, folder = saved
    before, moves, rename = contents(folder.parent), [], Path.rename

    def move(self, target):
        moves.append(target)
        if len(moves) == moment:
            raise PermissionError("not yours")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", move)
    with pytest.raises(PermissionError, match="not yours"):
        second.save(folder, overwrite=True)
    assert contents(folder.parent) == before
    assert np.array_equal(Forecaster.load(folder).predict(), first.predict())


@pytest.mark.slow
def test_files_that_may_not_grow(saved, tmp_path):
    """The system itself refuses to write on, in the middle of every file that is large enough."""
    model, folder = saved
    sizes = sorted({len(content) for content in contents(folder).values()})
    code = (
        "import resource, signal, sys\n"
        "from forecaster import Forecaster\n"
        "model = Forecaster.load(sys.argv[1])\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "for size in map(int, sys.argv[2:]):\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))\n"
        "    try:\n"
        "        model.save(sys.argv[1], overwrite=True)\n"
        "    except OSError as error:\n"
        "        print('OSError', flush=True)\n"
    )
    limits = [str(size // 2) for size in sizes if size > 100]
    before = contents(folder)
    done = subprocess.run(
        [sys.executable, "-c", code, folder, *limits], check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == ["OSError"] * len(limits)
    assert len(limits) >= 3
    assert contents(folder) == before
    assert [path.name for path in folder.parent.iterdir()] == ["artifact"]
    assert np.array_equal(Forecaster.load(folder).predict(), model.predict())


def test_a_save_that_was_killed_between_its_moves(two, saved):
    """Loading finds what was moved aside, and the next save clears up."""
    (_, second), (_, other) = two
    first, folder = saved
    fresh, previous = (folder.with_name(name) for name in SIBLINGS)
    folder.rename(previous)
    shutil.copytree(other, fresh)
    assert np.array_equal(Forecaster.load(folder).predict(), first.predict())
    with pytest.raises(FileExistsError, match="must not exist yet"):
        second.save(folder)
    assert [path.name for path in folder.parent.iterdir()] == ["artifact"]
    shutil.copytree(other, previous)  # killed after the second move
    fresh.mkdir()  # and once more, while it wrote
    assert np.array_equal(Forecaster.load(folder).predict(), first.predict())
    second.save(folder, overwrite=True)
    assert [path.name for path in folder.parent.iterdir()] == ["artifact"]
    assert np.array_equal(Forecaster.load(folder).predict(), second.predict())


def test_what_was_deleted_does_not_come_back(two, saved):
    """A save killed after its moves leaves the old artifact beside the new one."""
    (_, second), (_, other) = two
    _, folder = saved
    fresh, previous = (folder.with_name(name) for name in SIBLINGS)
    for rests in ([], [fresh / "weights.npz"]):  # and another one, killed while it wrote
        shutil.copytree(other, previous, dirs_exist_ok=True)
        for rest in rests:
            rest.parent.mkdir()
            rest.write_text("half")
        shutil.rmtree(folder, ignore_errors=True)
        with pytest.raises(FileNotFoundError, match="Nothing is there"):
            Forecaster.load(folder)
    second.save(folder)
    assert [path.name for path in folder.parent.iterdir()] == ["artifact"]


def test_at_every_moment_of_a_save_a_whole_artifact_can_be_loaded(two, saved, monkeypatch):
    """Copies the folder before and after every operation on files: what a kill would leave."""
    (first, second), _ = two
    _, folder = saved
    moments = []

    def copy_of_the_moment():
        moments.append(folder.parent.with_name(f"moment {len(moments)}"))
        shutil.copytree(folder.parent, moments[-1])

    def watched(operation):
        def call(*arguments, **options):
            copy_of_the_moment()
            result = operation(*arguments, **options)
            copy_of_the_moment()
            return result

        return call

    for name in ("rename", "replace", "unlink", "rmdir", "fsync"):
        monkeypatch.setattr(os, name, watched(getattr(os, name)))
    second.save(folder, overwrite=True)
    monkeypatch.undo()
    found = []
    for moment in moments:
        for _ in range(2):
            _, weights, _ = artifact.load(moment / "artifact")
            found.append([np.array_equal(weights[0], first_weights(m)) for m in (first, second)])
            artifact._finish_interrupted(moment / "artifact")  # with which the next save begins
        assert {path.name for path in moment.iterdir()} <= {"artifact", ".artifact.lock"}
    switch = found.index([False, True])
    assert 20 < switch < len(found)
    assert found == [[True, False]] * switch + [[False, True]] * (len(found) - switch)


def test_loading_never_notices_a_save(two, saved, monkeypatch):
    """Artifacts take turns at one path, a hundred a second."""
    models, folders = two
    _, folder = saved
    turns, done = itertools.cycle(folders), threading.Event()

    def write(folder, *_):
        time.sleep(0.01)
        shutil.copytree(next(turns), folder)

    monkeypatch.setattr(artifact, "_write", write)

    def save():
        while not done.is_set():
            artifact.save(folder, *[None] * 4, overwrite=True)

    seen = set()
    with ThreadPoolExecutor(1) as pool:
        saving = pool.submit(save)
        try:
            for _ in range(300):
                _, weights, _ = artifact.load(folder)
                seen.add([np.array_equal(weights[0], first_weights(m)) for m in models].index(True))
        finally:
            done.set()
        saving.result()
    assert seen == {0, 1}


@pytest.mark.slow
def test_loading_while_it_is_saved_and_after_saves_were_killed(two, saved):
    models, folders = two
    _, folder = saved
    answers, seen = [model.predict() for model in models], set()

    def load():
        forecast = Forecaster.load(folder).predict()
        seen.add([forecast.equals(answer) for answer in answers].index(True))

    generator = np.random.default_rng(0)
    for _ in range(3):
        command = [sys.executable, HELPERS / "save_forever.py", *folders, folder]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "saved\n"
            for _ in range(3):
                load()
                time.sleep(generator.uniform(0, 0.1))
            process.kill()
        load()
    assert seen == {0, 1}
    models[0].save(folder, overwrite=True)
    assert [path.name for path in folder.parent.iterdir()] == ["artifact"]
