"""Mutations of a saved artifact, by name: what disks, copies, editors and attackers do to files.

Each is a function of a random generator and the folder, which it changes. Those in `FILES` and
`ARRAYS` change files, those in `DOCUMENTS` the manifest as a document (they return it changed), and
those in `TEXTS` its bytes. `rehash` afterwards gives the manifest the hashes of what is there.
"""

import io
import json
import os
import shutil
import struct
import zipfile
import zlib

import numpy as np

from tests.helpers.artifacts import contents, every_place, place_in

BIG = 10**10  # bytes of a file that takes no room on the disk
BOMB = 2 * 10**8  # bytes that a few hundred thousand unpack to
OTHERS = (None, True, -1, 0, 0.5, 7, "", "x", [], {}, [[1]], {"kind": "x"})
NUMBERS = (-1, 0, 1, 2, 10**3, 10**6, 2**20, 2**31, 2**53, 2**63, 2**64, 10**30, 1e308, 0.1)
WORDS = ("\0", "\ud800", "x" * 10**5, "../../etc/passwd", "/dev/zero", "__import__('os')", "nan")
RAW = ("1e400", "NaN", "-Infinity", "9" * 400, "9" * 10**5, "[" * 10**5, '{"a":' * 10**5, "\x00")


def pick(generator, values):
    return values[int(generator.integers(len(values)))]


def pick_file(generator, folder, end=""):
    names = [name for name in sorted(contents(folder)) if name.endswith(end)]
    return folder / pick(generator, names)


# Files


def truncated(generator, folder):
    file = pick_file(generator, folder)
    os.truncate(file, int(generator.integers(file.stat().st_size + 1)))


def bits_flipped(generator, folder):
    file = pick_file(generator, folder)
    content = bytearray(file.read_bytes())
    for position in generator.integers(len(content), size=generator.integers(1, 9)):
        content[position] ^= 1 << int(generator.integers(8))
    file.write_bytes(content)


def bytes_inserted(generator, folder):
    file = pick_file(generator, folder)
    content, at = file.read_bytes(), int(generator.integers(file.stat().st_size + 1))
    more = generator.bytes(int(generator.integers(1, 2000)))
    file.write_bytes(content[:at] + pick(generator, (more, b"\0" * len(more))) + content[at:])


def bytes_cut_out(generator, folder):
    file = pick_file(generator, folder)
    content, at = file.read_bytes(), int(generator.integers(file.stat().st_size + 1))
    file.write_bytes(content[:at] + content[at + int(generator.integers(1, 200)) :])


def noise(generator, folder):
    pick_file(generator, folder).write_bytes(generator.bytes(int(generator.integers(5000))))


def missing(generator, folder):
    pick_file(generator, folder).unlink()


def extra(generator, folder):
    names = ("evil.py", "variables/variables.data-00001-of-00002", "assets/words", "weights2.npz")
    file = folder / pick(generator, (*names, "saved_model.pbtxt", "deep/er/still"))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(generator.bytes(100))


def swapped(generator, folder):
    one, two = pick_file(generator, folder), pick_file(generator, folder)
    content = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(content)


def linked(generator, folder):
    """A link to what lies elsewhere: the same file, a device, a secret, itself, nothing."""
    file = pick_file(generator, folder)
    kept = folder.parent / "kept"
    shutil.move(file, kept)
    file.symlink_to(pick(generator, (kept, "/dev/zero", "/etc/passwd", file.name, "nothing", "/")))


def folder_linked(_, folder):
    shutil.move(folder / "variables", folder.parent / "kept")
    (folder / "variables").symlink_to(folder.parent / "kept")


def no_file(generator, folder):
    file = pick_file(generator, folder)
    file.unlink()
    pick(generator, (os.mkfifo, os.mkdir))(file)


def enormous(generator, folder):
    os.truncate(pick_file(generator, folder), BIG)


def padded(generator, folder):
    file = pick_file(generator, folder)
    file.write_bytes(file.read_bytes() + pick(generator, (b" ", b"\0", b"\n")) * 10**6)


# Arrays


def members(file):
    """The arrays of a file as bytes, by name."""
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_members(file, arrays, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in arrays.items() if isinstance(arrays, dict) else arrays:
            archive.writestr(name, content)


def npy(array, **options):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, **options)
    return stream.getvalue()


def change_array(generator, folder, change):
    """Give one array of weights or history another value, or None to drop it."""
    file = pick_file(generator, folder, ".npz")
    arrays = members(file)
    name = pick(generator, [name for name in arrays if name != "note.npy"])
    with np.errstate(all="ignore"):
        changed = change(np.lib.format.read_array(io.BytesIO(arrays[name])))
    arrays[name] = changed if isinstance(changed, bytes) else npy(changed, allow_pickle=True)
    write_members(file, arrays)


def array_renamed(generator, folder):
    file = pick_file(generator, folder, ".npz")
    arrays = members(file)
    old = pick(generator, list(arrays))
    new = pick(generator, ("00000.npy", "x.npy", "../x.npy", "values", "weights.npy", " "))
    write_members(file, [(new if name == old else name, arrays[name]) for name in arrays])


def array_dropped(generator, folder):
    file = pick_file(generator, folder, ".npz")
    arrays = members(file)
    arrays.pop(pick(generator, list(arrays)))
    write_members(file, arrays)


def array_added(generator, folder):
    file = pick_file(generator, folder, ".npz")
    name = pick(generator, ("00009.npy", "more.npy", "values.npy", "weights.npy"))
    write_members(file, [*members(file).items(), (name, npy(np.ones(3)))])


def arrays_shuffled(generator, folder):
    file = pick_file(generator, folder, ".npz")
    arrays = list(members(file).items())
    write_members(file, [arrays[number] for number in generator.permutation(len(arrays))])


def array_reshaped(generator, folder):
    ways = (
        np.transpose,
        np.ravel,
        lambda a: a[..., None],
        lambda a: a[:-1],
        lambda a: a[..., ::-1],
    )
    change_array(generator, folder, pick(generator, ways))


def array_of_another_dtype(generator, folder):
    dtypes = ("<f8", "<f4", ">f4", "<f2", "<i4", "bool", "<c8", "<U3", "O", "V4")
    change_array(generator, folder, lambda a: a.astype(pick(generator, dtypes)))


def not_a_number(generator, folder):
    def change(array):
        array.flat[generator.integers(array.size)] = pick(generator, (np.nan, np.inf, -np.inf))
        return array

    change_array(generator, folder, change)


def another_number(generator, folder):
    def change(array):
        array.flat[generator.integers(array.size)] = (
            generator.normal() * 10.0 ** generator.integers(4)
        )
        return array

    change_array(generator, folder, change)


def another_header(generator, folder):
    """A header that declares more, less, or something else than the bytes behind it."""
    shapes = ("(1000000000000,)", "(99999, 99999)", "(-1,)", "(2, 2)", "()", "(0,)", "(10**9,)")
    descriptions = ("'<f4'", "'|O'", "'<f8'", "[('a', '<f4')]", "'<U999999'", "open('/dev/zero')")
    header = (
        f"{{'descr': {pick(generator, descriptions)}, 'fortran_order': False, "
        f"'shape': {pick(generator, shapes)}}}\n"
    ).encode()
    version = pick(generator, (1, 2, 3, 9))
    length = struct.pack("<H" if version == 1 else "<I", len(header))
    change_array(
        generator,
        folder,
        lambda a: b"\x93NUMPY" + bytes([version, 0]) + length + header + a.tobytes(),
    )


def pickled(generator, folder):
    change_array(generator, folder, lambda a: np.array([{"a": 1}], object))


def bomb(generator, folder):
    """Arrays that unpack to far more than the file holds, one or many."""
    file = pick_file(generator, folder, ".npz")
    arrays = members(file)
    name = pick(generator, list(arrays))
    if generator.integers(2):
        arrays[name] = npy(np.zeros(BOMB, np.uint8))
    else:
        arrays |= {f"{number:05}.npy": npy(np.zeros(1000)) for number in range(2000)}
    write_members(file, arrays, zipfile.ZIP_DEFLATED)


def sizes_forged(generator, folder):
    """A directory of the archive that declares other sizes, and places that overlap."""
    file = pick_file(generator, folder, ".npz")
    content = bytearray(file.read_bytes())
    at = content.find(b"PK\x01\x02")
    for field in generator.choice([10, 20, 24, 42], size=2):  # method, sizes, place
        number = pick(generator, (0, 1, 2**16 - 1, 2**31, 2**32 - 1))
        content[at + field : at + field + 4] = struct.pack("<I", number)
    crc = pick(generator, (zlib.crc32(b""), 0))
    content[at + 16 : at + 20] = struct.pack("<I", crc)
    file.write_bytes(content)


# The manifest as a document


def pick_place(generator, document):
    """A place, where those near the top are as likely as those deep inside."""
    places = list(every_place(document))
    depth = pick(generator, sorted({len(place) for place in places}))
    return pick(generator, [place for place in places if len(place) == depth])


def change_value(generator, document, change, kinds=object):
    """Change the value at a place that holds one of these kinds."""
    for _ in range(100):
        *path, last = pick_place(generator, document)
        parent = place_in(document, path)
        if isinstance(parent[last], kinds) and not isinstance(parent[last], bool):
            parent[last] = change(parent[last])
            break
    return document


def key_deleted(generator, document):
    *path, last = pick_place(generator, document)
    del place_in(document, path)[last]
    return document


def key_renamed(generator, document):
    *path, last = pick_place(generator, document)
    parent = place_in(document, path)
    if isinstance(parent, dict):
        parent[pick(generator, ("x", "", "\0", f"{last}_", "__class__"))] = parent.pop(last)
    return document


def another_type(generator, document):
    return change_value(generator, document, lambda _: pick(generator, OTHERS))


def another_bound(generator, document):
    return change_value(generator, document, lambda _: pick(generator, NUMBERS), int | float)


def another_text(generator, document):
    return change_value(generator, document, lambda _: pick(generator, WORDS), str)


def another_list(generator, document):
    ways = (
        lambda a: a[:-1],
        lambda a: a + a,
        lambda a: a[::-1],
        lambda a: a * 10**3,
        lambda a: [a],
        lambda a: [*a, None],
    )
    return change_value(generator, document, pick(generator, ways), list)


def values_swapped(generator, document):
    paths = [pick_place(generator, document) for _ in range(2)]
    one, two = (place_in(document, path) for path in paths)
    for path, value in zip(paths, (two, one), strict=True):
        try:
            place_in(document, path[:-1])[path[-1]] = json.loads(json.dumps(value))
        except (LookupError, TypeError):  # the place went away with the first swap
            break
    return document


def nested(generator, document):
    deep = pick(generator, OTHERS)
    for _ in range(int(generator.integers(10, 400))):
        deep = [deep] if generator.integers(2) else {"a": deep}
    return change_value(generator, document, lambda _: deep)


def another_network(generator, document):
    """The config of the network, or what stands for it, changed at one or two places."""
    network = document["parameters"]["network"]
    config = json.loads(network["config"]) if "config" in network else network
    for _ in range(int(generator.integers(1, 3))):
        change = pick(generator, (key_deleted, another_type, another_bound, another_text))
        config = change(generator, config)
    if "config" in network:
        network["config"] = json.dumps(config)
    return document


def another_version(generator, document):
    return document | {"format_version": pick(generator, (*NUMBERS, *OTHERS))}


def another_place(generator, document):
    """Files by names outside of the folder, or of no file at all."""
    files = document["files"]
    name = pick(generator, ("../kept", "/etc/passwd", "/dev/zero", "", ".", "\0", "a" * 5000))
    files[name] = files.pop(pick(generator, list(files)))
    return document


# The manifest as bytes


def raw_value(generator, content):
    """What no document of Python holds, in the place of a number."""
    text = content.decode()
    places = [at for at, letter in enumerate(text) if letter in "0123456789"]
    at = pick(generator, places)
    return (text[:at] + pick(generator, RAW) + text[at + 1 :]).encode()


def key_twice(generator, content):
    at = content.find(b"{", int(generator.integers(len(content) // 2)))
    name = pick(generator, (b"files", b"spec", b"name", b"kind", b"a"))
    return content[: at + 1] + b'"%s": 1, "%s": 2, ' % (name, name) + content[at + 1 :]


def another_encoding(generator, content):
    text = content.decode()
    encodings = ("utf-16", "utf-32", "utf-8-sig")
    ways = [text.encode(encoding) for encoding in encodings]
    return pick(
        generator, (*ways, b"\xff" + content, content.replace(b"a", b"\xe4"), b"\0" * 10**4)
    )


FILES = (truncated, bits_flipped, bytes_inserted, bytes_cut_out, noise, missing, extra, swapped)
FILES += (linked, folder_linked, no_file, enormous, padded)
ARRAYS = (array_renamed, array_dropped, array_added, arrays_shuffled, array_reshaped, not_a_number)
ARRAYS += (array_of_another_dtype, another_number, another_header, pickled, bomb, sizes_forged)
DOCUMENTS = (key_deleted, key_renamed, another_type, another_bound, another_text, another_list)
DOCUMENTS += (values_swapped, nested, another_network, another_version, another_place)
TEXTS = (raw_value, key_twice, another_encoding)
