"""What is wrong with an artifact is told with the file, before it is read: sizes, links, bombs."""

import io
import os
import shutil
import zipfile

import numpy as np
import pytest

from forecaster import Forecaster
from forecaster.saving.manifest import ArtifactError
from tests.helpers.artifacts import rehash, rewrite


def replace(folder, name, make):
    """Put what `make` makes in the place of a file."""
    (folder / name).unlink()
    make(folder / name)


def bomb(folder):
    """Weights that a thousandth of their bytes unpacks to, and that claim a gigabyte."""
    content = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        content, {"descr": "<f4", "fortran_order": False, "shape": (2**28,)}
    )
    with zipfile.ZipFile(folder / "weights.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("00000.npy", content.getvalue() + bytes(10**7))


DAMAGE = {  # what is done, with new hashes or not, and what is told
    "a device": (
        lambda f: replace(f, "weights.npz", lambda p: p.symlink_to("/dev/zero")),
        "'weights.npz' is a link",
    ),
    "a link elsewhere": (
        lambda f: (
            shutil.move(f / "saved_model.pb", f.parent),
            (f / "saved_model.pb").symlink_to(f.parent / "saved_model.pb"),
        ),
        "'saved_model.pb' is a link",
    ),
    "a linked folder": (
        lambda f: (
            shutil.move(f / "variables", f.parent),
            (f / "variables").symlink_to(f.parent / "variables"),
        ),
        "'variables' is a link",
    ),
    "a pipe": (lambda f: replace(f, "history.npz", os.mkfifo), "'history.npz' is no regular file"),
    "an unlisted pipe": (lambda f: os.mkfifo(f / "more"), "'more' is no regular file"),
    "a folder": (lambda f: replace(f, "weights.npz", os.mkdir), "'weights.npz' is missing"),
    "a manifest that is a link": (
        lambda f: (
            shutil.copy(f / "manifest.json", f.parent),
            replace(f, "manifest.json", lambda p: p.symlink_to(f.parent / "manifest.json")),
        ),
        "'manifest.json' is missing or damaged: is a link",
    ),
    "a manifest that is a pipe": (
        lambda f: replace(f, "manifest.json", os.mkfifo),
        "'manifest.json' is missing or damaged: is no regular file",
    ),
    "a giant manifest": (
        lambda f: os.truncate(f / "manifest.json", 10**12),
        "'manifest.json' is missing or damaged: has 1000000000000 bytes",
    ),
    "giant weights": (
        lambda f: os.truncate(f / "weights.npz", 10**12),
        "'weights.npz' differs from what was saved: 1000000000000 bytes",
    ),
    "a giant graph of an older artifact": (
        lambda f: (
            rewrite(f, lambda m: {name: m[name] for name in m if name != "sizes"}),
            os.truncate(f / "saved_model.pb", 10**12),
        ),
        "'saved_model.pb' differs from what was saved: 1000000000000 bytes",
    ),
    "a bomb": (lambda f: (bomb(f), rehash(f)), "'weights.npz' .* holds no arrays of ours"),
    "an extra file": (
        lambda f: (f / "evil.py").write_text("import os"),
        "'evil.py' is not listed in its manifest",
    ),
    "an extra shard": (
        lambda f: (f / "variables" / "variables.data-00001-of-00002").write_text("x"),
        "'variables/variables.data-00001-of-00002' is not listed",
    ),
    "unchecked weights": (
        lambda f: rewrite(f, lambda m: m | {"files": {}}),
        "'weights.npz' is missing",
    ),
    "an unchecked history": (
        lambda f: rewrite(
            f, lambda m: m | {"files": {n: m["files"][n] for n in m["files"] if n[0] != "h"}}
        ),
        "'history.npz' is not listed in its manifest",
    ),
    "a file outside": (
        lambda f: rewrite(f, lambda m: m | {"files": m["files"] | {"../x": "0" * 64}}),
        r"'\.\./x' is missing",
    ),
    "a wrong hash": (
        lambda f: rewrite(f, lambda m: m | {"files": m["files"] | {"saved_model.pb": "0" * 64}}),
        "'saved_model.pb' differs from what was saved",
    ),
    "no hash": (
        lambda f: rewrite(f, lambda m: m | {"files": dict.fromkeys(m["files"], None)}),
        r"`files\['fingerprint.pb'\]` must be a text like \[0-9a-f\]\{64\}; it is None",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_told_with_the_file(damage, saved):
    _, folder = saved
    harm, words = DAMAGE[damage]
    harm(folder)
    with pytest.raises(ArtifactError, match=rf"damaged.*{words}|{words}"):
        Forecaster.load(folder)


def test_what_desktops_and_servers_add_does_no_harm(saved):
    model, folder = saved
    for name in (".DS_Store", ".git/config", "variables/.nfs01", "assets.extra/requests"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("x")
    (folder / "empty").mkdir()
    assert Forecaster.load(folder).predict().equals(model.predict())


def test_a_path_that_leads_in_circles(tmp_path):
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    with pytest.raises((FileNotFoundError, ValueError), match=r"must be an artifact"):
        Forecaster.load(tmp_path / "circle")
